"""Local derivatives of single entries as formulas: the backward graph's linear map, run on symbols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.explain import mathematics
from lexgrad.explain.edges import Blame, backward_order, evaluate_over
from lexgrad.explain.mathematics import Math, entry, of_primitive
from lexgrad.graph import CONSTANT, Node

Array = NDArray[Any]
LARGEST = 200_000
"""Entries in all that are run as symbols; a larger map's entries are given as numbers only."""
_RUN = {"matmul", "sum", "broadcast", "reshape", "transpose", "slice", "pad", "reverse", "concatenate", "take",
        "scatter_add", "put_along", "take_along", "segment_sum", "segment_repeat"}  # fmt: skip


class Entries:
    """Formulas of single entries of local derivatives.

    Args:
        labels: the formula of every step by its node.
    """

    def __init__(self, labels: Mapping[Node, Math]) -> None:
        self.labels = labels
        self._leaves: dict[Node, Array] = {}
        self._tables: dict[tuple[Blame, tuple[int, ...]], Array | None] = {}

    def formula(self, blame: Blame, of_entry: tuple[int, ...], wrt_entry: tuple[int, ...]) -> Math | None:
        """∂of[of_entry]/∂wrt[wrt_entry] as a formula of entries, or None where it would be too long.

        The map is given the symbol 1 at ``of_entry`` and 0 elsewhere; what arrives at ``wrt_entry`` is the formula.
        """
        if (blame, of_entry) not in self._tables:
            self._tables[blame, of_entry] = self._table(blame, of_entry)
        table = self._tables[blame, of_entry]
        if table is None:
            return None
        formula = mathematics.mathematics(table[wrt_entry])
        return formula if formula.size <= mathematics.LARGEST else None

    def _table(self, blame: Blame, of_entry: tuple[int, ...]) -> Array | None:
        """What arrives at every entry of ``wrt``."""
        order = backward_order(blame.sent, {blame.seed, *self.labels}, {})
        if sum(_count(node) for node in order) > LARGEST:
            return None
        unit = np.full(_shape(blame.seed), mathematics.ZERO, dtype=object)
        unit[of_entry] = mathematics.ONE
        symbols: dict[Node, Array] = {blame.seed: unit}
        for node in order:
            made = self._symbols(node, symbols, blame.values)
            if made is None:
                return None
            symbols[node] = made
        found = symbols[blame.sent] if blame.sent in symbols else self._leaf(blame.sent)
        return np.asarray(found, dtype=object)

    def _symbols(self, node: Node, symbols: dict[Node, Array], values: dict[Node, Array]) -> Array | None:
        """The entries of a node; None where the seed goes through an operation that is not written out by entries."""
        if node.type.dtype != "float":
            return evaluate_over(node, {}, values)
        if node.primitive is CONSTANT:
            return _numbers(np.array(node.attributes["value"]))
        for operand in node.inputs:
            if operand not in symbols:
                symbolic = operand in self.labels and operand.type.dtype == "float"
                symbols[operand] = self._leaf(operand) if symbolic else evaluate_over(operand, {}, values)
        operands = [symbols[operand] for operand in node.inputs]
        if node.primitive.name in _RUN:
            return np.asarray(node.primitive.evaluate(*operands, **node.attributes), dtype=object)
        if all(np.shape(operand) == _shape(node) for operand in operands):
            result = np.empty(_shape(node), dtype=object)
            for place in np.ndindex(result.shape):
                parts = [mathematics.mathematics(operand[place]) for operand in operands]
                result[place] = of_primitive(node.primitive.name, parts, node.attributes)
            return result
        return _numbers(values[node]) if node in values else None

    def _leaf(self, node: Node) -> Array:
        """The entries of a step: ``W[0, 0]``, ``W[0, 1]``, ..."""
        if node not in self._leaves:
            table = self._leaves[node] = np.empty(_shape(node), dtype=object)
            for place in np.ndindex(table.shape):
                table[place] = entry(self.labels[node], place)
        return self._leaves[node]


def _numbers(value: Array) -> Array:
    result = np.empty(value.shape, dtype=object)
    for place in np.ndindex(value.shape):
        result[place] = mathematics.number(value[place])
    return result


def _shape(node: Node) -> tuple[int, ...]:
    return tuple(int(size) for size in node.shape)  # type: ignore[arg-type]


def _count(node: Node) -> int:
    return int(np.prod(_shape(node), dtype=int)) * (3 if node.primitive.name == "matmul" else 1)
