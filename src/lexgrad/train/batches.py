"""Batches of many steps at a time: what the loop asks training examples for, and the usual way to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lexgrad.compile import Rows
from lexgrad.text.packed import gather, offsets_of, places_of
from lexgrad.train.shuffle import permutation, steps_in_epoch

Array = NDArray[Any]
Int64 = NDArray[np.int64]
Inputs = Mapping[str, Array | Rows]


@dataclass(frozen=True)
class Batches:
    """The inputs of several steps, one behind the other.

    Attributes:
        inputs: a step's inputs by name: an array is what every step reads, ``Rows`` say which rows each step reads.
        examples: (steps,) how many examples each step reads; its loss is their mean.
        tokens: (steps,) how many tokens they hold.
    """

    inputs: Inputs
    examples: Int64
    tokens: Int64

    def __len__(self) -> int:
        return len(self.examples)

    def step(self, number: int) -> dict[str, Array]:
        """The inputs of one step, counted from 0."""
        return part_of(self.inputs, number)


class Examples(Protocol):
    """Training examples, in the order in which each epoch reads them."""

    def __len__(self) -> int:
        """How many examples an epoch has."""
        ...

    @property
    def steps(self) -> int:
        """How many steps an epoch has."""
        ...

    def batches(self, epoch: int, first: int, stop: int) -> Batches:
        """The inputs of steps ``first`` … ``stop - 1`` of an epoch, both counted from 0.

        What a step reads depends on the epoch and its number alone, however many steps are asked for at a time. Fewer
        may be given, at least one, where what comes next does not fit behind them, for another shape, say.
        """
        ...


class Collection(Protocol):
    """Examples that can be picked in any order."""

    def __len__(self) -> int: ...

    def pick(self, indices: Int64, cuts: Int64) -> Batches:
        """The inputs of the steps that read these examples: step s reads ``indices[cuts[s]:cuts[s + 1]]``."""
        ...


class Shuffled:
    """Mini-batches of a collection in the random order of each epoch; the last one of an epoch may be smaller.

    Args:
        collection: every example comes once an epoch.
        size: examples in a mini-batch.
        seed: keys the order of every epoch; see ``lexgrad.train.shuffle.permutation``.
    """

    def __init__(self, collection: Collection, size: int, seed: int) -> None:
        self.collection, self.size, self.seed = collection, size, seed
        self.steps = steps_in_epoch(len(collection), size)
        self._epoch = -1
        self._order = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self.collection)

    def batches(self, epoch: int, first: int, stop: int) -> Batches:
        """See Examples.batches."""
        if epoch != self._epoch:
            self._order, self._epoch = permutation(len(self), self.seed, epoch), epoch
        cuts = np.minimum(np.arange(first, stop + 1) * self.size, len(self))
        return self.collection.pick(self._order[cuts[0] : cuts[-1]], cuts - cuts[0])


def part_of(inputs: Inputs, number: int) -> dict[str, Array]:
    """What step ``number``, counted from 0, reads of inputs of several steps."""
    return {name: rows.part(number) if isinstance(rows, Rows) else rows for name, rows in inputs.items()}


def cut_rows(array: Array, cuts: Int64) -> Rows:
    """Rows of an array of which step s reads those from ``cuts[s]`` up to ``cuts[s + 1]``."""
    return Rows(array, cuts[:-1], cuts[1:])


@dataclass(frozen=True)
class PackedSteps:
    """Where the values of packed rows lie that several steps read, one behind the other.

    Attributes:
        places: the positions of all values, step by step and row by row: ``ids[places]`` are what the steps read.
        bounds: (rows + 1,) where each row's values begin among ``places``, and the end of the last.
        cuts: (steps + 1,) where each step's do.
        offsets: the offsets of each step's rows among its own values, one more than it has rows.
    """

    places: Int64
    bounds: Int64
    cuts: Int64
    offsets: Rows

    def values(self, array: Array) -> Array:
        """What the steps read of an array that holds the values of all rows."""
        return gather(array, self.places, self.bounds)

    @property
    def lengths(self) -> Int64:
        """(steps,) how many values each step reads."""
        return np.diff(self.cuts)

    @classmethod
    def of(cls, offsets: Int64, indices: Int64, cuts: Int64) -> PackedSteps:
        """Find the values of some rows.

        Args:
            offsets: (rows + 1,) where each row's values begin, as of ``lexgrad.text.packed.PackedTexts``.
            indices: the rows that are read.
            cuts: (steps + 1,) step s reads the rows ``indices[cuts[s]:cuts[s + 1]]``.
        """
        places, bounds = places_of(offsets[:-1], offsets[1:], indices)
        return cls(places, bounds, *cut_offsets(bounds, cuts))


def cut_offsets(bounds: Int64, cuts: Int64) -> tuple[Int64, Rows]:
    """Cut packed rows that are in the order in which several steps read them.

    Args:
        bounds: (rows + 1,) where each row's values begin, and the end of the last.
        cuts: (steps + 1,) step s reads the rows from ``cuts[s]`` up to ``cuts[s + 1]``.

    Returns:
        (steps + 1,) where each step's values begin; and the offsets of each step's rows among its own values.
    """
    counts = np.diff(cuts) + 1
    own = offsets_of(counts)  # each step has an offset more than it has rows
    borders = bounds[np.arange(own[-1]) - np.repeat(np.arange(len(counts)), counts)]
    begins = bounds[cuts]
    return begins, cut_rows(borders - np.repeat(begins[:-1], counts), own)
