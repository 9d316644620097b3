"""Loops taken apart and put together again: what the rules for loops work on, and the pass that applies them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from lexgrad.graph import (
    INPUT,
    Firing,
    Graph,
    Node,
    Size,
    again_on,
    depending_on,
    distinct,
    group_key,
    input_node,
    rebuild,
    topological,
    user_location,
)
from lexgrad.ops.packed_scan import PACKED_SCAN
from lexgrad.ops.scan import SCAN, loop


class Carry(NamedTuple):
    """A carry: what stands for it in the body, what it is before the first step, and its new value in the body."""

    inner: Node
    start: Node
    new: Node


@dataclass
class Loop:
    """A loop taken apart. Nodes of the body are called inner, those of the graph around it outer.

    Attributes:
        name: the body's name.
        length: the number of steps.
        reverse: whether they go from the last to the first.
        carries: by number of the output that they have, inner and outer.
        sequences: inner nodes that stand for an entry, with the outer sequences.
        shared: inner nodes with their outer values.
        results: inner nodes by number of the output that they have.
        used: the numbers of the outputs that the graph reads.
    """

    name: str
    length: Size
    reverse: bool
    carries: dict[int, Carry]
    sequences: dict[Node, Node]
    shared: dict[Node, Node]
    results: dict[int, Node]
    used: frozenset[int]
    _ordered: tuple[list[Node], list[Node]] | None = None

    @classmethod
    def of(cls, members: Sequence[Node], inputs: Sequence[Node]) -> Loop:
        """Take a group apart, on other inputs than it has."""
        settings = members[0].attributes
        body: Graph = settings["body"]
        count, sequences = settings["carries"], settings["sequences"]
        inner, new = list(body.inputs.values()), list(body.outputs.values())
        given = dict(zip(inner, inputs, strict=True))
        return cls(
            body.name,
            settings["length"],
            settings["reverse"],
            {j: Carry(inner[j], inputs[j], new[j]) for j in range(count)},
            {node: given[node] for node in inner[count : count + sequences]},
            {node: given[node] for node in inner[count + sequences :]},
            dict(enumerate(new[count:], count)),
            frozenset(member.attributes["output"] for member in members),
        )

    @property
    def outputs(self) -> list[Node]:
        """The inner nodes that the body gives: new carries and results."""
        return [*(carry.new for carry in self.carries.values()), *self.results.values()]

    @property
    def order(self) -> list[Node]:
        """Every inner node that the outputs need, in topological order."""
        outputs = self.outputs
        if self._ordered is None or self._ordered[0] != outputs:
            self._ordered = outputs, topological(outputs)
        return self._ordered[1]

    @property
    def carried(self) -> set[Node]:
        """The inner nodes that depend on a carry, carries included."""
        return depending_on(self.order, (carry.inner for carry in self.carries.values()))

    @property
    def stepwise(self) -> set[Node]:
        """The inner nodes that depend on a sequence or a carry, these included."""
        return depending_on(self.order, [*(carry.inner for carry in self.carries.values()), *self.sequences])

    def replace(self, replaced: Mapping[Node, Node]) -> None:
        """Put inner nodes in the place of others."""
        copies = rebuild(self.order, replaced)
        self.carries = {j: carry._replace(new=copies[carry.new]) for j, carry in self.carries.items()}
        self.results = {i: copies[node] for i, node in self.results.items()}

    def emit(self, extra: Sequence[Node] = ()) -> tuple[dict[int, Node], list[Node]]:
        """Put the loop together.

        Args:
            extra: inner nodes whose stacks are wanted besides.

        Returns:
            the outer nodes of carries and results by their numbers, and the stacks of ``extra``.
        """
        starts = [carry.start for carry in self.carries.values()]
        inner = [*(carry.inner for carry in self.carries.values()), *self.sequences, *self.shared]
        labels = distinct(node.name or "x" for node in inner)
        new = [*self.outputs, *extra]
        names = distinct([carry.inner.name or "x" for carry in self.carries.values()])
        names += distinct([node.name or "out" for node in new[len(names) :]], names)
        body = Graph(dict(zip(labels, inner, strict=True)), dict(zip(names, new, strict=True)), self.name)
        values = loop(
            [*starts, *self.sequences.values(), *self.shared.values()],
            body,
            carries=len(starts),
            sequences=len(self.sequences),
            length=self.length,
            reverse=self.reverse,
        )
        numbered = dict(zip([*self.carries, *self.results], values, strict=False))
        return numbered, values[len(numbered) :]


def entry_of(sequence: Node, name: str = "") -> Node:
    """A new inner node that stands for an entry of an outer sequence."""
    return input_node(name or sequence.name or "entry", sequence.type.with_shape(sequence.shape[1:]))


Change: TypeAlias = Callable[[Loop], "dict[int, Node] | None"]


class LoopRule(NamedTuple):
    """A named rule for loops.

    Attributes:
        name: what it does.
        change: gives the outer nodes in place of the outputs that are used, by number; None where it does not apply.
        example: makes a graph on which the rule fires, for people and for the table test.
    """

    name: str
    change: Change
    example: Callable[[], Graph]


def rewrite_loops(graph: Graph, rules: Sequence[LoopRule]) -> tuple[Graph, list[Firing]]:
    """Apply each rule once to every loop of a graph; returns the new graph, and what fired."""
    firings: list[Firing] = []
    for rule in rules:
        if any(node.primitive is SCAN for node in graph.nodes):
            graph = _apply(rule, graph, firings)
    return graph, firings


def groups(graph: Graph) -> dict[Hashable, list[Node]]:
    """The loops of a graph, packed ones too, each as the nodes that are its outputs."""
    found: dict[Hashable, list[Node]] = {}
    for node in graph.nodes:
        if node.primitive is SCAN or node.primitive is PACKED_SCAN:
            found.setdefault(group_key(node), []).append(node)
    return found


def _apply(rule: LoopRule, graph: Graph, firings: list[Firing]) -> Graph:
    members = groups(graph)
    new: dict[Node, Node] = {node: node for node in graph.inputs.values()}
    for node in graph.nodes:
        if node in new:
            continue
        inputs = tuple(new[operand] for operand in node.inputs)
        group = members[group_key(node)] if node.primitive is SCAN else []
        outputs = rule.change(Loop.of(group, inputs)) if group else None
        if outputs is None:
            new[node] = node if inputs == node.inputs else again_on(node, inputs)
            continue
        known = set(new.values())
        for member in group:
            new[member] = outputs[member.attributes["output"]]
        adopt(node, [new[member] for member in group], known)
        firings.append(Firing(rule.name, node, new[node]))
    return Graph(graph.inputs, {name: new[node] for name, node in graph.outputs.items()}, graph.name)


def adopt(loop: Node, made: Iterable[Node], known: Collection[Node]) -> None:
    """Give the nodes that were made for a loop its origin and location, unless they have those of an inner node."""
    here = user_location()
    stack, seen = list(made), set(known)
    while stack:
        node = stack.pop()
        if node in seen or node.primitive is INPUT:
            continue
        seen.add(node)
        stack.extend(node.inputs)
        if node.origin is None and node.location == here:
            node.origin, node.location = loop.origin, loop.location
