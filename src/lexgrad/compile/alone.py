"""Long kernels that no two threads can share: they run early, and several of them at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lexgrad.compile.fusion import USUAL
from lexgrad.compile.loops import Access, Kernel, Part
from lexgrad.compile.repeat import Step
from lexgrad.graph import Dim, resolve

LONG = 10_000
"""Operations of a kernel of one share from which on it is worth that threads meet behind it."""


def side_by_side(steps: Sequence[Step]) -> list[Step]:
    """Long kernels of a single share go up behind what they wait for; those that meet there become shares of one.

    Args:
        steps: in the order in which they run.
    """
    result: list[Step] = []
    for step in steps:
        place = len(result)
        if isinstance(step, Kernel) and is_long(step):
            place = max((i for i, other in enumerate(result, 1) if _disturb(step, other)), default=0)
            while place < len(result) and isinstance(other := result[place], Kernel) and is_long(other):
                place += 1  # in their order
        result.insert(place, step)
    joined: list[Step] = []
    group: list[Kernel] = []
    for step in result:
        if isinstance(step, Kernel) and is_long(step) and not any(_disturb(step, other) for other in group):
            group.append(step)
            continue
        joined += _together(group)
        group = []
        joined.append(step)
    return [*joined, *_together(group)]


def is_long(kernel: Kernel) -> bool:
    """Whether a kernel has a single share, and that takes long."""
    cost = kernel.cost
    usual = resolve(cost, dict.fromkeys(cost.names, USUAL)) if isinstance(cost, Dim) else cost
    return kernel.extent == 1 and usual >= LONG


def _disturb(step: Step, other: Step) -> bool:
    """Whether one of two steps writes what the other touches."""
    written, touched = _buffers(step.writes), _buffers(step.reads) | _buffers(step.writes)
    return bool(_buffers(other.writes) & touched or _buffers(other.reads) & written)


def _buffers(accesses: Sequence[Access]) -> set[str]:
    return {access.buffer for access in accesses}


def _together(kernels: Sequence[Kernel]) -> list[Kernel]:
    if len(kernels) < 2:
        return list(kernels)
    reads = {access.buffer: Access(access.buffer, False) for kernel in kernels for access in kernel.reads}
    writes = tuple(Access(access.buffer, False) for kernel in kernels for access in kernel.writes)
    comment = "; ".join(kernel.comment for kernel in kernels)
    return [
        replace(
            kernels[0],
            extent=len(kernels),
            body=tuple(Part(number, kernel) for number, kernel in enumerate(kernels)),
            reads=tuple(reads.values()),
            writes=writes,
            comment=comment,
            shape=None,
        )
    ]
