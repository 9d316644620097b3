"""A program some of whose inputs stay as they are from call to call, so that little is left to do for each."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

Kinds = tuple[tuple[tuple[int, ...], np.dtype[Any]], ...]
"""The shape and dtype of each of some arrays."""


@dataclass
class _Layout:
    """Where everything lies for inputs of certain shapes; large inputs' own addresses are filled in later.

    Attributes:
        table: what the machine code is given.
        address: of the table.
        small: for the number of an input, the place to copy it to.
        large: for that of any other, the entry of the table that is to be its address.
        sizes: the named sizes.
        threads: how many are worth while.
        own: buffers that no node has.
        outputs: by name, the arrays that are made for them.
        as_given: those that none is made for, because they are inputs or constants.
        nowhere: the address of what has no entries.
    """

    table: NDArray[np.int64]
    address: int
    small: Sequence[tuple[int, Array]]
    large: Sequence[tuple[int, int]]
    sizes: Mapping[str, int]
    threads: int
    own: Mapping[str, Array]
    outputs: Mapping[str, Array]
    as_given: Sequence[str]
    nowhere: int


class Fixed:
    """A program that is called with the other inputs alone; made by :meth:`lexgrad.compile.Program.fixed`.

    What follows from the shapes of inputs (named sizes, memory, threads) is worked out once for each combination of
    them. Memory is kept for the next call. Calls from several Python threads wait for each other.
    """

    def __init__(self, program: Program, inputs: Mapping[str, ArrayLike]) -> None:
        if program.donation.in_place or program.donation.copied:
            raise InputError("a program that updates its inputs in place has none that stay; use Program.bind")
        if missing := [name for name in program.plan.panels if name not in inputs]:
            raise InputError(f"{', '.join(missing)}: said to be steady, and so among the inputs that stay")
        self.program = program
        self.inputs = {name: program.prepared(name, value) for name, value in inputs.items()}
        self.varying = tuple(name for name in program.graph.inputs if name not in inputs)
        read = [name for name in self.varying if name in program.plan.inputs]
        self._columns = {name: program.plan.buffers.index(program.plan.inputs[name]) for name in read}
        self._lock = threading.Lock()
        self._layouts: dict[Kinds, _Layout] = {}
        self._own: dict[int, dict[str, Array]] = {}
        self._arena = aligned_empty((0,), np.dtype(np.uint8))

    def __call__(self, inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Run once on the other inputs by name; returns the outputs by name.

        Raises:
            InputError: an input is missing, or unknown, or does not have the type and shape of the graph's input.
        """
        with self._lock:
            return {name: np.array(value) for name, value in self.lend(inputs).items()}

    def lend(self, inputs: Mapping[str, ArrayLike]) -> Mapping[str, Array]:
        """Do the same for one thread at a time, and lend the outputs: the next call writes over them."""
        try:
            given: list[Any] = [inputs[name] for name in self.varying]
            layout = self._layouts[_kinds(given)]
        except (AttributeError, KeyError):  # no arrays, or none of such kinds yet
            if inputs.keys() != frozenset(self.varying):
                self._refuse(inputs)
            given = [self.program.prepared(name, inputs[name]) for name in self.varying]
            layout = self._layouts.get(_kinds(given)) or self._lay_out(given)
        if len(inputs) != len(given):
            self._refuse(inputs)
        for number, place in layout.small:
            place[...] = given[number]
        for number, column in layout.large:
            array = given[number] = self.program.prepared(self.varying[number], given[number])
            layout.table[0, column] = array.ctypes.data if array.size else layout.nowhere
        self.program._go(layout.address, 1, layout.threads, layout.own, layout.sizes)
        if layout.as_given:
            return {**layout.outputs, **{name: self._as_given(name, given) for name in layout.as_given}}
        return layout.outputs

    def read_again(self, inputs: Mapping[str, ArrayLike]) -> None:
        """Read inputs that stay once more, by name: those of which there are copies, for they may have other values."""
        for name, value in inputs.items():
            self.inputs[name][...] = self.program.prepared(name, value)

    def _lay_out(self, arrays: Sequence[Array]) -> _Layout:
        """Work out where everything lies for arrays that are ready, and remember it."""
        program = self.program
        given = dict(zip(self.varying, arrays, strict=True))
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
        numbers = {name: number for number, name in enumerate(self.varying)}
        layout = self._layouts[_kinds(arrays)] = _Layout(
            table,
            table.ctypes.data,
            [(numbers[name], place) for name, place in small.items()],
            [(numbers[name], column) for name, column in self._columns.items() if name not in small],
            sizes,
            threads,
            own,
            {name: made.get(buffer, table) for name, buffer in program.plan.outputs.items()},
            [name for name, buffer in program.plan.outputs.items() if buffer not in made],
            base + offsets[-1],
        )
        return layout

    def _refuse(self, inputs: Mapping[str, ArrayLike]) -> None:
        for name in inputs:
            if name in self.inputs:
                raise InputError(f"input {name!r} stays as it is; give the others: {', '.join(self.varying)}")
        given = {name: self.program.prepared(name, value) for name, value in inputs.items()}
        self.program._bind({**self.inputs, **given})  # says what is missing

    def _as_given(self, output: str, given: Sequence[Array]) -> Array:
        """The value of an output that is an input or a constant as it is."""
        plan = self.program.plan
        buffer = plan.outputs[output]
        if buffer in plan.constants:
            return plan.constants[buffer]
        name = next(name for name, own in plan.inputs.items() if own == buffer)
        return given[self.varying.index(name)] if name in self.varying else self.inputs[name]


def _kinds(arrays: Sequence[Array]) -> Kinds:
    return tuple([(array.shape, array.dtype) for array in arrays])
