"""Loops written out: every step of a scan as nodes of its own, for people who want to see each of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from lexgrad.errors import InputError
from lexgrad.graph import Dim, Graph, Node, Size, Type, again_on, group_key, rebuild
from lexgrad.ops.casting import cast
from lexgrad.ops.movement import broadcast_to, concatenate, stack
from lexgrad.ops.packed_scan import PACKED_SCAN, rows_of
from lexgrad.ops.scan import SCAN


def unroll(graph: Graph) -> Graph:
    """The graph with the body of every loop, and of the loops inside it, copied once for each step.

    Args:
        graph: its loops have lengths that are numbers; it stays as it is.

    Raises:
        InputError: the length of a loop is a named size; see ``Graph.with_sizes``.
    """
    new: dict[Node, Node] = {node: node for node in graph.inputs.values()}
    loops: dict[Hashable, list[Node]] = {}
    for node in graph.nodes:
        if node in new:
            continue
        inputs = tuple(new[operand] for operand in node.inputs)
        if node.primitive is not SCAN and node.primitive is not PACKED_SCAN:
            new[node] = again_on(node, inputs) if inputs != node.inputs else node
            continue
        key, length = group_key(node), steps_of(node)
        if isinstance(length, Dim):
            raise InputError(f"a loop of {length} steps cannot be written out; fill in its sizes with graph.with_sizes")
        loops[key] = loops.get(key) or unrolled(node, inputs, length, _copied)
        new[node] = loops[key][node.attributes["output"]]
    return Graph(graph.inputs, {name: new[node] for name, node in graph.outputs.items()}, graph.name)


def steps_of(node: Node) -> Size:
    """How many steps a loop has."""
    return node.inputs[0].shape[0] - 1 if node.primitive is PACKED_SCAN else node.attributes["length"]


def _copied(body: Graph, arguments: list[Node]) -> list[Node]:
    """The outputs of a body on nodes of their own."""
    plain = unroll(body)
    copies = rebuild(plain.nodes, dict(zip(plain.inputs.values(), arguments, strict=True)))
    return [copies[output] for output in plain.outputs.values()]


def unrolled(
    node: Node, inputs: Sequence[Node], length: int, copy: Callable[[Graph, list[Node]], list[Node]]
) -> list[Node]:
    """Every output of a loop, step by step.

    What is carried is named after the step that made it, ``h_1``, ``h_2``, ..., by the body's name for it, if it has no
    other. Steps are counted from 1 along the sequences, whichever way the loop goes.

    Args:
        node: any output of the loop.
        inputs: the loop's inputs: carries, sequences and shared values, of known sizes.
        length: the number of steps.
        copy: ``copy(body, arguments)`` gives the outputs of the body on other inputs.
    """
    settings = node.attributes
    body: Graph = settings["body"]
    carries, sequences = settings["carries"], settings["sequences"]
    packed = node.primitive is PACKED_SCAN
    if packed:
        _, *inputs = inputs
        if inputs[0].shape[0] != 1 or any(along.shape[0] != length for along in inputs[carries : carries + sequences]):
            raise InputError("a loop over packed texts can be written out for one text only")
        body = body.with_sizes(dict.fromkeys(rows_of(body).names, 1))
    carried = list(inputs[:carries])
    along, shared = inputs[carries : carries + sequences], inputs[carries + sequences :]
    names = list(body.inputs)[:carries]
    results: dict[int, list[Node]] = {}
    for t in reversed(range(length)) if settings["reverse"] else range(length):
        made = copy(body, [*carried, *(sequence[t : t + 1] if packed else sequence[t] for sequence in along), *shared])
        carried = made[:carries]
        for name, new in zip(names, carried, strict=True):
            if not new.name and new.inputs:
                new.name = f"{name}_{t + 1}"
        results[t] = made[carries:]
    types = list(body.output_types.values())[carries:]
    if packed and length:
        return [*carried, *(concatenate([results[t][i] for t in range(length)]) for i in range(len(types)))]
    types = [type.with_shape(type.shape[1:]) for type in types] if packed else types
    return [*carried, *(_stack([results[t][i] for t in range(length)], type) for i, type in enumerate(types))]


def _stack(entries: list[Node], type: Type) -> Node:
    """Results of all steps, one above the other."""
    return stack(entries) if entries else broadcast_to(cast(0, type.dtype), (0, *type.shape))
