"""The vectors nearest to a query by cosine, out of a million: one pass through memory, in compiled code."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.graph import Dim, Graph, Type, input_node
from lexgrad.train.engine import Runner, runner

COMPILED = 1 << 22  # numbers in a matrix, beyond which compiled code pays
BLOCK = 1024  # scores of which only the largest is looked at first
ROWS_AT_ONCE = 1 << 14

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]


class Nearest:
    """Cosines of a query with every row of a matrix, float32 (n, d), which is neither copied nor changed."""

    def __init__(self, matrix: Float32) -> None:
        self.matrix = matrix

    @cached_property
    def inverse_norms(self) -> Float32:
        """1 / the Euclidean norm of each row, 0 for a row of zeros: float32 (n,)."""
        norms = np.empty(len(self.matrix), np.float32)
        for begin in range(0, len(norms), ROWS_AT_ONCE):
            rows = np.asarray(self.matrix[begin : begin + ROWS_AT_ONCE], np.float64)
            norms[begin : begin + len(rows)] = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        return np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)

    def unit(self, rows: Int64) -> Float32:
        """Return rows scaled to length 1: float32 (rows, d)."""
        found: Float32 = self.matrix[rows] * self.inverse_norms[rows, None]
        return found

    def cosines(self, query: Float32) -> Float32:
        """Return the cosine of a query (d,) with every row, float32 (n,)."""
        length = float(np.linalg.norm(query))
        unit = np.asarray(query / length if length else query, np.float32)
        if self.matrix.size < COMPILED:
            small: Float32 = (self.matrix @ unit) * self.inverse_norms
            return small
        found = self._program.run({"matrix": self.matrix, "query": unit, "inverse": self.inverse_norms})
        return np.asarray(found["cosines"], np.float32)

    @cached_property
    def _program(self) -> Runner:
        rows, width = Dim("rows"), self.matrix.shape[1]
        matrix = input_node("matrix", Type("float", (rows, width)))
        query = input_node("query", Type("float", (width,)))
        inverse = input_node("inverse", Type("float", (rows,)))
        cosines = ops.matmul(matrix, query) * inverse
        inputs = {node.name: node for node in (matrix, query, inverse)}
        return runner(Graph(inputs, {"cosines": cosines}, name="cosines"), "fp32")


def largest(scores: Float32, count: int) -> Int64:
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
