"""Encoded examples: arrays from which a batch's graph inputs are picked by index."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.compile import Rows
from lexgrad.graph import Dim, Type
from lexgrad.text.packed import PackedTexts, SparseRows, offsets_of
from lexgrad.train.batches import PackedSteps, cut_rows, part_of

Array = NDArray[Any]
Int64 = NDArray[np.int64]
Batch = dict[str, Array]
BATCH, TOKENS = Dim("batch"), Dim("tokens")


class Inputs(ABC):
    """Encoded examples of one kind."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def pick(self, indices: Int64, cuts: Int64) -> tuple[dict[str, Array | Rows], Int64]:
        """Pick the examples of several steps: step s reads ``indices[cuts[s]:cuts[s + 1]]``.

        Returns:
            the graph's inputs by name, as in ``lexgrad.train.batches.Batches``, and how many tokens each step reads.
        """

    def whole(self) -> Batch:
        """The graph's inputs for all examples, in order; quickly, where somebody may wait for an answer."""
        return self.batch()[0]

    def batch(self, indices: Int64 | None = None) -> tuple[Batch, int]:
        """The graph's inputs for these examples (None: all), and how many tokens they hold."""
        indices = np.arange(len(self)) if indices is None else indices
        inputs, tokens = self.pick(indices, np.array([0, len(indices)]))
        return part_of(inputs, 0), int(tokens[0])


@dataclass(frozen=True)
class DenseInputs(Inputs):
    """Rows of numbers: input ``x`` (batch, d)."""

    x: Array

    def __len__(self) -> int:
        return len(self.x)

    def pick(self, indices: Int64, cuts: Int64) -> tuple[dict[str, Array | Rows], Int64]:
        """See Inputs.pick; every entry counts as a token."""
        return {"x": cut_rows(self.x[indices], cuts)}, np.diff(cuts) * self.x.shape[1]


@dataclass(frozen=True)
class SparseInputs(Inputs):
    """Sparse rows: inputs ``ids``, ``values`` (tokens,) and ``offsets`` (batch + 1,).

    Attributes:
        rows: the entries that are not zero.
        deviations: (d,) to divide the columns by, or None.
        shift: (d,) mean / deviation of each column, or None: the graph subtracts shift W from its product, which is
            what centring the columns would do, without making them dense.
    """

    rows: SparseRows
    deviations: Array | None = None
    shift: Array | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def pick(self, indices: Int64, cuts: Int64) -> tuple[dict[str, Array | Rows], Int64]:
        """See Inputs.pick; every stored entry counts as a token."""
        steps = PackedSteps.of(self.rows.offsets, indices, cuts)
        ids = steps.values(self.rows.ids)
        inputs: dict[str, Array | Rows] = {
            "ids": cut_rows(ids.astype(np.int64), steps.cuts),
            "values": cut_rows(self._divided(steps.values(self.rows.values), ids), steps.cuts),
            "offsets": steps.offsets,
        }
        if self.shift is not None:
            inputs["shift"] = self.shift
        return inputs, steps.lengths

    def whole(self) -> Batch:
        """See Inputs.whole."""
        ids = self.rows.ids
        values = self._divided(self.rows.values, ids)
        shift = {} if self.shift is None else {"shift": self.shift}
        return {"ids": ids.astype(np.int64), "values": values, "offsets": self.rows.offsets, **shift}

    def _divided(self, values: Array, ids: Array) -> Array:
        return values if self.deviations is None else np.asarray(values / self.deviations[ids])


@dataclass(frozen=True)
class PackedInputs(Inputs):
    """Packed words: inputs ``ids`` (tokens,) and ``offsets`` (batch + 1,), and ``kind_…`` (tokens,) of each feature.

    Attributes:
        texts: words by id.
        kinds: further features of words: the kind of each word of the vocabulary.
    """

    texts: PackedTexts
    kinds: Mapping[str, Int64] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    def pick(self, indices: Int64, cuts: Int64) -> tuple[dict[str, Array | Rows], Int64]:
        """See Inputs.pick."""
        steps = PackedSteps.of(self.texts.offsets, indices, cuts)
        ids = steps.values(self.texts.ids).astype(np.int64)
        kinds = {f"kind_{name}": cut_rows(table[ids], steps.cuts) for name, table in self.kinds.items()}
        return {"ids": cut_rows(ids, steps.cuts), "offsets": steps.offsets, **kinds}, steps.lengths

    def whole(self) -> Batch:
        """See Inputs.whole."""
        ids = self.texts.ids.astype(np.int64)
        kinds = {f"kind_{name}": table[ids] for name, table in self.kinds.items()}
        return {"ids": ids, "offsets": self.texts.offsets, **kinds}


@dataclass(frozen=True)
class PaddedInputs(Inputs):
    """Words side by side: input ``ids`` (batch, length); short texts end in -1, long ones are cut."""

    texts: PackedTexts
    length: int

    def __len__(self) -> int:
        return len(self.texts)

    def pick(self, indices: Int64, cuts: Int64) -> tuple[dict[str, Array | Rows], Int64]:
        """See Inputs.pick; padding does not count."""
        begins = self.texts.offsets[:-1][indices]
        lengths = np.minimum(self.texts.offsets[1:][indices] - begins, self.length)
        inside = np.arange(self.length) < lengths[:, None]
        ids = np.full(inside.shape, -1, dtype=np.int64)
        places = begins[:, None] + np.arange(self.length)
        ids[inside] = self.texts.ids[places[inside]]
        return {"ids": cut_rows(ids, cuts)}, np.diff(offsets_of(lengths)[cuts])


def dense_types(columns: int) -> dict[str, Type]:
    """Input types of DenseInputs."""
    return {"x": Type("float", (BATCH, columns))}


def sparse_types(columns: int, centred: bool) -> dict[str, Type]:
    """Input types of SparseInputs."""
    types = {
        "ids": Type("int", (TOKENS,)),
        "values": Type("float", (TOKENS,)),
        "offsets": Type("int", (BATCH + 1,)),
    }
    return types | ({"shift": Type("float", (columns,))} if centred else {})


def packed_types(kinds: Iterable[str] = ()) -> dict[str, Type]:
    """Input types of PackedInputs; ``kinds`` names further features of words."""
    further = {f"kind_{name}": Type("int", (TOKENS,)) for name in kinds}
    return {"ids": Type("int", (TOKENS,)), "offsets": Type("int", (BATCH + 1,)), **further}


def padded_types(length: int) -> dict[str, Type]:
    """Input types of PaddedInputs."""
    return {"ids": Type("int", (BATCH, length))}
