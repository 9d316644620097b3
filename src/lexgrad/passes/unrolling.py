"""A loop of a known number of steps, written out: for people who want to see every step."""

from __future__ import annotations

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.graph import Dim, Graph, Node, Type, again_on, group_key, rebuild
from lexgrad.ops.scan import SCAN
from lexgrad.passes.scans import groups


def unroll(graph: Graph) -> Graph:
    """The graph with the body of every loop, and of the loops inside it, copied once for each step.

    Named nodes of a body are numbered by the step that they belong to: ``h_1``, ``h_2``, … Steps count from 1, as
    people count words, in the order of the sequences, whichever way the loop goes.

    Args:
        graph: its loops have lengths that are numbers; it stays as it is.

    Raises:
        InputError: the length of a loop is a named size; see ``Graph.with_sizes``.
    """
    members = groups(graph)
    new: dict[Node, Node] = {node: node for node in graph.inputs.values()}
    for node in graph.nodes:
        if node in new:
            continue
        inputs = tuple(new[operand] for operand in node.inputs)
        if node.primitive is not SCAN:
            new[node] = again_on(node, inputs) if inputs != node.inputs else node
            continue
        outputs = _steps(node, inputs)
        for member in members[group_key(node)]:
            new[member] = outputs[member.attributes["output"]]
    return Graph(graph.inputs, {name: new[node] for name, node in graph.outputs.items()}, graph.name)


def _steps(node: Node, inputs: tuple[Node, ...]) -> list[Node]:
    """All outputs of a loop, from copies of its body."""
    settings = node.attributes
    carries, sequences, length = settings["carries"], settings["sequences"], settings["length"]
    body = unroll(settings["body"])
    if isinstance(length, Dim):
        raise InputError(f"a loop of {length} steps cannot be written out; fill in its sizes with graph.with_sizes")
    state = list(inputs[:carries])
    along, shared = inputs[carries : carries + sequences], inputs[carries + sequences :]
    results: dict[int, list[Node]] = {}
    for t in reversed(range(length)) if settings["reverse"] else range(length):
        given = [*state, *(sequence[t] for sequence in along), *shared]
        copies = rebuild(body.nodes, dict(zip(body.inputs.values(), given, strict=True)))
        for original, copy in copies.items():
            if original.name and original.inputs and copy is not original:
                copy.name = f"{original.name}_{t + 1}"
        new = [copies[output] for output in body.outputs.values()]
        state, results[t] = new[:carries], new[carries:]
    types = list(body.output_types.values())[carries:]
    return [*state, *(_stack([results[t][i] for t in range(length)], type) for i, type in enumerate(types))]


def _stack(entries: list[Node], type: Type) -> Node:
    """Results of all steps, one above the other."""
    return ops.stack(entries) if entries else ops.broadcast_to(ops.cast(0, type.dtype), (0, *type.shape))
