"""Backpropagation through time: the derivative of a scan is a scan that runs the other way.

The cotangents of the carries are the carries of the second loop, beside sums of what each step sends to the values that
all steps share. What a step of it needs of the same step forwards it finds in sequences: values that would be costly to
compute again are further results of the first loop. Werbos, "Backpropagation through time: what it does and how to do
it", Proceedings of the IEEE 78, 1990.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from lexgrad.graph import Dim, Graph, Node, Size, depending_on, distinct, input_node, rebuild, resolve, topological
from lexgrad.ops.movement import broadcast_to

Pull: TypeAlias = Callable[[Mapping[Node, Node], Iterable[Node]], dict[Node, Node]]

CHEAP = frozenset({
    "absolute", "add", "broadcast", "cast", "concatenate", "divide", "equal", "greater", "greater_equal", "iota",
    "less", "less_equal", "logical_and", "logical_not", "logical_or", "maximum", "minimum", "multiply", "negative",
    "not_equal", "pad", "random_uniform", "relu", "reshape", "reverse", "select", "sign", "size", "slice",
    "stop_gradient", "subtract", "take", "transpose",
})  # fmt: skip
"""Primitives that the second loop computes again where it has their operands; other values are stored by the first."""


def through_time(
    cotangents: Mapping[int, Node],
    *inputs: Node,
    wanted: frozenset[int],
    pull: Pull,
    body: Graph,
    carries: int,
    sequences: int,
    length: Size,
    reverse: bool,
) -> dict[int, Node]:
    """The cotangents of a scan's inputs: see ``vjp_all`` of Primitive."""
    from lexgrad.ops.scan import loop  # its rule is this

    nodes, labels = list(body.inputs.values()), list(body.inputs)
    step = step_back(body, carries, cotangents, wanted, pull)
    slices = [i for i in step.pulled if carries <= i < carries + sequences]
    summed = [i for i in step.pulled if i >= carries + sequences]
    sums = {i: input_node(f"sum_{labels[i]}", nodes[i].type) for i in summed}
    outputs = {
        **{f"d_{labels[j]}": step.pulled.get(j, _zeros(node)) for j, node in step.d_carries.items()},
        **{f"sum_{labels[i]}": total + step.pulled[i] for i, total in sums.items()},
        **{f"d_{labels[i]}": step.pulled[i] for i in slices},
    }
    own = [*step.d_carries.values(), *sums.values(), *step.d_results.values()]
    kept = kept_values(outputs.values(), own, body, carries, sequences)
    stored = stored_as(kept, nodes)
    outputs = on_stored(outputs, dict(zip(kept, stored, strict=True)))
    used = set(topological(outputs.values()))
    read = [i for i in range(carries, carries + sequences) if nodes[i] in used]
    shared = [i for i in range(carries + sequences, len(nodes)) if nodes[i] in used]
    given = labelled([*own, *(nodes[i] for i in read), *stored, *(nodes[i] for i in shared)])

    forwards, places = with_results(body, kept, carries)
    settings: dict[str, Any] = {"carries": carries, "sequences": sequences, "length": length, "reverse": reverse}
    stacks = loop(inputs, forwards, **settings, outputs=places)
    starts = [cotangents.get(j, _zeros(node)) for j, node in step.d_carries.items()]
    starts += map(_zeros, sums.values())
    along = [*(cotangents[i] for i in step.d_results), *(inputs[i] for i in read), *stacks]
    settings = {"carries": len(starts), "sequences": len(along), "length": length, "reverse": not reverse}
    backwards = Graph(given, outputs, f"{body.name}_backward")
    results = loop([*starts, *along, *(inputs[i] for i in shared)], backwards, **settings)
    targets = [*step.d_carries, *sums, *slices]
    return {i: result for i, result in zip(targets, results, strict=True) if i in wanted}


def stored_as(kept: Iterable[Node], given: Collection[Node]) -> list[Node]:
    """What stands in the second loop for values that the first one stored: inputs of the body stand for themselves."""
    return [node if node in given else input_node(node.name or "stored", node.type) for node in kept]


def on_stored(outputs: dict[str, Node], stored: Mapping[Node, Node]) -> dict[str, Node]:
    """The step back with inputs in place of the values that it reads from stacks."""
    copies = rebuild(topological(outputs.values()), stored)
    return {label: copies[node] for label, node in outputs.items()}


