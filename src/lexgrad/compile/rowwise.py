"""Kernels that go through the same rows become one: what one makes of a row, the next finds in the nearest cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lexgrad.compile.loops import FIRST, LAST, Access, Kernel, Loop, Unless, renamed, walk
from lexgrad.compile.merge import joined
from lexgrad.compile.repeat import Step

LEAST = 64
"""Work on a row from which it counts where that row is; shorter rows are better off side by side in vectors."""


def merge_rows(steps: Sequence[Step], same: Mapping[str, str]) -> list[Step]:
    """Merge each kernel into an earlier one that goes through the same rows and touches some of its memory.

    Both have to keep to their rows in what either of them writes, and nothing between them may depend on the order.

    Args:
        steps: in the order in which they run.
        same: for a buffer that is in the place of another one, which that is.
    """
    merged: list[Step] = []
    for step in steps:
        place = None
        if isinstance(step, Kernel) and _by_rows(step) and len(step.body) == 1:
            place = _partner(merged, step, same)
        if place is None:
            merged.append(step)
        else:
            first = merged[place]
            assert isinstance(first, Kernel)
            assert isinstance(step, Kernel)
            merged[place] = _joined(first, step)
    return merged


def _partner(steps: Sequence[Step], kernel: Kernel, same: Mapping[str, str]) -> int | None:
    """The latest kernel that ``kernel`` can become a part of, if there is one.

    It does not go before others that read what it may take the place of: then it could not any more.
    """
    ending = {same.get(access.buffer, access.buffer) for access in kernel.reads if access.exact}
    for place in reversed(range(len(steps))):
        other = steps[place]
        touched = _touched(other, same)
        common = touched.keys() & _touched(kernel, same).keys()
        if isinstance(other, Kernel) and _by_rows(other) and other.extent == kernel.extent and common:
            mine = _touched(kernel, same)
            if all(touched[b][0] and mine[b][0] for b in common if touched[b][1] or mine[b][1]):
                return place
        if any(touched[b][1] or _touched(kernel, same)[b][1] for b in common) or ending & common:
            return None
    return None


def _touched(step: Step, same: Mapping[str, str]) -> dict[str, tuple[bool, bool]]:
    """Of every buffer that a step touches, whether it keeps to its rows there, and whether it writes."""
    touched: dict[str, tuple[bool, bool]] = {}
    for accesses, writes in ((step.reads, False), (step.writes, True)):
        for access in accesses:
            buffer = same.get(access.buffer, access.buffer)
            aligned, wrote = touched.get(buffer, (True, False))
            touched[buffer] = (aligned and access.aligned, wrote or writes)
    return touched


def _by_rows(kernel: Kernel) -> bool:
    """Whether a kernel is one loop over its rows, behind what it prepares, with enough to do in each of them."""
    if kernel.extent == 1 or (isinstance(kernel.cost, int) and kernel.cost < LEAST):
        return False
    *_, loop = kernel.body
    if not isinstance(loop, Loop) or (loop.start, loop.stop) != (FIRST, LAST):
        return False
    return any(isinstance(s, Loop) for s in loop.body) and not any(isinstance(s, Unless) for s in walk(loop.body))


def _joined(first: Kernel, second: Kernel) -> Kernel:
    (*before, outer), (other,) = first.body, second.body
    assert isinstance(outer, Loop)
    assert isinstance(other, Loop)
    names = {other.name: outer.name}
    rest = tuple(renamed(statement, names, f".{second.name}") for statement in other.body)
    # What the second one writes last may take the place of what only the first one reads: it is done with that row.
    reads = tuple(Access(access.buffer, access.aligned, access.aligned) for access in first.reads)
    body = (*before, replace(outer, body=(*outer.body, *rest)))
    return joined(replace(first, reads=reads, shape=None), second, body)
