"""Donation: outputs that take the place of inputs, in their very memory where that is safe, else by a copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lexgrad.compile.plan import Donation
from lexgrad.compile.repeat import Step
from lexgrad.errors import InputError, suggest
from lexgrad.graph import Graph


def settle(
    donated: Mapping[str, str],
    graph: Graph,
    steps: Sequence[Step],
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
) -> Donation:
    """Decide which donated outputs are written over their inputs.

    Args:
        donated: for the name of an output, the name of the input that it replaces.
        graph: whose inputs and outputs they are.
        steps: in the order in which they run.
        inputs: the buffer of each input.
        outputs: the buffer of each output.

    Raises:
        InputError: there is no such output or input, their types differ, or an input is given away twice.
    """
    _check(donated, graph)
    result = Donation()
    for out, given in donated.items():
        buffer, place = outputs[out], inputs[given]
        # Two outputs may be one node, and an input may be an output as it is: then somebody needs the old values.
        free = buffer not in result.in_place and place not in outputs.values()
        if free and can_replace(buffer, place, steps):
            result.in_place[buffer] = place
        else:
            result.copied[out] = given
    return result


def can_replace(output: str, given: str, steps: Sequence[Step]) -> bool:
    """Whether all that read ``given`` have done so when ``output`` is written, or do so entry by entry just then."""
    writers = [i for i, step in enumerate(steps) if any(a.buffer == output for a in step.writes)]
    readers = [i for i, step in enumerate(steps) if any(a.buffer == given for a in step.reads)]
    if not writers or any(reader > writers[0] for reader in readers):
        return False
    return all(a.exact for a in steps[writers[0]].reads if a.buffer == given)


def _check(donated: Mapping[str, str], graph: Graph) -> None:
    for out, given in donated.items():
        for name, names, kind in ((out, graph.outputs, "output"), (given, graph.inputs, "input")):
            if name not in names:
                raise InputError(f"graph {graph.name!r} has no {kind} {name!r}{suggest(name, names)}")
        if graph.outputs[out].type != graph.inputs[given].type:
            raise InputError(
                f"output {out!r}, {graph.outputs[out].type}, cannot take the place of input {given!r},"
                f" {graph.inputs[given].type}"
            )
    if len(set(donated.values())) < len(donated):
        raise InputError(f"an input can be replaced by one output only; got {dict(donated)}")
