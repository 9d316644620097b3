"""The rewrite driver: applies named rules to a graph until none fires, and says which fired where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from lexgrad.errors import LexgradError
from lexgrad.graph.graph import Graph, rebuild
from lexgrad.graph.node import Node


class RewriteRule(NamedTuple):
    """One named rule.

    Attributes:
        name: what it does, readable as mathematics: ``"x * 1 → x"``.
        primitive: the primitive whose nodes it looks at, by name.
        rewrite: ``rewrite(node)`` returns the node to use in place of the one given, or None where the rule does not
            apply.
        counts: whether the rule asks how often nodes are used, and is called as ``rewrite(node, users)``: see
            ``count_users``. Nodes made since the count are not in it; what they make of the graph is tried again.
        example: makes a graph on which the rule fires, for people and for the table test.
    """

    name: str
    primitive: str
    rewrite: Callable[..., Node | None]
    counts: bool = False
    example: Callable[[], Graph] | None = None


class Firing(NamedTuple):
    """One rule that fired: the node before and the node after."""

    rule: str
    before: Node
    after: Node


def count_users(graph: Graph) -> dict[Node, int]:
    """How often each node is an operand or an output."""
    users = dict.fromkeys(graph.nodes, 0)
    for node in graph.nodes:
        for operand in node.inputs:
            users[operand] += 1
    for node in graph.outputs.values():
        users[node] += 1
    return users


def rewrite(graph: Graph, rules: Sequence[RewriteRule], limit: int = 100) -> tuple[Graph, list[Firing]]:
    """Apply ``rules`` to every node, inputs first, until none fires any more.

    A result is tried again until no rule applies to it, and the whole graph again until no rule applies anywhere (a
    rule may make several nodes); what becomes unreachable is gone from the new graph. What a rule makes has the
    origin and the location of the node that it was made for, and its name unless it has one.

    Args:
        graph: what to rewrite; it stays as it is.
        rules: for one primitive, the first that applies is taken.
        limit: how often in a row one place may be rewritten, and how often the whole graph; or as often as it has
            nodes, for what a rule moves may pass one of them a round.

    Raises:
        LexgradError: ``limit`` was reached, as by rules that undo each other, or a rule changed a node's type.
    """
    rewriting = _Rewriting(rules, limit)
    rounds = max(limit, len(graph.nodes))
    for _ in range(rounds):
        before = len(rewriting.firings)
        graph = rewriting.round(graph)
        if len(rewriting.firings) == before:
            return graph, rewriting.firings
    last = rewriting.firings[-1].rule
    raise LexgradError(f"rewriting does not end: still firing after {rounds} rounds, the last {last!r}")


class _Rewriting:
    """One call of ``rewrite``: the rules by primitive, what fired, and where nothing can fire any more."""

    def __init__(self, rules: Sequence[RewriteRule], limit: int) -> None:
        self.limit = limit
        self.firings: list[Firing] = []
        self.rules: dict[str, list[RewriteRule]] = {}
        self.counting: dict[str, list[RewriteRule]] = {}
        for rule in rules:
            self.rules.setdefault(rule.primitive, []).append(rule)
            if rule.counts:
                self.counting.setdefault(rule.primitive, []).append(rule)
        # Nodes never change: where no rule applied, none will, save for those that count users.
        self.settled: set[Node] = set()
        self.users: Mapping[Node, int] = {}
        self.known: set[Node] = set()

    def round(self, graph: Graph) -> Graph:
        """Try every node of the graph."""
        self.users = count_users(graph) if self.counting else {}
        self.known = set(graph.nodes)
        new = rebuild(graph.nodes, {node: node for node in graph.inputs.values()}, self.simplify)
        return Graph(graph.inputs, {name: new[node] for name, node in graph.outputs.items()}, graph.name)

    def simplify(self, node: Node) -> Node:
        """What the rules make of one node whose operands have been simplified."""
        for _ in range(self.limit):
            table = self.counting if node in self.settled else self.rules
            found = self._first(table.get(node.primitive.name, ()), node)
            if found is None:
                self.settled.add(node)
                self.known.add(node)
                return node
            self.firings.append(found)
            node = found.after
        last = self.firings[-1].rule
        raise LexgradError(f"rewriting does not end: {self.limit} rules fired in a row, the last {last!r}")

    def _first(self, rules: Iterable[RewriteRule], node: Node) -> Firing | None:
        for rule in rules:
            after = rule.rewrite(node, self.users) if rule.counts else rule.rewrite(node)
            if after is not None and after is not node:
                if after.type != node.type:
                    raise LexgradError(f"rule {rule.name!r} makes {after.describe()} of {node.describe()}")
                self._adopt(node, after)
                return Firing(rule.name, node, after)
        return None

    def _adopt(self, node: Node, after: Node) -> None:
        """Give what was made for ``node`` its origin and location, and the result its name."""
        if not after.name:
            after.name = node.name
        self.known.update((node, *node.inputs))
        stack = [after]
        while stack:
            made = stack.pop()
            if made not in self.known:
                made.origin, made.location = node.origin, node.location
                self.known.add(made)
                stack.extend(made.inputs)
