"""Loops written out: every step of a scan as nodes of its own, so that the chain rule can be followed through time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.graph import Graph, Node

LONGEST = 512
"""Steps; a longer loop is refused."""


def unrolled(
    node: Node, inputs: Sequence[Node], length: int, copy: Callable[[Graph, list[Node]], list[Node]]
) -> list[Node]:
    """Every output of a loop, step by step.

    What is carried is named after the step that made it, ``h_1``, ``h_2``, ..., if the body has a name for it.

    Args:
        node: any output of the loop.
        inputs: the loop's inputs: carries, sequences and shared values, of known sizes.
        length: the number of steps.
        copy: ``copy(body, arguments)`` gives the outputs of the body on other inputs.

    Raises:
        InputError: the loop is too long to be written out.
    """
    if length > LONGEST:
        raise InputError(
            f"a loop of {length} steps is too long to be explained; at most {LONGEST}: give a shorter text"
        )
    body: Graph = node.attributes["body"]
    carries, sequences = node.attributes["carries"], node.attributes["sequences"]
    carried, stacks, shared = (
        list(inputs[:carries]),
        inputs[carries : carries + sequences],
        inputs[carries + sequences :],
    )
    names = list(body.inputs)[:carries]
    results: dict[int, list[Node]] = {}
    for t in reversed(range(length)) if node.attributes["reverse"] else range(length):
        made = copy(body, [*carried, *(stack[t] for stack in stacks), *shared])
        carried = made[:carries]
        for name, new in zip(names, carried, strict=True):
            if not new.name and new.inputs:
                new.name = f"{name}_{t + 1}"
        results[t] = made[carries:]
    if not length:
        shapes = [output.shape for output in list(body.outputs.values())[carries:]]
        return [*carried, *(ops.broadcast_to(0.0, (0, *shape)) for shape in shapes)]
    return [*carried, *(ops.stack(list(steps)) for steps in zip(*(results[t] for t in range(length)), strict=True))]
