"""Packed batches: one run of values and the offsets where each row begins; no padding anywhere."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import mmap
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from lexgrad.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]

_Scalar = TypeVar("_Scalar", bound=np.generic)

DEFAULT_LIMIT = 1 << 28
AT_HAND = 128
"""Rows of a mapped file that are read before its memory is given back: for each, Linux maps up to 300 KiB around it."""


@dataclass(frozen=True, eq=False)
class PackedTexts:
    """Texts as token ids: text ``i`` is ``ids[offsets[i]:offsets[i + 1]]``.

    Attributes:
        ids: int32 (tokens,).
        offsets: int64 (texts + 1,), from 0 to the number of tokens, never falling.
    """

    ids: Int32
    offsets: Int64

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", np.ascontiguousarray(self.ids, np.int32))
        object.__setattr__(self, "offsets", _checked_offsets(self.offsets, len(self.ids)))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> Int32: ...
    @overload
    def __getitem__(self, index: slice) -> PackedTexts: ...
    def __getitem__(self, index: int | np.integer[Any] | slice) -> Int32 | PackedTexts:
        if isinstance(index, slice):
            first, stop, step = index.indices(len(self))
            if step != 1:
                return self.select(np.arange(first, stop, step))
            stop = max(first, stop)
            begin, end = self.offsets[first], self.offsets[stop]
            return PackedTexts(self.ids[begin:end], self.offsets[first : stop + 1] - begin)
        begin, end = _bounds(self.offsets, int(index))
        return self.ids[begin:end]

    def __iter__(self) -> Iterator[Int32]:
        return (self[i] for i in range(len(self)))

    @property
    def lengths(self) -> Int64:
        """Tokens in each text: int64 (texts,)."""
        return np.diff(self.offsets)

    def select(self, indices: ArrayLike) -> PackedTexts:
        """Return the texts at ``indices``, in that order, repeated where they are."""
        places, offsets = _places(self.offsets, indices)
        return PackedTexts(gather(self.ids, places, offsets), offsets)

    def __repr__(self) -> str:
        return f"PackedTexts({len(self)} texts, {len(self.ids)} tokens)"


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Rows of a sparse matrix: row ``i`` has ``values[offsets[i]:offsets[i + 1]]`` in the columns ``ids[...]``.

    Attributes:
        ids: columns, int32 (nonzeros,), rising within a row.
        values: float32 (nonzeros,).
        offsets: int64 (rows + 1,).
        columns: how many columns the matrix has.
    """

    ids: Int32
    values: Float32
    offsets: Int64
    columns: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", np.ascontiguousarray(self.ids, np.int32))
        object.__setattr__(self, "values", np.ascontiguousarray(self.values, np.float32))
        object.__setattr__(self, "offsets", _checked_offsets(self.offsets, len(self.ids)))
        if len(self.ids) != len(self.values):
            raise InputError(f"expected as many values as column ids, {len(self.ids)}, found {len(self.values)}")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self), self.columns

    def __getitem__(self, index: int | np.integer[Any]) -> tuple[Int32, Float32]:
        begin, end = _bounds(self.offsets, int(index))
        return self.ids[begin:end], self.values[begin:end]

    @property
    def lengths(self) -> Int64:
        """Stored values in each row: int64 (rows,)."""
        return np.diff(self.offsets)

    def select(self, indices: ArrayLike) -> SparseRows:
        """Return the rows at ``indices``, in that order, repeated where they are."""
        places, offsets = _places(self.offsets, indices)
        return SparseRows(self.ids[places], self.values[places], offsets, self.columns)

    def to_scipy(self) -> csr_matrix:
        """Return a SciPy CSR matrix, float32 (rows, columns), that shares the arrays."""
        from scipy.sparse import csr_matrix

        return csr_matrix((self.values, self.ids, self.offsets), shape=self.shape)

    @classmethod
    def from_scipy(cls, matrix: Any) -> SparseRows:
        """Return the rows of any SciPy sparse matrix; duplicates are summed and columns sorted.

        Raises:
            InputError: the matrix has more columns than int32 can number.
        """
        rows = matrix.tocsr()
        if not rows.has_canonical_format:
            rows = rows.copy()
            rows.sum_duplicates()
        if rows.shape[1] > np.iinfo(np.int32).max:
            raise InputError(f"expected at most {np.iinfo(np.int32).max} columns, found {rows.shape[1]}")
        return cls(rows.indices, rows.data, rows.indptr, int(rows.shape[1]))

    def __repr__(self) -> str:
        return f"SparseRows({len(self)} rows, {self.columns} columns, {len(self.ids)} values)"


