"""Loops over time around kernels: what rows and carries of a scan are at each step, and programs as pseudocode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lexgrad.compile.loops import Access, Kernel, Product, walk
from lexgrad.graph import Size


@dataclass(frozen=True)
class Row:
    """Row t of a buffer, which has ``size`` entries, at step t."""

    buffer: str
    size: Size


@dataclass(frozen=True)
class Cut:
    """Of a buffer whose rows have ``size`` entries each, those rows that step t of a packed loop has."""

    buffer: str
    size: Size


@dataclass(frozen=True)
class Turns:
    """One of two buffers, in turn: what a step leaves for the next one only."""

    even: str
    odd: str


@dataclass(frozen=True)
class Before:
    """Where ``now`` was at the step before; at the first step, the buffer ``initial``."""

    initial: str
    now: Row | Turns


@dataclass(frozen=True)
class Same:
    """Another buffer, in the very place of which this one is."""

    buffer: str


Where: TypeAlias = Row | Cut | Turns | Before | Same
"""Where a buffer of a loop's body is, which depends on the step."""


def roots(where: Where) -> tuple[str, ...]:
    """The buffers in whose memory it may be."""
    match where:
        case Row(buffer) | Cut(buffer) | Same(buffer):
            return (buffer,)
        case Turns(even, odd):
            return (even, odd)
        case Before(initial, now):
            return (initial, *roots(now))


@dataclass(frozen=True)
class Rows:
    """How many rows each step of a packed loop has.

    Attributes:
        name: the named size that is this number.
        offsets: the buffer that says where the rows of each step begin.
        most: how many rows a step has at most.
        all: how many the steps have together.
    """

    name: str
    offsets: str
    most: Size
    all: Size


@dataclass(frozen=True)
class Repeat:
    """A loop over time, that all threads go through together; a step of a program like a kernel.

    Attributes:
        name: unique within its program.
        length: how many steps it makes.
        reverse: whether they go from t = length-1 down to 0.
        steps: what each of them does, in this order.
        where: the buffers that are elsewhere at each step.
        ended: the same, for buffers that only exist behind the loop: where they would be at one more step.
        reads: buffers outside the loop that it reads.
        writes: buffers outside the loop that it writes.
        comment: what it computes, for people.
        rows: of a packed loop: how many rows each step has.
    """

    name: str
    length: Size
    reverse: bool
    steps: tuple[Step, ...]
    where: Mapping[str, Where]
    ended: Mapping[str, Before]
    reads: tuple[Access, ...]
    writes: tuple[Access, ...]
    comment: str = ""
    rows: Rows | None = None


Step: TypeAlias = Kernel | Repeat
"""What a program does one after the other."""


def kernels_of(steps: Sequence[Step]) -> Iterator[Kernel]:
    """All kernels, those inside loops included, in the order in which they stand."""
    for step in steps:
        if isinstance(step, Repeat):
            yield from kernels_of(step.steps)
        else:
            yield step


def loops_of(steps: Sequence[Step]) -> Iterator[Repeat]:
    """All loops, each before those inside it."""
    for step in steps:
        if isinstance(step, Repeat):
            yield step
            yield from loops_of(step.steps)


def times_of(steps: Sequence[Step], outer: Size = 1) -> Iterator[Size]:
    """How often each kernel runs, in the order of :func:`kernels_of`."""
    for step in steps:
        if isinstance(step, Repeat):
            yield from times_of(step.steps, step.length * outer)
        else:
            yield outer


LANES = 16
"""About how many operations of a matrix product take the time of one other."""


def effort(steps: Sequence[Step]) -> Size:
    """About how long steps take, in ``LANES``-ths of a scalar operation."""
    total: Size = 0
    for step in steps:
        if isinstance(step, Repeat):
            total = step.length * effort(step.steps) + total
        else:
            multiplies = any(isinstance(statement, Product) for statement in walk(step.body))
            total = step.extent * step.cost * (1 if multiplies else LANES) + total
    return total
