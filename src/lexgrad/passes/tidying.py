"""Loops without what nobody reads, without what is there twice, and one loop in place of two over the same values."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator

from lexgrad import ops
from lexgrad.graph import Firing, Graph, Node, again_on, distinct, input_node, rebuild, topological
from lexgrad.ops.movement import broadcast
from lexgrad.passes.common import eliminate_common
from lexgrad.passes.rules import example, floats, is_a
from lexgrad.passes.scans import Loop, LoopRule, groups
from lexgrad.trace import scan


def drop_unused(loop: Loop) -> dict[int, Node] | None:
    """Carries, results, sequences and shared values that no used output needs are gone."""
    results = {i: node for i, node in loop.results.items() if i in loop.used}
    live = {j for j in loop.carries if j in loop.used}
    while True:
        needed = set(topological([*results.values(), *(loop.carries[j].new for j in live)]))
        more = {j for j, carry in loop.carries.items() if carry.inner in needed}
        if more <= live:
            break
        live |= more
    before = len(loop.carries), len(loop.results), len(loop.sequences), len(loop.shared)
    loop.carries = {j: carry for j, carry in loop.carries.items() if j in live}
    loop.results = results
    loop.sequences = {inner: outer for inner, outer in loop.sequences.items() if inner in needed}
    loop.shared = {inner: outer for inner, outer in loop.shared.items() if inner in needed}
    after = len(loop.carries), len(loop.results), len(loop.sequences), len(loop.shared)
    return loop.emit()[0] if after != before else None


def join_equal_inputs(loop: Loop) -> dict[int, Node] | None:
    """Sequences and shared values that are one outer node become one inner node."""
    replaced: dict[Node, Node] = {}
    for given in (loop.sequences, loop.shared):
        first: dict[Node, Node] = {}
        for inner, outer in list(given.items()):
            kept = first.setdefault(outer, inner)
            if kept is not inner:
                replaced[inner] = kept
                del given[inner]
    if not replaced:
        return None
    loop.replace(replaced)
    return loop.emit()[0]


def join_equal_results(loop: Loop) -> dict[int, Node] | None:
    """Results that are one inner node are one output; an entry of a sequence is given back as the sequence."""
    first: dict[Node, int] = {}
    for i, node in loop.results.items():
        first.setdefault(node, i)
    given = {i: loop.sequences[node] for i, node in loop.results.items() if node in loop.sequences}
    twice = {i: first[node] for i, node in loop.results.items() if first[node] != i and i not in given}
    if not given and not twice:
        return None
    loop.results = {i: node for i, node in loop.results.items() if i not in given and i not in twice}
    found = loop.emit()[0]
    return {**found, **given, **{i: found[j] for i, j in twice.items()}}


def share_constant_carries(loop: Loop) -> dict[int, Node] | None:
    """A carry that no step changes is a shared value."""
    constant = {j: carry for j, carry in loop.carries.items() if carry.new is carry.inner}
    if not constant:
        return None
    loop.carries = {j: carry for j, carry in loop.carries.items() if j not in constant}
    loop.shared |= {carry.inner: carry.start for carry in constant.values()}
    finals = {j: carry.start for j, carry in constant.items()}
    given = {carry.inner: carry.start for carry in constant.values()}
    for i, node in list(loop.results.items()):
        if node in given:
            x = given[node]
            finals[i] = broadcast(x, (loop.length, *x.shape), range(1, x.ndim + 1))
            del loop.results[i]
    return {**loop.emit()[0], **finals}


def share_repeated_entries(loop: Loop) -> dict[int, Node] | None:
    """A sequence of one value again and again is a shared value."""
    replaced: dict[Node, Node] = {}
    for inner, outer in list(loop.sequences.items()):
        if is_a(outer, "broadcast") and 0 not in outer.attributes["axes"]:
            (value,) = outer.inputs
            one = input_node(value.name or "shared", value.type)
            axes = [axis - 1 for axis in outer.attributes["axes"]]
            replaced[inner] = broadcast(one, inner.shape, axes)
            loop.shared[one] = value
            del loop.sequences[inner]
    if not replaced:
        return None
    loop.replace(replaced)
    return loop.emit()[0]


def join_loops(graph: Graph) -> tuple[Graph, list[Firing]]:
    """One loop in place of two over the same values whose carries are the same: a loop and its extension, say."""
    firings: list[Firing] = []
    while True:
        pair = next(_pairs(graph), None)
        if pair is None:
            return graph, firings
        first, other, body, places = pair
        new = {node: _member(node, body, node.attributes["output"]) for node in first}
        new |= {node: _member(node, body, places[node.attributes["output"]]) for node in other}
        firings.append(Firing("loops over the same values → one loop", other[0], new[other[0]]))
        copies = rebuild(graph.nodes, {**{node: node for node in graph.inputs.values()}, **new})
        graph = Graph(graph.inputs, {name: copies[node] for name, node in graph.outputs.items()}, graph.name)


def _pairs(graph: Graph) -> Iterator[tuple[list[Node], list[Node], Graph, dict[int, int]]]:
    """Pairs of loops that can be one: the nodes of both, their body, and where the outputs of the second are in it."""
    alike: dict[Hashable, list[list[Node]]] = {}
    for members in groups(graph).values():
        alike.setdefault(_place(members[0]), []).append(members)
    for loops in alike.values():
        for first, other in itertools.combinations(loops, 2):
            joined = _joined(first, other)
            if joined is not None:
                yield first, other, *joined


def _place(node: Node) -> Hashable:
    """What two loops have in common that go the same way over the same values."""
    own = {"body", "output"}
    return node.primitive, node.inputs, tuple((name, x) for name, x in node.attributes.items() if name not in own)


def _member(node: Node, body: Graph, output: int) -> Node:
    return again_on(node, node.inputs, {**node.attributes, "body": body, "output": output})


def _joined(first: list[Node], other: list[Node]) -> tuple[Graph, dict[int, int]] | None:
    """A body that does what both do, and where the outputs of the second are in it; None where carries differ."""
    carries: int = first[0].attributes["carries"]
    one: Graph = first[0].attributes["body"]
    two: Graph = other[0].attributes["body"]
    copies = rebuild(two.nodes, dict(zip(two.inputs.values(), one.inputs.values(), strict=True)))
    own, theirs = list(one.outputs.values()), [copies[node] for node in two.outputs.values()]
    labels = [f"{i}" for i in range(len(own) + len(theirs))]
    both = eliminate_common(Graph(one.inputs, dict(zip(labels, [*own, *theirs], strict=True)), one.name))[0]
    outputs = list(both.outputs.values())
    own, theirs = outputs[: len(own)], outputs[len(own) :]
    if own[:carries] != theirs[:carries]:
        return None
    named = dict(zip(one.outputs, own, strict=True))
    places = {node: i for i, node in reversed(list(enumerate(own))) if i >= carries}
    found = {j: j for j in range(carries)}
    for i, (label, node) in enumerate(zip(two.outputs, theirs, strict=True)):
        if i >= carries:
            if node not in places:
                places[node] = len(named)
                named[distinct([label], named)[0]] = node
            found[i] = places[node]
    return Graph(one.inputs, named, one.name), found


def _step(h: tuple[Node, Node], x: tuple[Node, Node]) -> tuple[tuple[Node, Node], list[Node]]:
    """A carry that never changes, a slice that nobody reads, and what is there twice."""
    new = ops.tanh(h[0] * x[1] + h[1])
    return (new, h[1]), [new, x[1], new, h[1]]


def _read_once(h: Node, k: Node, x: Node) -> Node:
    results = scan(_step, (h, k), (x, x))[1]
    return ops.sum(results[0]) + ops.sum(results[1]) + ops.sum(results[2]) + ops.sum(results[3])


def _repeated(h: Node, x: Node) -> Node:
    last: Node = scan(lambda h, x: (ops.tanh(h * x), None), h, ops.broadcast_to(x, (3, 2)))[0]
    return last


_EXAMPLE = example(_read_once, floats(2), floats(2), floats(3, 2))

RULES: list[LoopRule] = [
    LoopRule("loop: what no used output needs → nothing", drop_unused, _EXAMPLE),
    LoopRule("loop: a carry that never changes → shared", share_constant_carries, _EXAMPLE),
    LoopRule(
        "loop: a sequence of one value → shared", share_repeated_entries, example(_repeated, floats(2), floats(2))
    ),
    LoopRule("loop: equal sequences or shared values → one", join_equal_inputs, _EXAMPLE),
    LoopRule("loop: equal results → one; an entry of a sequence → the sequence", join_equal_results, _EXAMPLE),
]
