"""Steps bound once and run again and again: each reads rows of long arrays, and no Python runs between them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexgrad.compile.arrays import Array
from lexgrad.errors import InputError
from lexgrad.graph import Dim, Size, resolve

if TYPE_CHECKING:
    from lexgrad.compile.program import Program

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """What an input is in each of many steps: rows of one array.

    Attributes:
        array: (rows, …); of packed texts, say, every token.
        starts: (steps,) the first row of each step.
        stops: (steps,) the row behind its last. None: each step reads the single row ``starts[step]``, and its input
            has an axis less than ``array``.
    """

    array: ArrayLike
    starts: Numbers
    stops: Numbers | None = None

    def part(self, step: int) -> Array:
        """What a step reads."""
        start, array = self.starts[step], np.asarray(self.array)
        return array[start, ...] if self.stops is None else array[start : self.stops[step]]


class Bound:
    """Steps that are ready to run; made by :meth:`lexgrad.compile.Program.bind`.

    Calling it runs them all, one after the other, and returns the outputs by name: those that are donated as the
    arrays that were given, the others with one row for every step; the next call writes over them.
    """

    def __init__(self, run: Callable[[], None], outputs: Mapping[str, Array], memory: object) -> None:
        self._run = run
        self._outputs = outputs
        self._memory = memory  # what the machine code reads and writes lives as long as this

    def __call__(self) -> dict[str, Array]:
        """Run every step.

        Raises:
            InputError: an index is out of range; donated arrays then hold something between the old and the new.
        """
        self._run()
        return dict(self._outputs)


class Window:
    """Rows made ready for machine code: where each step's part begins, and how large it is."""

    def __init__(self, name: str, rows: Rows, array: Array, steps: int) -> None:
        self.array = array
        self.rows = Rows(array, rows.starts, rows.stops)
        self.starts = np.asarray(rows.starts, np.int64)
        self.single = rows.stops is None
        self.stops = self.starts + 1 if rows.stops is None else np.asarray(rows.stops, np.int64)
        if array.ndim == 0 or self.starts.shape != (steps,) or self.stops.shape != (steps,):
            raise InputError(
                f"input {name!r}: of rows of an array, one start and one stop belong to each of {steps} steps"
            )
        wrong = (self.starts < 0) | (self.stops < self.starts) | (self.stops > len(array))
        if wrong.any():
            step = int(wrong.argmax())
            raise InputError(
                f"input {name!r} has {len(array)} rows; step {step} asks for {self.starts[step]} … {self.stops[step]}"
            )
        self.lengths = self.stops - self.starts

    def addresses(self, nowhere: int) -> Numbers:
        """Where each step's rows lie in memory: ``nowhere`` for a step that has none."""
        places = self.starts * self.array.strides[0] + self.array.ctypes.data
        return np.where((self.lengths > 0) & (self.array.size > 0), places, nowhere)


