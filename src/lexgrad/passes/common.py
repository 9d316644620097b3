"""Common subexpressions: equal nodes become one. And dead code, which is gone from every graph that is made."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from lexgrad.graph import CONSTANT, Firing, Graph, Node, rebuild
from lexgrad.passes.pattern import COMMUTATIVE

COMPARED = 4096
"""Entries of the largest constant that is compared entry by entry; a larger one is equal to itself only."""


def eliminate_common(graph: Graph) -> tuple[Graph, list[Firing]]:
    """One node in place of several with the same primitive, attributes and inputs.

    The operands of + and * may stand in either order. Constants are equal if dtype, shape and every entry are; 0.0 and
    -0.0 are two numbers, and NaN is one. The first of equal nodes stays, under its name, or the first name given to any
    of them. Outputs keep their names; two of them may now be one node.

    Returns:
        the new graph, and for each node that is gone itself and the one in its place.
    """
    first: dict[Hashable, Node] = {}
    position: dict[Node, int] = {}
    firings: list[Firing] = []

    def one(node: Node) -> Node:
        position.setdefault(node, len(position))
        kept = first.setdefault(_key(node, position), node)
        if kept is not node:
            kept.name = kept.name or node.name
            firings.append(Firing("equal nodes → one node", node, kept))
        return kept

    given = {node: node for node in graph.inputs.values()}
    for node in given:
        position[node] = len(position)
    new = rebuild(graph.nodes, given, one)
    return Graph(graph.inputs, {name: new[node] for name, node in graph.outputs.items()}, graph.name), firings


def eliminate_dead(graph: Graph) -> tuple[Graph, list[Firing]]:
    """The graph without nodes that no output needs.

    A Graph is made of its outputs and holds what they need and nothing else, so this gives an equal graph; it is here
    to say so. Inputs stay, needed or not: they are the function's signature.
    """
    return Graph(graph.inputs, graph.outputs, graph.name), []


def _key(node: Node, position: dict[Node, int]) -> Hashable:
    if node.primitive is CONSTANT:
        return "constant", node.type, _entries(node)
    operands = [position[operand] for operand in node.inputs]
    if node.primitive.name in COMMUTATIVE:
        operands.sort()
    return node.primitive.name, tuple(operands), tuple(sorted(node.attributes.items(), key=lambda item: item[0]))


def _entries(node: Node) -> Hashable:
    size = node.type.size
    value = node.attributes["value"]
    return id(value) if not isinstance(size, int) or size > COMPARED else _Entries(value, node.type.dtype)


class _Entries:
    """A number, or nested tuples of numbers, all of whose entries are compared, but not those of one with itself."""

    def __init__(self, value: Any, dtype: str) -> None:
        self.value, self.dtype = value, dtype

    def __hash__(self) -> int:
        first = self.value
        while isinstance(first, tuple) and first:
            first = first[0]
        return hash(_exactly(first, self.dtype))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Entries):
            return NotImplemented
        return self.value is other.value or _exactly(self.value, self.dtype) == _exactly(other.value, other.dtype)


def _exactly(value: Any, dtype: str) -> Hashable:
    if isinstance(value, tuple):
        return tuple(_exactly(entry, dtype) for entry in value)
    return float(value).hex() if dtype == "float" else value
