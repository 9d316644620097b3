"""Edges between the steps that are shown: the linear maps by which blame goes back, read off the backward graph."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.explain.forward import value_of
from lexgrad.grad import gradient
from lexgrad.graph import CONSTANT, Node, input_node, rebuild

Array = NDArray[Any]
WORK = 3e8
"""How many numbers may be computed for one edge's Jacobian before it is left out."""


class TooLarge(Exception):  # noqa: N818 - not an error: the aggregated form says it all
    """A Jacobian has too many entries to be written down."""


@dataclass(frozen=True, eq=False)
class Blame:
    """What a step sends to one below it: a graph that is linear in the cotangent of the step.

    Attributes:
        of: the node above.
        wrt: the node below.
        seed: stands for the cotangent of ``of``.
        sent: what ``wrt`` receives of it, a node over ``seed`` and forward nodes.
        values: of the forward nodes; what does not depend on the seed is added as it is computed.
    """

    of: Node
    wrt: Node
    seed: Node
    sent: Node
    values: dict[Node, Array]
    _memory: dict[str, Any] = field(default_factory=dict, repr=False)

    def pull(self, cotangent: Array) -> Array:
        """The cotangent of ``of`` times the Jacobian: what ``wrt`` is blamed, in its shape."""
        return evaluate_over(self.sent, {self.seed: cotangent}, self.values)

    def push(self, tangent: Array) -> Array:
        """The Jacobian times a change of ``wrt``: the change of ``of``, in its shape.

        ``sent`` is linear in the seed, and so its coefficients are its own gradient.
        """
        if "push" not in self._memory:
            change = input_node("change", self.wrt.type)
            (moved,) = gradient(ops.sum(self.sent * change), [self.seed])
            self._memory["push"] = (change, moved)
        change, moved = self._memory["push"]
        return evaluate_over(moved, {change: tangent}, self.values)

    @property
    def diagonal(self) -> Array | None:
        """The local derivative of each entry where the map is entry by entry, else None; a number for scalars."""
        if "diagonal" not in self._memory:
            self._memory["diagonal"] = self._diagonal()
        found: Array | None = self._memory["diagonal"]
        return found

    def _diagonal(self) -> Array | None:
        if self.of.shape != self.wrt.shape:
            return None
        ones = self.pull(np.ones(_shape(self.of)))
        if ones.size <= 1:
            return ones
        # A linear map that scales random numbers each by its own factor has no entries beside the diagonal.
        numbers = np.random.default_rng(0).uniform(1.0, 2.0, ones.shape)
        close = 1e-13 * float(np.nanmax(np.abs(ones), initial=0.0))  # rounding, next to what matters
        fits = np.allclose(self.pull(numbers), ones * numbers, rtol=1e-12, atol=close, equal_nan=True)
        return ones if fits else None

    def jacobian(self, columns: Array) -> tuple[Array, Array, Array]:
        """Entries of the Jacobian: rows (entries of ``of``), columns (entries of ``wrt``), both flat, and numbers.

        Args:
            columns: the flat entries of ``wrt`` that are asked for, sorted.

        Raises:
            TooLarge: it would take too long to write down.
        """
        rows, width = _size(self.of), _size(self.wrt)
        if not len(columns) or not rows:
            return columns[:0], columns[:0], np.zeros(0)
        if self.diagonal is not None:
            return columns, columns, self.diagonal.reshape(-1)[columns]
        if min(len(columns), rows) * max(rows, width) > WORK:
            raise TooLarge
        if len(columns) < rows:
            table = np.stack([self.push(_unit(column, self.wrt)).reshape(-1) for column in columns], axis=1)
        else:
            table = np.stack([self.pull(_unit(row, self.of)).reshape(-1)[columns] for row in range(rows)])
        found, places = np.nonzero(table) if table.size > 1 else (np.zeros(1, int), np.zeros(1, int))
        return found, columns[places], table[found, places]


def blames(
    step: Node,
    steps: set[Node],
    place: Mapping[Node, int],
    shares: Mapping[tuple[Node, int], Node],
    cotangents: Mapping[Node, Node],
    values: dict[Node, Array],
) -> tuple[list[Blame], list[Node]]:
    """What one step sends to each of the steps right below it, through the nodes in between that are not shown.

    Args:
        step: the step above.
        steps: every node that is shown.
        place: the position of each forward node in topological order.
        shares: what the backward graph sends along each edge.
        cotangents: the backward graph's cotangent of each node.
        values: of the forward nodes.

    Returns:
        the maps, and the steps below that the step uses without a derivative in them.
    """
    seed = input_node(f"∂/∂{step.name}", step.type)
    between = _between(step, steps)
    sent: dict[Node, Node] = {}
    received = {step: seed}
    used: dict[Node, None] = {}
    for node in sorted({step, *between}, key=place.__getitem__, reverse=True):
        for i, operand in enumerate(node.inputs):
            if operand in steps:
                used[operand] = None
            if node not in received or (node, i) not in shares:
                continue
            share = _substituted(shares[node, i], cotangents[node], received[node], place)
            into = sent if operand in steps else received
            into[operand] = into[operand] + share if operand in into else share
    below = sorted(sent, key=place.__getitem__)
    without = [node for node in sorted(used, key=place.__getitem__) if node not in sent]
    return [Blame(step, node, seed, sent[node], values) for node in below], without


def _between(step: Node, steps: set[Node]) -> set[Node]:
    found: set[Node] = set()
    stack = [operand for operand in step.inputs if operand not in steps]
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack.extend(operand for operand in node.inputs if operand not in steps)
    return found


def _substituted(share: Node, cotangent: Node, seed: Node, forward: Mapping[Node, int]) -> Node:
    """``share`` with ``seed`` in place of the cotangent that it was made for."""
    order = backward_order(share, {cotangent}, forward)
    return rebuild(order, {cotangent: seed}).get(share, share)


def backward_order(node: Node, known: Iterable[Node], forward: Mapping[Node, Any]) -> list[Node]:
    """Topological order of what ``node`` needs beyond the nodes that are known and the forward graph."""
    seen = set(known)
    order: list[Node] = []
    stack = [node]
    while stack:
        part = stack[-1]
        if part in seen or part in forward:
            stack.pop()
            continue
        missing = [operand for operand in part.inputs if operand not in seen and operand not in forward]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        seen.add(part)
        order.append(part)
    return order


def evaluate_over(node: Node, given: Mapping[Node, Array], values: dict[Node, Array]) -> Array:
    """The value of a backward node, given values for some; what does not depend on these is kept in ``values``."""
    own: dict[Node, Array] = dict(given)
    with np.errstate(all="ignore"):
        for part in backward_order(node, own, values):
            if any(operand in own for operand in part.inputs):
                own[part] = value_of(part, ChainMap(own, values))
            elif part.primitive is CONSTANT or part.inputs or part.closed:
                values[part] = value_of(part, values)
    return own[node] if node in own else values[node]


def _shape(node: Node) -> tuple[int, ...]:
    return tuple(int(size) for size in node.shape)  # type: ignore[arg-type]


def _size(node: Node) -> int:
    return int(np.prod(_shape(node), dtype=int))


def _unit(place: int, node: Node) -> Array:
    unit = np.zeros(_size(node))
    unit[place] = 1.0
    return unit.reshape(_shape(node))
