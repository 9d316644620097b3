"""The order of a program's steps: what writes only results comes last; and their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from lexgrad.compile.repeat import Repeat, Step


def outputs_last(steps: Sequence[Step], outputs: set[str]) -> list[Step]:
    """Steps whose results nobody reads run last, so that they can overwrite what the others have read."""
    early: set[str] = set()
    final = [False] * len(steps)
    for i, step in reversed(list(enumerate(steps))):
        # Also what only such steps read: an optimiser's state, and then the weights that it moves.
        final[i] = all(access.buffer in outputs and access.buffer not in early for access in step.writes)
        if not final[i]:
            early |= {access.buffer for access in step.reads}
    return [step for late in (False, True) for step, last in zip(steps, final, strict=True) if last is late]


def numbered(steps: Sequence[Step], numbers: count[int] | None = None) -> list[Step]:
    """Steps whose names say in which order they run."""
    numbers = count() if numbers is None else numbers
    result: list[Step] = []
    for step in steps:
        name = f"k{next(numbers)}.{step.name[2:]}"
        if isinstance(step, Repeat):
            result.append(replace(step, name=name, steps=tuple(numbered(step.steps, numbers))))
        else:
            result.append(replace(step, name=name))
    return result
