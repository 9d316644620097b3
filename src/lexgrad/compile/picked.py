"""Kernels that change the same rows of several tables become one: weights, and what an optimiser keeps of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lexgrad.compile.loops import (
    Expression,
    Kernel,
    Load,
    Local,
    Loop,
    Statement,
    Store,
    Unless,
    parts,
    renamed,
    walk,
    with_values,
)
from lexgrad.compile.merge import joined
from lexgrad.compile.repeat import Step


def merge_picked(steps: Sequence[Step], same: Mapping[str, str]) -> list[Step]:
    """Merge each kernel that changes picked rows into an earlier one that changes rows of the same numbers.

    The numbers are distinct, so that turns do not depend on each other; what one of the two kernels writes, the other
    may touch at the very same entries only, and nothing between them may depend on their order.

    Args:
        steps: in the order in which they run.
        same: for a buffer that is in the place of another one, which that is.
    """
    merged: list[Step] = []
    for step in steps:
        place = _partner(merged, step, same) if isinstance(step, Kernel) and step.picked else None
        if place is None:
            merged.append(step)
        else:
            first, second = merged[place], step
            assert isinstance(first, Kernel)
            assert isinstance(second, Kernel)
            *copy, loop = first.body
            *other, rest = second.body
            body = (*copy, *other, _beside(loop, rest, {}, f".{second.name}"))
            merged[place] = joined(first, second, body)
    return merged


def _partner(steps: Sequence[Step], kernel: Kernel, same: Mapping[str, str]) -> int | None:
    """The latest kernel that ``kernel`` can become a part of, if there is one."""
    for place in reversed(range(len(steps))):
        other = steps[place]
        if isinstance(other, Kernel) and other.picked == kernel.picked and other.extent == kernel.extent:
            return place if _at_same_entries(other, kernel, same) else None
        if _common(other, kernel, same):
            return None
    return None


def _common(first: Step, second: Step, same: Mapping[str, str]) -> set[str]:
    """The memory that both touch and one of them writes."""
    touched, written = [], []
    for step in (first, second):
        reads, writes = ({same.get(a.buffer, a.buffer) for a in accesses} for accesses in (step.reads, step.writes))
        touched.append(reads | writes)
        written.append(writes)
    return touched[0] & touched[1] & (written[0] | written[1])


def _at_same_entries(first: Kernel, second: Kernel, same: Mapping[str, str]) -> bool:
    """Whether both touch what they have in common, and one of them writes, at the entries that each turn is about."""
    common = _common(first, second, same)
    places: set[Expression] = set()
    shapes = []
    for kernel in first, second:
        *copies, nest = kernel.body
        if not all(isinstance(s, Unless) and same.get(s.target, s.target) == s.source for s in copies):
            return False
        loops = _loops(nest)
        depths = {loop.name: Local(f"loop {depth}", "int") for depth, loop in enumerate(loops)}
        shapes.append([(with_values(loop.start, depths), with_values(loop.stop, depths)) for loop in loops])
        stored = [(s.buffer, s.offset) for s in walk((nest,)) if isinstance(s, Store)]
        loaded = [(p.buffer, p.offset) for p in parts((nest,)) if isinstance(p, Load)]
        for buffer, offset in (*stored, *loaded):
            if same.get(buffer, buffer) in common:
                places.add(with_values(offset, depths))
    return shapes[0] == shapes[1] and len(places) <= 1


def _loops(nest: Statement) -> list[Loop]:
    """The loops of a nest, from the outermost to the innermost."""
    loops = []
    while isinstance(nest, Loop):
        loops.append(nest)
        nest = nest.body[0]
    return loops


def _beside(first: Statement, second: Statement, names: dict[str, str], suffix: str) -> Statement:
    """The second nest under the loops of the first, each row behind the first one's row."""
    assert isinstance(first, Loop)
    assert isinstance(second, Loop)
    names[second.name] = first.name
    inner, other = first.body[0], second.body[0]
    deeper = isinstance(inner, Loop) and isinstance(inner.body[0], Loop)
    if deeper:
        return replace(first, body=(_beside(inner, other, names, suffix), *first.body[1:]))
    return replace(first, body=(*first.body, *(renamed(statement, names, suffix) for statement in second.body)))
