"""A program some of whose inputs stay as they are from call to call, so that little is left to do for each."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexgrad.compile.arrays import Array, aligned_empty
from lexgrad.errors import InputError

if TYPE_CHECKING:
    from lexgrad.compile.program import Program

REMEMBERED = 512
"""Of how many combinations of shapes it is remembered where everything lies."""

SMALL = 1 << 14
"""Bytes up to which an input is copied to a place of its own: sooner done than asking NumPy where an array lies."""

Shapes = tuple[tuple[int, ...], ...]


@dataclass
class _Layout:
    """Where everything lies for inputs of certain shapes; large inputs' own addresses are filled in later."""

    table: NDArray[np.int64]
    address: int
    small: Mapping[str, Array]
    large: Mapping[str, int]
    sizes: Mapping[str, int]
    threads: int
    own: Mapping[str, Array]
    made: Mapping[str, Array]
    nowhere: int


class Fixed:
    """A program that is called with the other inputs alone; made by :meth:`lexgrad.compile.Program.fixed`.

    What follows from the shapes of inputs (named sizes, memory, threads) is worked out once for each combination of
    them. Memory is kept for the next call. Calls from several Python threads wait for each other.
    """

    def __init__(self, program: Program, inputs: Mapping[str, ArrayLike]) -> None:
        if program.donation.in_place or program.donation.copied:
            raise InputError("a program that updates its inputs in place has none that stay; use Program.bind")
        self.program = program
        self.inputs = {name: program.prepared(name, value) for name, value in inputs.items()}
        self.varying = tuple(name for name in program.graph.inputs if name not in inputs)
        read = [name for name in self.varying if name in program.plan.inputs]
        self._columns = {name: program.plan.buffers.index(program.plan.inputs[name]) for name in read}
        self._dtypes = {name: program._stored(name) for name in self.varying}
        self._outputs = tuple(program.plan.outputs.items())
        self._lock = threading.Lock()
        self._layouts: dict[Shapes, _Layout] = {}
        self._own: dict[int, dict[str, Array]] = {}
        self._arena = aligned_empty((0,), np.dtype(np.uint8))

    def __call__(self, inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Run once on the other inputs by name; returns the outputs by name.

        Raises:
            InputError: an input is missing, or unknown, or does not have the type and shape of the graph's input.
        """
        given = {name: self._prepared(name, value) for name, value in inputs.items()}
        if given.keys() != self._dtypes.keys():
            self._refuse(given)
        shapes = tuple([given[name].shape for name in self.varying])
        with self._lock:
            layout = self._layouts.get(shapes)
            if layout is None:
                layout = self._layouts[shapes] = self._lay_out(given)
            for name, place in layout.small.items():
                place[...] = given[name]
            for name, column in layout.large.items():
                array = given[name]
                layout.table[0, column] = array.ctypes.data if array.size else layout.nowhere
            self.program._go(layout.address, 1, layout.threads, layout.own, layout.sizes)
            return {
                name: (layout.made[buffer] if buffer in layout.made else self._as_given(buffer, given)).copy()
                for name, buffer in self._outputs
            }

    def read_again(self, inputs: Mapping[str, ArrayLike]) -> None:
        """Read inputs that stay again: those that were copied, for they have been written to."""
        for name, value in inputs.items():
            if self.inputs[name] is not value:
                self.inputs[name][...] = self.program.prepared(name, value)

    def _prepared(self, name: str, value: ArrayLike) -> Array:
        """What Program.prepared gives; an array that is ready takes no time."""
        if type(value) is np.ndarray and name in self._dtypes and value.dtype == self._dtypes[name]:
            flags = value.flags
            if flags.c_contiguous and flags.aligned:
                return value
        return self.program.prepared(name, value)

    def _lay_out(self, given: Mapping[str, Array]) -> _Layout:
        program = self.program
        everything = {**self.inputs, **given}
        sizes = program._bind(everything)
        offsets, total = program._layout(sizes)
        if total > len(self._arena):
            self._arena = aligned_empty((total + total // 2,), np.dtype(np.uint8))
            self._layouts.clear()
        if len(self._layouts) >= REMEMBERED:
            self._layouts.clear()
        threads = program._worthwhile_threads([sizes], 1)
        own = self._own.setdefault(threads, program._own(threads))
        small = {name: np.empty_like(given[name]) for name in self._columns if 0 < given[name].nbytes <= SMALL}
        everything |= small
        places = {buffer: everything[name] for name, buffer in program.plan.inputs.items()} | program.plan.constants
        blocks = program._allocate(places, sizes, 1)
        made = {buffer: block[0, ...] for buffer, block in blocks.items()}
        base = self._arena.ctypes.data
        table = np.empty((1, len(program.plan.buffers) + len(program.plan.sizes)), np.int64)
        table[0] = program._addresses(places | made | own, base, offsets) + [sizes[name] for name in program.plan.sizes]
        large = {name: column for name, column in self._columns.items() if name not in small}
        return _Layout(table, table.ctypes.data, small, large, sizes, threads, own, made, base + offsets[-1])

    def _refuse(self, given: Mapping[str, Array]) -> None:
        for name in given:
            if name in self.inputs:
                raise InputError(f"input {name!r} stays as it is; give the others: {', '.join(self.varying)}")
        self.program._bind({**self.inputs, **given})  # says what is missing

    def _as_given(self, buffer: str, given: Mapping[str, Array]) -> Array:
        """The value of an output that is an input or a constant as it is."""
        if buffer in self.program.plan.constants:
            return self.program.plan.constants[buffer]
        name = next(name for name, own in self.program.plan.inputs.items() if own == buffer)
        return given[name] if name in given else self.inputs[name]
