"""The rewrite driver: applies named rules to a graph until none fires, and says which fired where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from lexgrad.errors import LexgradError
from lexgrad.graph.graph import Graph, rebuild
from lexgrad.graph.node import Node


class RewriteRule(NamedTuple):
    """One named rule.

    Attributes:
        name: what it does, readable as mathematics: ``"x*1 → x"``.
        primitive: the primitive whose nodes it looks at, by name.
        rewrite: returns the node to use in place of the one given, or None where the rule does not apply.
    """

    name: str
    primitive: str
    rewrite: Callable[[Node], Node | None]


class Firing(NamedTuple):
    """One rule that fired: the node before and the node after."""

    rule: str
    before: Node
    after: Node


def rewrite(graph: Graph, rules: Sequence[RewriteRule], limit: int = 100) -> tuple[Graph, list[Firing]]:
    """Apply ``rules`` to every node, inputs first, until none fires any more.

    A result is tried again until no rule applies to it, and the whole graph again until no rule applies anywhere (a
    rule may make several nodes); what becomes unreachable is gone from the new graph.

    Args:
        graph: what to rewrite; it stays as it is.
        rules: for one primitive, the first that applies is taken.
        limit: how often in a row one place, and how often the whole graph, may be rewritten.

    Raises:
        LexgradError: ``limit`` was reached, as by rules that undo each other, or a rule changed a node's type.
    """
    table: dict[str, list[RewriteRule]] = {}
    for rule in rules:
        table.setdefault(rule.primitive, []).append(rule)
    firings: list[Firing] = []

    def simplify(node: Node) -> Node:
        for _ in range(limit):
            found = _first(table.get(node.primitive.name, ()), node)
            if found is None:
                return node
            firings.append(found)
            node = found.after
        raise LexgradError(f"rewriting does not end: {limit} rules fired in a row, the last {firings[-1].rule!r}")

    for _ in range(limit):
        before = len(firings)
        new = rebuild(graph.nodes, {node: node for node in graph.inputs.values()}, simplify)
        graph = Graph(graph.inputs, {name: new[node] for name, node in graph.outputs.items()}, graph.name)
        if len(firings) == before:
            return graph, firings
    raise LexgradError(f"rewriting does not end: still firing after {limit} rounds, the last {firings[-1].rule!r}")


def _first(rules: Sequence[RewriteRule], node: Node) -> Firing | None:
    for rule in rules:
        after = rule.rewrite(node)
        if after is not None and after is not node:
            if after.type != node.type:
                raise LexgradError(f"rule {rule.name!r} makes {after.describe()} of {node.describe()}")
            if not after.name:
                after.name = node.name
            return Firing(rule.name, node, after)
    return None