class StepBack(NamedTuple):
    """One step backwards: what comes in for carries and results, by number, and what goes to the body's inputs."""

    d_carries: dict[int, Node]
    d_results: dict[int, Node]
    pulled: dict[int, Node]


def step_back(
    body: Graph, carries: int, cotangents: Mapping[int, Node], wanted: frozenset[int], pull: Pull
) -> StepBack:
    """Go backwards in the body, with inputs in place of the cotangents of its outputs."""
    given, results = list(body.inputs.values()), list(body.outputs.values())
    labels = list(body.outputs)
    active = _active(body, carries, wanted)
    d_results = {i: input_node(f"d_{labels[i]}", results[i].type) for i in cotangents if i >= carries}
    reached = {j for j in cotangents if j < carries and given[j] in active}
    while True:
        d_carries = {j: input_node(f"d_{list(body.inputs)[j]}", given[j].type) for j in sorted(reached)}
        seeds: dict[Node, Node] = {}
        for i, cotangent in (*d_carries.items(), *d_results.items()):
            seeds[results[i]] = seeds[results[i]] + cotangent if results[i] in seeds else cotangent
        pulled = pull(seeds, active)
        # A carry that something depends on has a cotangent from the second step on.
        more = {j for j in range(carries) if given[j] in pulled}
        if more <= reached:
            return StepBack(d_carries, d_results, {i: pulled[x] for i, x in enumerate(given) if x in pulled})
        reached |= more


def _active(body: Graph, carries: int, wanted: frozenset[int]) -> set[Node]:
    """The inputs of the body that are asked for, and the carries that come to depend on them."""
    given, results = list(body.inputs.values()), list(body.outputs.values())
    active = {given[i] for i in wanted}
    while True:
        changed = depending_on(body.nodes, active)
        more = {given[j] for j in range(carries) if results[j] in changed and given[j].type.dtype == "float"}
        if more <= active:
            return active
        active |= more


def kept_values(outputs: Iterable[Node], own: Iterable[Node], body: Graph, carries: int, sequences: int) -> list[Node]:
    """The values of the forward step that the step back finds in stacks: carries as they were, and what is costly."""
    order = topological(outputs)
    behind = depending_on(order, own)
    read = [operand for node in order if node in behind for operand in node.inputs if operand not in behind]
    given = list(body.inputs.values())
    known = set(given[carries : carries + sequences])
    before = topological(read)
    changing = depending_on(before, given[: carries + sequences])
    kept: dict[Node, None] = {}

    def missing(wanted: Node) -> set[Node]:
        """What would have to be stored for the step back to compute ``wanted``."""
        found: dict[Node, set[Node]] = {}
        for node in topological([wanted]):
            if node not in changing or node in known or node in kept:
                found[node] = set()
            elif node.primitive.name in CHEAP:
                found[node] = set().union(*(found[operand] for operand in node.inputs))
            else:
                found[node] = {node}
        return found[wanted]

    ordered = [node for node in before if node in set(read)]
    for node in ordered:
        if node in missing(node):
            kept[node] = None
    for node in ordered:
        leaves = missing(node)
        # One value more is stored at most: the one that all of it is made of, or the node itself if that is smaller.
        if leaves:
            kept[min([*leaves, node], key=_extent) if len(leaves) == 1 else node] = None
    return list(kept)


def _extent(node: Node) -> int:
    """About how large a value is: named sizes count as 64."""
    sizes = [dict.fromkeys(size.names, 64) if isinstance(size, Dim) else {} for size in node.shape]
    return math.prod(resolve(size, known) for size, known in zip(node.shape, sizes, strict=True))


def with_results(body: Graph, wanted: Sequence[Node], carries: int) -> tuple[Graph, list[int]]:
    """The body with the values of ``wanted`` among its results, and at which places they are."""
    outputs = dict(body.outputs)
    places = {node: i for i, node in enumerate(outputs.values()) if i >= carries}
    for node in wanted:
        if node not in places:
            places[node] = len(outputs)
            (label,) = distinct([f"stored_{node.name}" if node.name else "stored"], outputs)
            outputs[label] = node
    changed = len(outputs) > len(body.outputs)
    return Graph(body.inputs, outputs, body.name) if changed else body, [places[node] for node in wanted]


def labelled(nodes: Iterable[Node]) -> dict[str, Node]:
    """Inputs of a body under their names; equal ones are numbered."""
    inputs = list(nodes)
    return dict(zip(distinct(node.name for node in inputs), inputs, strict=True))


def _zeros(node: Node) -> Node:
    return broadcast_to(0.0, node.shape)
