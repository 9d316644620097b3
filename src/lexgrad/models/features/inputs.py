"""Encoded examples: arrays from which a batch's graph inputs are picked by index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lexgrad.graph import Dim, Type
from lexgrad.text.packed import PackedTexts, SparseRows

Array = NDArray[Any]
Batch = dict[str, Array]
BATCH, TOKENS = Dim("batch"), Dim("tokens")


class Inputs(Protocol):
    """Encoded examples of one kind."""

    def __len__(self) -> int: ...

    def batch(self, indices: NDArray[np.int64] | None = None) -> tuple[Batch, int]:
        """Return the graph's inputs for these examples (None: all), and how many tokens they hold."""
        ...


@dataclass(frozen=True)
class DenseInputs:
    """Rows of numbers: input ``x`` (batch, d)."""

    x: Array

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: NDArray[np.int64] | None = None) -> tuple[Batch, int]:
        """See Inputs.batch; every entry counts as a token."""
        x = self.x if indices is None else self.x[indices]
        return {"x": x}, x.size


@dataclass(frozen=True)
class SparseInputs:
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

    def batch(self, indices: NDArray[np.int64] | None = None) -> tuple[Batch, int]:
        """See Inputs.batch; every stored entry counts as a token."""
        rows = self.rows if indices is None else self.rows.select(indices)
        values = rows.values if self.deviations is None else rows.values / self.deviations[rows.ids]
        batch = {"ids": rows.ids, "values": values, "offsets": rows.offsets}
        if self.shift is not None:
            batch["shift"] = self.shift
        return batch, len(rows.ids)


@dataclass(frozen=True)
class PackedInputs:
    """Packed words: inputs ``ids`` (tokens,) and ``offsets`` (batch + 1,)."""

    texts: PackedTexts

    def __len__(self) -> int:
        return len(self.texts)

    def batch(self, indices: NDArray[np.int64] | None = None) -> tuple[Batch, int]:
        """See Inputs.batch."""
        texts = self.texts if indices is None else self.texts.select(indices)
        return {"ids": texts.ids, "offsets": texts.offsets}, len(texts.ids)


@dataclass(frozen=True)
class PaddedInputs:
    """Words side by side: input ``ids`` (batch, length); short texts end in -1, long ones are cut."""

    texts: PackedTexts
    length: int

    def __len__(self) -> int:
        return len(self.texts)

    def batch(self, indices: NDArray[np.int64] | None = None) -> tuple[Batch, int]:
        """See Inputs.batch; padding does not count."""
        texts = self.texts if indices is None else self.texts.select(indices)
        offsets = np.asarray(texts.offsets)
        columns = np.arange(self.length)
        places = offsets[:-1, None] + columns
        inside = places < offsets[1:, None]
        ids = np.full(places.shape, -1, dtype=np.int64)
        ids[inside] = np.asarray(texts.ids)[places[inside]]
        return {"ids": ids}, int(inside.sum())


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


def packed_types() -> dict[str, Type]:
    """Input types of PackedInputs."""
    return {"ids": Type("int", (TOKENS,)), "offsets": Type("int", (BATCH + 1,))}


def padded_types(length: int) -> dict[str, Type]:
    """Input types of PaddedInputs."""
    return {"ids": Type("int", (BATCH, length))}