class ArrayBuilder:
    """A one-dimensional array that grows by pieces; past a limit of bytes it goes on in a temporary file.

    The file has no name (on Windows: is marked for removal on closing), so that it is gone when the array is,
    whatever becomes of the process.
    """

    def __init__(self, dtype: DTypeLike, limit_bytes: int = DEFAULT_LIMIT) -> None:
        self._dtype = np.dtype(dtype)
        self._limit = limit_bytes
        self._pieces: list[NDArray[Any]] = []
        self._bytes = 0
        self._file: BinaryIO | None = None
        self._finished = False

    def __len__(self) -> int:
        return self._bytes // self._dtype.itemsize

    @property
    def spilled(self) -> bool:
        """Whether a temporary file has been needed."""
        return self._file is not None

    def append(self, piece: ArrayLike) -> None:
        """Add values at the end; they are copied or written, never kept as a view.

        Raises:
            OSError: the temporary folder is full.
        """
        if self._finished:
            raise ValueError("the array is finished; begin another builder")
        array = np.array(piece, self._dtype, ndmin=1)
        self._bytes += array.nbytes
        if self._file is None and self._bytes > self._limit:
            self._spill()
        if self._file is None:
            self._pieces.append(array)
        else:
            self._file.write(array.data)

    def finish(self) -> NDArray[Any]:
        """Return the array: in memory, or a read-only view of the mapped file."""
        self._finished = True
        if self._file is None:
            pieces, self._pieces = self._pieces, []
            return np.concatenate(pieces) if pieces else np.zeros(0, self._dtype)
        with self._file as file:
            file.flush()
            mapped = mmap.mmap(file.fileno(), self._bytes, access=mmap.ACCESS_READ)
        if hasattr(mmap, "MADV_NOHUGEPAGE"):  # else, one number that is read may bring in 2 MiB
            with contextlib.suppress(OSError):  # a kernel without large pages
                mapped.madvise(mmap.MADV_NOHUGEPAGE)
        return np.frombuffer(mapped, self._dtype)

    def close(self) -> None:
        """Drop what was gathered, and the temporary file."""
        self._finished, self._pieces = True, []
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="lexgrad-")  # noqa: SIM115  # closed by finish or close
        for piece in self._pieces:
            self._file.write(piece.data)
        self._pieces = []


def let_go(array: NDArray[Any]) -> None:
    """Give the memory back that a mapped file's pages take; they are read again where they are needed.

    For an array in memory nothing happens, nor where the system has no such wish (Windows).
    """
    mapped = _mapped(array)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def gather(array: NDArray[Any], places: Int64, offsets: Int64) -> NDArray[Any]:
    """Return the values of some rows, ``array[places]``; of a mapped file, no more than some rows' pages stay at hand.

    Args:
        array: the values of all rows.
        places: where those of the rows are, one row after the other.
        offsets: where each row begins among ``places``, and the end of the last; see ``places_of``.
    """
    if _mapped(array) is None:
        return array[places]
    found = np.empty(len(places), array.dtype)
    cuts = [*offsets[:-1:AT_HAND].tolist(), len(places)]
    for begin, end in pairwise(cuts):
        found[begin:end] = array[places[begin:end]]
        let_go(array)
    return found


def _mapped(array: NDArray[Any]) -> mmap.mmap | None:
    """The file that an array lies in."""
    base: Any = array
    while base is not None and not isinstance(base, mmap.mmap):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    return base


def trim() -> None:
    """Give freed memory back to the system: Python's lists of free objects, Arrow's pool, and the C library's heap.

    Arrow keeps some 100 MB otherwise, glibc up to 64 MB; C libraries without ``malloc_trim`` are left to themselves.
    """
    gc.collect()
    if arrow := sys.modules.get("pyarrow"):
        arrow.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


