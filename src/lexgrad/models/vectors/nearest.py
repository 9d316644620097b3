"""The rows of a matrix nearest to a query by cosine, out of a million: first bytes, then the numbers themselves."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from lexgrad.compile.quantised import QuantisedRows

LOOKED_THROUGH = 1 << 20  # numbers in a matrix, beyond which its rows are held as bytes, too
BLOCK = 1024  # scores of which only the largest is looked at first
ROWS_AT_ONCE = 1 << 12
QUERIES_AT_ONCE = 8

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


class Nearest:
    """The nearest rows of a matrix, float32 (n, d), which is neither copied nor changed.

    Answers are those of going through all cosines in float64. A large matrix is looked through as bytes, which bound
    how large a cosine can be, and only rows whose bound reaches the least of the answers are computed.
    """

    def __init__(self, matrix: Float32) -> None:
        self.matrix = matrix

    def unit(self, rows: Int64) -> Float32:
        """Return rows scaled to length 1: float32 (rows, d)."""
        found: Float32 = np.asarray(self.matrix[rows], np.float32)
        for begin in range(0, len(found), ROWS_AT_ONCE):
            part = found[begin : begin + ROWS_AT_ONCE]
            part *= _inverse_norms(part.astype(np.float64))[:, None]
        return found

    def search(self, queries: Float32, count: int) -> Iterator[tuple[Int64, Float64]]:
        """Yield the nearest rows of each query and their cosines, the nearest first; of equal ones the earlier.

        Args:
            queries: float32 (m, d).
            count: how many rows, at least 1; there may be fewer.
        """
        units = np.asarray(queries, np.float64)
        units = units * _inverse_norms(units)[:, None]
        large = self.matrix.size >= LOOKED_THROUGH and self.matrix.flags.c_contiguous and _compiled()
        for begin in range(0, len(units), QUERIES_AT_ONCE):
            some = units[begin : begin + QUERIES_AT_ONCE]
            if not large:
                yield from (self._best(np.arange(len(self.matrix)), unit, count) for unit in some)
                continue
            for unit, bounds in zip(some, self._bytes.bounds(some.astype(np.float32)), strict=True):
                first = largest(bounds, count)
                least = self._best(first, unit, count)[1][-1]
                yield self._best(np.flatnonzero(bounds >= np.float32(least)), unit, count)

    @cached_property
    def _bytes(self) -> QuantisedRows:
        from lexgrad.compile.quantised import QuantisedRows

        return QuantisedRows(self.matrix)

    def _best(self, rows: Int64, unit: Float64, count: int) -> tuple[Int64, Float64]:
        """The nearest of some rows."""
        cosines = np.empty(len(rows))
        for begin in range(0, len(rows), ROWS_AT_ONCE):
            some = self.matrix[rows[begin : begin + ROWS_AT_ONCE]].astype(np.float64)
            cosines[begin : begin + len(some)] = np.einsum("ij,j->i", some, unit) * _inverse_norms(some)
        np.nan_to_num(cosines, copy=False, nan=-1.0)
        best = largest(cosines, count)
        return rows[best], cosines[best]


def _compiled() -> bool:
    from lexgrad.train.engine import engine_name

    return engine_name() == "compiled"


def _inverse_norms(rows: Float64) -> Float64:
    """1 / the Euclidean norm of each row, 0 for a row of zeros."""
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    inverse: Float64 = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    return inverse


def largest(scores: Float32 | Float64, count: int) -> Int64:
    """Return the places of the ``count`` largest scores, the largest first; of equal ones the earlier first."""
    count = min(count, len(scores))
    whole = len(scores) // BLOCK * BLOCK
    if count * BLOCK * 4 > whole:
        candidates = np.arange(len(scores))
    else:
        # The largest scores lie in the blocks with the largest maxima: the rest is read once and never sorted.
        tops = scores[:whole].reshape(-1, BLOCK).max(axis=1)
        least = np.partition(tops, len(tops) - count)[len(tops) - count]
        blocks = np.flatnonzero(tops >= least)
        inside = (blocks[:, None] * BLOCK + np.arange(BLOCK)).ravel()
        candidates = np.concatenate([inside, np.arange(whole, len(scores))])
        candidates = candidates[scores[candidates] >= least]
    order = np.lexsort((candidates, -scores[candidates]))[:count]
    return candidates[order]
