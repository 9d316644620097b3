"""Neighbouring elementwise kernels of one shape become one: what an optimiser touches passes the cache once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lexgrad.compile.loops import Access, Kernel, Loop, Statement, renamed
from lexgrad.compile.repeat import Step


def merge(steps: Sequence[Step], same: Mapping[str, str]) -> list[Step]:
    """Merge each kernel into the one before it where both go entry by entry over the same shape.

    What one of them writes, the other may touch at the very same entry only.

    Args:
        steps: in the order in which they run.
        same: for a buffer that is in the place of another one, which that is.
    """
    merged: list[Step] = []
    for step in steps:
        last = merged[-1] if merged else None
        if (
            isinstance(step, Kernel)
            and isinstance(last, Kernel)
            and step.shape is not None
            and last.shape == step.shape
            and _apart(last, step, same)
        ):
            body = _join(last.body, step.body, max(len(step.shape), 1), {}, f".{step.name}")
            merged[-1] = joined(last, step, body)
        else:
            merged.append(step)
    return merged


def _apart(first: Kernel, second: Kernel, same: Mapping[str, str]) -> bool:
    written = {same.get(access.buffer, access.buffer) for access in (*first.writes, *second.writes)}
    reads = (*first.reads, *second.reads)
    return all(access.exact for access in reads if same.get(access.buffer, access.buffer) in written)


def joined(first: Kernel, second: Kernel, body: tuple[Statement, ...]) -> Kernel:
    """Two kernels as one, which has this body and touches what they do."""
    reads = {access.buffer: access for access in first.reads}
    for access in second.reads:
        old = reads.get(access.buffer, access)
        reads[access.buffer] = Access(access.buffer, old.aligned and access.aligned, old.exact and access.exact)
    return replace(
        first,
        body=body,
        reads=tuple(reads.values()),
        writes=(*first.writes, *second.writes),
        cost=first.cost + second.cost,
        comment=f"{first.comment}; {second.comment}",
    )


def _join(
    first: tuple[Statement, ...], second: tuple[Statement, ...], depth: int, names: dict[str, str], suffix: str
) -> tuple[Statement, ...]:
    """Put the innermost statements of the second nest behind those of the first, under the first one's loops."""
    if depth == 0:
        return (*first, *(renamed(statement, names, suffix) for statement in second))
    (outer,), (other,) = first, second
    assert isinstance(outer, Loop)
    assert isinstance(other, Loop)
    names[other.name] = outer.name
    return (replace(outer, body=_join(outer.body, other.body, depth - 1, names, suffix)),)
