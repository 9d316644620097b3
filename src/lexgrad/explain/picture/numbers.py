"""Numbers and arrays as short lines of text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

ENTRIES = 4  # of a row that is written out
ROWS = 4
DIGITS = 3  # of the entries of an array


def number_text(value: Any, digits: int = 4) -> str:
    """A number in four significant digits, with a minus sign that is one: ``−0.2589``, ``5``, ``1.2e−7``."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return f"{value}".replace("-", "−")
    value = float(value)
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    return f"{value + 0.0:.{digits}g}".replace("e+", "e").replace("e0", "e").replace("e-0", "e-").replace("-", "−")


def is_small(value: ArrayLike) -> bool:
    """Whether an array is written out entry by entry: up to four rows of up to four."""
    shape = np.shape(value)
    return len(shape) < 3 and all(size <= most for size, most in zip(shape[::-1], (ENTRIES, ROWS), strict=False))


def array_lines(value: ArrayLike) -> list[str]:
    """A value in few short lines: a number, a row, the rows of a small matrix; else its sizes and its norm."""
    array = np.asarray(value)
    if array.ndim == 0:
        return [number_text(array.item())]
    if is_small(array) and array.size:
        return [_row(array)] if array.ndim == 1 else [_row(row) for row in array]
    sizes = f"{' × '.join(map(str, array.shape))} numbers"
    return [f"{sizes}, norm {norm_text(array)}" if array.size and array.dtype.kind == "f" else sizes]


def norm_text(value: ArrayLike) -> str:
    """The Euclidean norm of all entries."""
    return number_text(np.linalg.norm(np.asarray(value, np.float64)))


def _row(row: Any) -> str:
    return f"[{' '.join(number_text(entry, DIGITS) for entry in row)}]"


def array_text(value: ArrayLike) -> str:
    """The same in one line."""
    lines = array_lines(value)
    return lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
