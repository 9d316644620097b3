"""What it takes to run a program beside its machine code: where everything lies, and how large it is; also on disk."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lexgrad.cache import told
from lexgrad.compile.arrays import ALIGNMENT
from lexgrad.graph import Dim, Shape, Size, Type, product, resolve

ROOMS = ("graph", "ops", "evaluate", "passes", "compile")
"""Whose sources decide what becomes of a graph."""

Work: TypeAlias = list[list[Any]]
"""Of each kernel [shares, operations of one]; of each loop [steps, how long they take, Work of a step]."""


@dataclasses.dataclass
class Donation:
    """Which outputs take the place of inputs.

    Attributes:
        in_place: for the buffer of an output: the buffer of the input whose memory it takes.
        copied: for the name of an output: the name of the input into which it is copied after a run.
    """

    in_place: dict[str, str] = dataclasses.field(default_factory=dict)
    copied: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Memory:
    """Where buffers lie.

    Attributes:
        slots: for each scratch buffer the number of its slot; buffers of one slot are never alive together.
        sizes: for each slot the sizes, in entries, of the buffers that use it, with their bytes an entry.
    """

    slots: dict[str, int] = dataclasses.field(default_factory=dict)
    sizes: list[list[tuple[Size, int]]] = dataclasses.field(default_factory=list)

    def layout(self, named: Mapping[str, Any]) -> tuple[list[int], int]:
        """The byte offset of each slot, and the bytes of all of them, for given named sizes.

        A size is a number, or an array of numbers, one for each of many steps, and there is room for every one.
        """
        offsets, total = [], 0
        for uses in self.sizes:
            offsets.append(total)
            largest = max(int(np.max(resolve(size, named))) * width for size, width in uses)
            total += -(-largest // ALIGNMENT) * ALIGNMENT
        return offsets, total


@dataclasses.dataclass
class Plan:
    """How a program is run.

    Attributes:
        code: the name of its machine code in the cache.
        inputs: the buffer of each input that is read.
        outputs: the buffer of each output.
        made: the type of each buffer of an output that is no input.
        buffers: those whose addresses the machine code is given, in order.
        constants: the values of buffers that are the same in every run.
        donation: which outputs take the place of inputs.
        memory: where all others lie.
        peeked: shapes under which the first entries of empty buffers may be read, and thrown away.
        panels: inputs that are stored in panels, and how wide those are.
        needs: sizes that have to be at least 0.
        sizes: the named sizes that the machine code is given, in order.
        rows: those among them that only bodies of packed loops have, and what they are at most.
        scratch: bytes of scratch memory of each thread.
        work: what there is to share among threads.
        light: loops that take less than this are left to one thread.
    """

    code: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    made: dict[str, Type]
    buffers: list[str]
    constants: dict[str, NDArray[Any]]
    donation: Donation
    memory: Memory
    peeked: list[Shape]
    panels: dict[str, int]
    needs: list[Size]
    sizes: list[str]
    rows: list[tuple[str, Size]]
    scratch: int
    work: Work
    light: int

    def work_of(self, sizes: Mapping[str, int]) -> int:
        """About how many scalar operations there are that threads can share."""
        return self._work(self.work, sizes)

    def _work(self, work: Work, sizes: Mapping[str, int]) -> int:
        total = 0
        for shares, cost, *inside in work:
            if not inside:
                total += resolve(shares, sizes) * resolve(cost, sizes)
            elif resolve(cost, sizes) >= self.light:
                total += resolve(shares, sizes) * self._work(inside[0], sizes)
        return total

    def to_json(self) -> bytes:
        """The plan as ``from_json`` reads it."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return json.dumps(fields, default=_plain).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Plan:
        """Read what ``to_json`` wrote."""
        return cls(**json.loads(data, object_hook=_restored))


def _plain(value: Any) -> dict[str, Any]:
    """Lists, numbers and text instead of an object, under its kind."""
    match value:
        case Dim():
            return {"Dim": value.terms}
        case Type():
            return {"Type": [value.dtype, value.shape]}
        case np.ndarray():
            return {"array": [value.dtype.str, value.shape, value.ravel().tolist()]}
        case Donation() | Memory():
            return {type(value).__name__: vars(value)}
    raise TypeError(f"no JSON for {value!r}")


def _restored(fields: dict[str, Any]) -> Any:
    """The object that ``_plain`` took apart."""
    if len(fields) == 1:
        ((kind, value),) = fields.items()
        if kind in _KINDS and not isinstance(value, str):  # inputs may have any name
            return _KINDS[kind](value)
    return fields


def _dim(terms: list[tuple[list[str], int]]) -> Size:
    total: Size = 0
    for names, coefficient in terms:
        total = coefficient * product([Dim(name) for name in names]) + total
    return total


_KINDS: dict[str, Any] = {
    "Dim": _dim,
    "Type": lambda parts: Type(parts[0], tuple(parts[1])),
    "array": lambda parts: np.array(parts[2], np.dtype(parts[0])).reshape(parts[1]),
    "Donation": lambda fields: Donation(**fields),
    "Memory": lambda fields: Memory(**fields),
}


@functools.cache
def sources() -> str:
    """What the sources of ``ROOMS`` are told by: a plan that others made is not trusted."""
    home = Path(__file__).parent.parent
    return told((path for room in ROOMS for path in sorted((home / room).rglob("*.py"))), home)
