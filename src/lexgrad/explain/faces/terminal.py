"""A derivation for the terminal: aligned plain text, and the same with rich's tables and colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lexgrad.explain.faces.report import (
    Equation,
    count_text,
    fits_inline,
    number_text,
    product_of,
    remarks,
    sections,
    summary,
)
from lexgrad.explain.faces.text import Text, as_text
from lexgrad.explain.faces.writing import POWER

if TYPE_CHECKING:
    from rich.console import Group

    from lexgrad.explain.derivation import Derivation, Path


def derivation_text(derivation: Derivation) -> str:
    """Plain text, columns aligned."""
    blocks = []
    for title, rows in _tables(derivation):
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = ["  " + " ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        blocks.append("\n".join([title, *(line.rstrip() for line in lines)]))
    for path in derivation.paths:
        blocks.append("\n".join(_path_lines(derivation, path)))
    blocks.append("\n".join(_closing(derivation)))
    return "\n\n".join(block for block in blocks if block)


def derivation_rich(derivation: Derivation) -> Group:
    """The same for ``rich.print``."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text as Styled

    parts: list[Any] = []
    for title, rows in _tables(derivation):
        parts.append(Styled(title, "bold"))
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 1))
        for style in ("cyan", "", "green"):
            table.add_column(style=style, overflow="fold")
        for row in rows:
            table.add_row(*map(Styled, row))
        parts += [table, Styled("")]
    for path in derivation.paths:
        first, *rest = _path_lines(derivation, path)
        parts.append(Styled(first, "bold"))
        parts += [Styled(line) for line in rest]
        parts.append(Styled(""))
    parts += [Styled(line) for line in _closing(derivation)]
    return Group(*parts)


def _tables(derivation: Derivation) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    for section in sections(derivation):
        yield section.title, [_cells(equation) for equation in section.equations]


def _cells(equation: Equation) -> tuple[str, str, str]:
    formula = "" if equation.formula is None else f"= {as_text(equation.formula)}"
    value = "" if equation.value is None else f"= {value_text(equation.value)}"
    return as_text(equation.left), formula, value + (" (given)" if equation.given else "")


def value_text(value: Any) -> str:
    """A number, a small array, or a large one in words."""
    array = np.asarray(value)
    if array.ndim == 0:
        return number_text(float(array))
    return _nested(array.tolist()) if fits_inline(array) else f"[{summary(array)}]"


def _nested(value: Any) -> str:
    return f"[{', '.join(map(_nested, value))}]" if isinstance(value, list) else number_text(float(value), 4)


def _path_lines(derivation: Derivation, path: Path) -> Iterator[str]:
    symbols, formulas, values = product_of(path)
    number = "" if len(derivation.paths) == 1 else f" {derivation.paths.index(path) + 1}"
    yield f"Path{number}: " + " ← ".join([derivation.target.name, *(as_text(factor.wrt) for factor in path.factors)])
    if not symbols:
        return
    yield f"  {' · '.join(map(as_text, symbols))}"
    yield f"  = {' · '.join(Text().bracketed(formula, POWER) for formula in formulas)}"
    yield f"  = {' · '.join(_signed(values))}"
    if len(values) > 1:
        yield f"  = {number_text(path.product)}"


def _signed(values: Sequence[float]) -> Iterator[str]:
    return (number_text(value) if value >= 0 else f"({number_text(value)})" for value in values)


def _closing(derivation: Derivation) -> Iterator[str]:
    if derivation.wrt is not None and derivation.entry is not None:
        count = derivation.number_of_paths
        over = "" if count is None or count < 2 else f" (the sum over {count_text(count)} paths)"
        yield f"{as_text(derivation.symbol)} = {number_text(derivation.sum)}{over}"
    yield from remarks(derivation)
