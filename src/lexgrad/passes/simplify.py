"""The standard pipeline: every pass, again and again, until nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from weakref import WeakSet

from lexgrad.debugging import asked
from lexgrad.errors import LexgradError
from lexgrad.graph import INPUT, Firing, Graph, Node, Origin, RewriteRule, again_on, rewrite
from lexgrad.passes import (
    algebra,
    combined,
    common,
    folding,
    hoisting,
    movement,
    pieces,
    reductions,
    repeats,
    selection,
    sinking,
    sparse,
    stable,
    tidying,
    watching,
    winners,
)
from lexgrad.passes.scans import LoopRule, groups, rewrite_loops

FAMILIES: Mapping[str, Sequence[RewriteRule]] = {
    "folding": folding.RULES,
    "selection": selection.RULES,
    "movement": [*movement.RULES, *pieces.RULES, *reductions.RULES],
    "stable": stable.RULES,
    "algebra": algebra.RULES,
    "sparse": [*sparse.RULES, *combined.RULES, *winners.RULES],
    "late": winners.LATE,
}
"""All rules, by family; for one node, those of earlier families are tried first."""

RULES: tuple[RewriteRule, ...] = tuple(rule for rules in FAMILIES.values() for rule in rules)


LOOP_RULES: tuple[LoopRule, ...] = (*tidying.RULES, *hoisting.RULES, *sinking.RULES)
"""The rules for loops, in the order in which they are tried."""


class Pass(NamedTuple):
    """A step of the pipeline.

    Attributes:
        name: what it is called where it is watched.
        run: gives the new graph, and what fired.
    """

    name: str
    run: Callable[[Graph], tuple[Graph, list[Firing]]]


def _family(*names: str) -> Callable[[Graph], tuple[Graph, list[Firing]]]:
    rules = [rule for name in names for rule in FAMILIES[name]]
    return lambda graph: rewrite(graph, rules)


_SIMPLE: WeakSet[Graph] = WeakSet()
"""Bodies of loops in which nothing is left to do."""


def _bodies(graph: Graph) -> tuple[Graph, list[Firing]]:
    """The bodies of loops, simplified like any other graph."""
    firings: list[Firing] = []
    replaced: dict[Node, Node] = {}
    for members in groups(graph).values():
        body = members[0].attributes["body"]
        if body in _SIMPLE:
            continue
        body, fired = _run(PIPELINE, body)
        _SIMPLE.add(body)
        if fired:
            firings += fired
            for node in members:
                replaced[node] = again_on(node, node.inputs, {**node.attributes, "body": body})
    if not replaced:
        return graph, []
    new: dict[Node, Node] = {node: node for node in graph.inputs.values()}
    for node in graph.nodes:
        if node not in new:
            kept, inputs = replaced.get(node, node), tuple(new[operand] for operand in node.inputs)
            new[node] = again_on(kept, inputs) if inputs != kept.inputs else kept
    return Graph(graph.inputs, {name: new[node] for name, node in graph.outputs.items()}, graph.name), firings


# What a loop need not do is taken out of it first, while sums and products still look as differentiation leaves them.
# Stable forms are looked for before algebra takes quotients apart, and rows are carried last, when every scalar has
# found its place.
PIPELINE: tuple[Pass, ...] = (
    Pass("common", common.eliminate_common),
    Pass("loops", tidying.join_loops),
    Pass("loops", lambda graph: rewrite_loops(graph, LOOP_RULES)),
    Pass("bodies", _bodies),
    Pass("stable", _family("folding", "selection", "movement", "stable")),
    Pass("common", common.eliminate_common),
    Pass("algebra", _family("folding", "selection", "movement", "stable", "algebra")),
    Pass("common", common.eliminate_common),
    Pass("sparse", _family("folding", "movement", "sparse")),
    Pass("late", _family("late")),
)


def simplify(graph: Graph) -> Graph:
    """The graph with less to compute: equal values once, constants worked out, algebra, stable forms, sparse updates.

    The result has the same inputs and outputs under the same names, and the same values but for rounding (see
    :mod:`lexgrad.passes.algebra` for what is assumed). Simplified again it stays as it is. Run it on a graph that is
    to be evaluated or compiled: ``stop_gradient`` is gone from the result, so it is not for differentiating. With
    ``LEXGRAD_DEBUG=passes`` every rule that fires is printed to standard error.

    Args:
        graph: any legal graph; it stays as it is.

    Raises:
        LexgradError: the rules undo each other on this graph, which is a fault in them.
    """
    return run([*PIPELINE, Pass("repeats", repeats.multiply_once)], graph)


def stabilise(graph: Graph) -> Graph:
    """Only the stable forms, and what has to be brought together to see them; safe before differentiation."""
    return run([Pass("common", common.eliminate_common), Pass("stable", _family("movement", "stable"))], graph)


def common_subexpressions(graph: Graph) -> Graph:
    """Equal nodes become one; see :func:`lexgrad.passes.common.eliminate_common`."""
    return run([Pass("common", common.eliminate_common)], graph)


def dead_code(graph: Graph) -> Graph:
    """Nodes that no output needs are gone; see :func:`lexgrad.passes.common.eliminate_dead`."""
    return run([Pass("dead", common.eliminate_dead)], graph)


def apply_rules(graph: Graph, *families: str) -> Graph:
    """Only the rules of these families (keys of ``FAMILIES``), until none fires.

    Raises:
        KeyError: there is no such family.
    """
    return run([Pass(" ".join(families), _family(*families))], graph)


def run(passes: Sequence[Pass], graph: Graph, limit: int = 50) -> Graph:
    """Run passes one after the other, and all of them again until none does anything.

    Raises:
        LexgradError: they still do something after ``limit`` rounds.
    """
    return _run(passes, graph, limit)[0]


def _run(passes: Sequence[Pass], graph: Graph, limit: int = 50) -> tuple[Graph, list[Firing]]:
    graph = own_copy(graph)
    watched = asked("passes")
    fired: list[Firing] = []
    done: dict[Pass, Graph] = {}  # on which graph a pass had nothing to do
    for _ in range(limit):
        for each in passes:
            if done.get(each) is graph:
                continue
            after, firings = each.run(graph)
            if watched:
                watching.report(each.name, graph, firings)
            if firings:
                fired += firings
                graph = after
            else:
                done[each] = graph
        if all(done.get(each) is graph for each in passes):
            return own_copy(graph), fired
    raise LexgradError(f"the passes over graph {graph.name!r} still find something to do after {limit} rounds")


def own_copy(graph: Graph) -> Graph:
    """The graph on nodes of its own (save for inputs), so that names given to them do not show elsewhere.

    Bodies of loops are copied too. Origins lead to the copy of the forward node where the graph has it.
    """
    new: dict[Node, Node] = {}
    bodies: dict[Graph, Graph] = {}
    for node in graph.nodes:
        if node.primitive is INPUT or node.__class__ is not Node:
            new[node] = node
            continue
        operands = tuple(new[operand] for operand in node.inputs)
        attributes = node.attributes
        if "body" in attributes:
            body = attributes["body"]
            attributes = {**attributes, "body": bodies.setdefault(body, own_copy(body))}
        new[node] = Node(node.primitive, operands, attributes, node.type, node.name, None, node.location)
    for node, copy in new.items():
        if node.origin is not None and copy is not node:
            copy.origin = Origin(new.get(node.origin.node, node.origin.node), node.origin.input)
    return Graph(graph.inputs, {name: new[node] for name, node in graph.outputs.items()}, graph.name)
