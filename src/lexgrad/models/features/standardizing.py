"""Column means and deviations, learned on the training examples: inputs normalised to mean 0 and deviation 1.

Dense rows are transformed. Sparse rows stay sparse: with D the deviations and μ the means,

    ((x − μ) / D) W = (x / D) W − (μ / D) W,

so the stored entries are divided by D, and the graph subtracts the one row (μ / D) W from every text's product.
A column that never varies has deviation 0 and is divided by 1 instead. Deviations divide by n, as scikit-learn's do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lexgrad.text.packed import SparseRows

Vector = NDArray[np.float64]
_ROWS = 4096


def dense_moments(x: NDArray[np.float64]) -> tuple[Vector, Vector]:
    """(means, deviations) of the columns of x (n, d)."""
    deviations = x.std(axis=0)
    # A constant column can have a deviation of rounding error instead of 0.
    tiny = 10 * np.finfo(np.float64).eps * np.abs(x).max(axis=0, initial=0.0)
    return x.mean(axis=0), np.where(deviations > tiny, deviations, 1.0)


def sparse_moments(rows: SparseRows) -> tuple[Vector, Vector]:
    """(means, deviations) of the columns of sparse rows, zeros counted; one pass in float64."""
    sums, squares, n = np.zeros(rows.columns), np.zeros(rows.columns), max(len(rows), 1)
    offsets = rows.offsets
    for begin in range(0, len(rows), _ROWS):
        part = slice(int(offsets[begin]), int(offsets[min(begin + _ROWS, len(rows))]))
        values = np.asarray(rows.values[part], dtype=np.float64)
        sums += np.bincount(rows.ids[part], values, minlength=rows.columns)
        squares += np.bincount(rows.ids[part], values * values, minlength=rows.columns)
    means = sums / n
    deviations = np.sqrt(np.maximum(squares / n - means * means, 0.0))
    return means, np.where(deviations > 1e-7 * np.sqrt(squares / n), deviations, 1.0)