class Binding:
    """Lays out what the machine code reads for every step: see :meth:`lexgrad.compile.Program.bind`."""

    def __init__(self, program: Program, inputs: Mapping[str, Array | Rows], steps: int) -> None:
        if steps < 1:
            raise InputError(f"a program is bound to at least 1 step; got {steps}")
        self.program = program
        self.steps = steps
        self.windows = {
            name: Window(name, rows, program.prepared(name, rows.array), steps)
            for name, rows in inputs.items()
            if isinstance(rows, Rows)
        }
        whole = {name: array for name, array in inputs.items() if not isinstance(array, Rows)}
        self.first = whole | {name: window.rows.part(0) for name, window in self.windows.items()}
        self.sizes = self._sizes()

    def bound(self) -> Bound:
        """The steps, ready to run."""
        program, steps = self.program, self.steps
        given = {buffer: self.first[name] for name, buffer in program.plan.inputs.items()}
        made = program._allocate(given, {name: int(sizes[0]) for name, sizes in self.sizes.items()}, steps)
        self._check(made)
        largest = {name: int(sizes.max()) for name, sizes in self.sizes.items()}
        offsets, total = program._layout(self.sizes)
        threads = program._worthwhile_threads([largest], steps)
        arena = program._pool.lend(program._room(total, threads))
        own = program._own(threads, arena, total)
        places = {**given, **program.plan.constants, **made, **own}
        places |= {out: given[buffer] for out, buffer in program.donation.in_place.items()}
        buffers = program.plan.buffers
        table = np.empty((steps, len(buffers) + len(program.plan.sizes)), np.int64)
        table[:, : len(buffers)] = program._addresses(places, arena.ctypes.data, offsets)
        for name, window in self.windows.items():
            table[:, buffers.index(program.plan.inputs[name])] = window.addresses(arena.ctypes.data + offsets[-1])
        for name, block in made.items():
            if block.size:
                table[:, buffers.index(name)] += np.arange(steps) * block[0, ...].nbytes
        for column, name in enumerate(program.plan.sizes, len(buffers)):
            table[:, column] = self.sizes[name]

        def run() -> None:
            program._go(table.ctypes.data, steps, threads, own, largest)

        outputs = {name: places[buffer] for name, buffer in program.plan.outputs.items()}
        bound = Bound(run, outputs, (places, self.windows))
        weakref.finalize(bound, program._pool.back, arena)
        return bound

    def _sizes(self) -> dict[str, Any]:
        """Each named size, in every step."""
        first = self.program._bind(self.first)
        sizes = {name: np.full(self.steps, size) for name, size in first.items()}
        for name, window in self.windows.items():
            size = self._leading(name)
            if isinstance(size, Dim) and (plain := _plain(size)) is not None:
                sizes[plain[0]] = window.lengths - plain[1]
        if not self._fitting(sizes):
            each = [self.program._bind(self._step(step)) for step in range(self.steps)]
            sizes = {name: np.array([named[name] for named in each]) for name in first}
        return {name: np.broadcast_to(size, self.steps) for name, size in self.program.with_rows(sizes).items()}

    def _leading(self, name: str) -> Size | None:
        """The size of which a step's rows of an input are as many, if there is one."""
        return None if self.windows[name].single else self.program.graph.input_types[name].shape[0]

    def _fitting(self, sizes: Mapping[str, Any]) -> bool:
        """Whether shapes of inputs fit these sizes in every step, and all that the graph requires of sizes holds."""
        for name, type in self.program.graph.input_types.items():
            shape: list[int | Numbers] = list(self.first[name].shape)
            if name in self.windows and not self.windows[name].single:
                shape[0] = self.windows[name].lengths
            if any(np.any(resolve(size, sizes) != number) for size, number in zip(type.shape, shape, strict=True)):
                return False
        return not any(np.any(resolve(size, sizes) < 0) for size in self.program.plan.needs)

    def _step(self, step: int) -> dict[str, Array]:
        return self.first | {name: window.rows.part(step) for name, window in self.windows.items()}

    def _check(self, made: Mapping[str, Array]) -> None:
        program = self.program
        for out in program.donation.copied:
            raise InputError(f"output {out!r} cannot be written in the place of its input while others read that")
        for name in self.windows:
            if program.plan.inputs.get(name) in program._overwritten:
                raise InputError(f"input {name!r} is donated: one array has to serve every step")
        for name, buffer in program.plan.outputs.items():
            if buffer not in made and buffer not in program.donation.in_place:
                raise InputError(f"output {name!r} is an input or a constant as it is; nothing is computed for it")
            shape = program.plan.made[buffer].shape
            if any(np.ptp(resolve(size, self.sizes)) for size in shape):
                raise InputError(f"output {name!r} has not the same shape in every step; use Program.launch")


def _plain(size: Dim) -> tuple[str, int] | None:
    """The name and the constant of a size such as ``batch + 1``; None for any other."""
    names = [monomial for monomial, _ in size.terms if monomial]
    if len(names) > 1 or len(names[0]) > 1 or dict(size.terms)[names[0]] != 1:
        return None
    return names[0][0], dict(size.terms).get((), 0)