class PackedBuilder:
    """Gathers packed texts piece by piece; ids past ``limit_bytes`` go to a memory-mapped temporary file."""

    def __init__(self, limit_bytes: int = DEFAULT_LIMIT) -> None:
        self._ids = ArrayBuilder(np.int32, limit_bytes)
        self._lengths = ArrayBuilder(np.int64, limit_bytes)

    def __len__(self) -> int:
        return len(self._lengths)

    def __enter__(self) -> PackedBuilder:
        return self

    def __exit__(self, *_: object) -> None:
        self._ids.close()
        self._lengths.close()

    @property
    def spilled(self) -> bool:
        """Whether a temporary file has been needed."""
        return self._ids.spilled or self._lengths.spilled

    def append(self, texts: PackedTexts) -> None:
        """Add texts at the end."""
        self._ids.append(texts.ids)
        self._lengths.append(texts.lengths)

    def finish(self) -> PackedTexts:
        """Return everything appended, as one."""
        return PackedTexts(self._ids.finish(), offsets_of(self._lengths.finish()))


def concatenate(batches: Iterable[PackedTexts], limit_bytes: int = DEFAULT_LIMIT) -> PackedTexts:
    """Return packed texts one after the other as one."""
    with PackedBuilder(limit_bytes) as builder:
        for batch in batches:
            builder.append(batch)
        return builder.finish()


def pack(rows: Sequence[ArrayLike]) -> PackedTexts:
    """Pack sequences of token ids, one a text."""
    arrays = [np.asarray(row, np.int32) for row in rows]
    ids = np.concatenate(arrays) if arrays else np.zeros(0, np.int32)
    return PackedTexts(ids, offsets_of([len(array) for array in arrays]))


def offsets_of(lengths: ArrayLike) -> Int64:
    """Return where each of some rows begins, and the end of the last: int64 (rows + 1,)."""
    lengths = np.asarray(lengths, np.int64)
    offsets = np.zeros(len(lengths) + 1, np.int64)
    # np.cumsum does the same, but looks "accumulate" up by a new string each time; Python's cache of attributes keeps
    # such strings, and each of them a megabyte that words were in.
    np.add.accumulate(lengths, out=offsets[1:])
    return offsets


def read_only(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    """The array, which nobody can write to any more: it is shared."""
    array.flags.writeable = False
    return array


@functools.lru_cache(1024)
def offsets_of_one(length: int) -> Int64:
    """Return ``offsets_of([length])``, of one text that somebody waits for."""
    return read_only(np.array([0, length], np.int64))


def _places(offsets: Int64, indices: ArrayLike) -> tuple[Int64, Int64]:
    """Return the positions of the values of some rows, and those rows' offsets."""
    rows = np.asarray(indices)
    if rows.dtype == bool:
        rows = np.flatnonzero(rows)
    rows = rows.astype(np.int64, copy=False)
    count = len(offsets) - 1
    if len(rows) and not (-count <= rows.min() and rows.max() < count):
        raise IndexError(f"expected rows from {-count} to {count - 1}, found {rows.min()} to {rows.max()}")
    rows = np.where(rows < 0, rows + count, rows)
    return places_of(offsets[:-1], offsets[1:], rows)


def places_of(begins: Int64, ends: Int64, rows: Int64) -> tuple[Int64, Int64]:
    """Return the positions of the values of some rows, one row after the other, and the offsets among them.

    Args:
        begins: where the values of each row begin, int64 (rows,).
        ends: where they end.
        rows: which rows, int64 (n,), from 0.
    """
    first = begins[rows]
    lengths = ends[rows] - first
    offsets = offsets_of(lengths)
    places = np.arange(offsets[-1], dtype=np.int64)
    places += np.repeat(first - offsets[:-1], lengths)
    return places, offsets


def _bounds(offsets: Int64, index: int) -> tuple[int, int]:
    count = len(offsets) - 1
    if not -count <= index < count:
        raise IndexError(f"expected a row from {-count} to {count - 1}, found {index}")
    index %= count
    return int(offsets[index]), int(offsets[index + 1])


def _checked_offsets(offsets: ArrayLike, values: int) -> Int64:
    checked: Int64 = np.ascontiguousarray(offsets, np.int64)
    fits = checked.ndim == 1 and len(checked) and checked[0] == 0 and checked[-1] == values
    if not fits or np.any(checked[1:] < checked[:-1]):
        raise InputError(f"expected offsets that rise from 0 to {values}, the number of values")
    return checked
