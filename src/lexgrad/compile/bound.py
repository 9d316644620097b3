"""Steps bound once and run again and again: each reads rows of long arrays, and no Python runs between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexgrad.compile.arrays import Array
from lexgrad.errors import InputError


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
    starts: NDArray[np.int64]
    stops: NDArray[np.int64] | None = None


class Window:
    """Rows made ready for machine code: where each step's part begins, and how large it is."""

    def __init__(self, name: str, rows: Rows, array: Array) -> None:
        self.array = array
        self.starts = np.asarray(rows.starts, np.int64)
        self.stops = None if rows.stops is None else np.asarray(rows.stops, np.int64)
        ends = self.starts + 1 if self.stops is None else self.stops
        if array.ndim == 0 or self.starts.ndim != 1 or ends.shape != self.starts.shape:
            raise InputError(f"input {name!r}: rows of an array begin and end at one number for each step")
        wrong = (self.starts < 0) | (ends < self.starts) | (ends > len(array))
        if wrong.any():
            step = int(wrong.argmax())
            raise InputError(
                f"input {name!r} has {len(array)} rows; step {step} reads {self.starts[step]} … {ends[step]}"
            )

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many rows each step reads."""
        return (self.starts + 1 if self.stops is None else self.stops) - self.starts

    def addresses(self, nowhere: int) -> NDArray[np.int64]:
        """Where each step's rows lie in memory: ``nowhere`` for a step that has none."""
        places = self.starts * self.array.strides[0] + self.array.ctypes.data
        return np.where((self.lengths > 0) & (self.array.size > 0), places, nowhere)

    def part(self, step: int) -> Array:
        """What a step reads."""
        if self.stops is None:
            row: Array = self.array[self.starts[step], ...]
            return row
        return self.array[self.starts[step] : self.stops[step]]


def alike(windows: Mapping[str, Window], steps: int) -> list[NDArray[np.int64]]:
    """Steps that read as many rows of every input, put together: the numbers of each such group.

    Raises:
        InputError: there is no step.
    """
    if steps < 1:
        raise InputError(f"a program is bound to at least 1 step; got {steps}")
    lengths = {window.lengths.tobytes(): window.lengths for window in windows.values() if window.stops is not None}
    if not lengths:
        return [np.arange(steps)]
    keys = np.stack(list(lengths.values()))
    order = np.lexsort(keys)
    changes = (np.diff(keys[:, order]) != 0).any(axis=0).nonzero()[0] + 1
    return np.split(order, changes)


def enclosing(layouts: Sequence[tuple[list[int], int]]) -> list[int]:
    """One layout of memory with room for each of several: where each slot begins, and behind the last where it ends."""
    sizes = np.diff(np.array([[*offsets, total] for offsets, total in layouts]), axis=1).max(axis=0)
    return [0, *np.cumsum(sizes).tolist()]


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
