"""``LEXGRAD_DEBUG=passes``: what the passes did, rule by rule, for people to read."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from lexgrad.graph import CONSTANT, INPUT, Firing, Graph, Node, formula, node_names, statements, topological


def report(name: str, graph: Graph, firings: Iterable[Firing]) -> None:
    """Print to standard error what fired in one pass over ``graph``."""
    for firing in firings:
        print(f"{name}, {graph.name}: {describe(firing)}", file=sys.stderr)


def describe(firing: Firing) -> str:
    """A rule that fired: its name, and before and after as a formula and as the lines of text that differ."""
    after, name = firing.after, firing.after.name
    if name == firing.before.name:
        after.name = ""  # it has the name from the node before, in which it may occur
    before = _side("before", firing.before, after)
    after.name = name
    return "\n".join([firing.rule, *before, *_side("after", after, firing.before)])


def _side(word: str, node: Node, other: Node) -> list[str]:
    shared = set(topological([other]))
    parts = [part for part in _cone(node) if part not in shared]
    lines = _lines([part for part in parts if part is node or part.primitive is not CONSTANT])
    return [f"    {word}:  {_headline(node)}", *(f"        {line}" for line in lines)]


def _headline(node: Node) -> str:
    return f"{node.name} = {formula(node)}" if node.name and node.primitive is not INPUT else formula(node)


def _cone(node: Node, most: int = 8) -> list[Node]:
    """The node and what is close below it, operands first."""
    found = {node: None}
    queue = [node]
    while queue and len(found) < most:
        for operand in queue.pop(0).inputs:
            if operand not in found:
                found[operand] = None
                queue.append(operand)
    return [part for part in topological([node]) if part in found]


def _lines(nodes: Sequence[Node]) -> list[str]:
    """The text form of some nodes; what they are made of stands for inputs."""
    own = set(nodes)
    edge = dict.fromkeys(operand for node in nodes for operand in node.inputs if operand not in own)
    fragment = _Fragment(edge, nodes)
    return statements(fragment, node_names(fragment))


class _Fragment(Graph):
    """Some nodes of a graph, for the printer: the nodes below them are its inputs, whatever they are."""

    def __init__(self, edge: Iterable[Node], nodes: Sequence[Node]) -> None:
        self.name = "fragment"
        names: dict[str, Node] = {}
        for node in edge:
            label = node.name or formula(node, 30)
            while label in names:
                label += "'"
            names[label] = node
        self.inputs = names
        self.outputs = {}
        self.nodes = (*names.values(), *nodes)
