"""Arrays as machine code reads and writes them: how wide numbers are, and where memory begins."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexgrad.evaluate import as_type, round_to_bf16
from lexgrad.graph import DType, Type

Array: TypeAlias = NDArray[Any]
Precision: TypeAlias = Literal["fp32", "fp64", "bf16"]

ALIGNMENT = 64
"""Bytes of a cache line."""

_BLOCK = 1 << 15
"""Numbers that are rounded at a time."""

_MANY, _LARGE_PAGE, _MOST_KEPT = 1 << 19, 1 << 21, 1 << 30
"""Bytes from which large pages are worth while, of such a page, and that are kept for the next launch at most."""

LLVM_FLOATS: dict[str, str] = {"fp32": "float", "fp64": "double", "bf16": "float"}
"""LLVM's name of a float, by precision."""

DTYPES: dict[str, dict[DType, np.dtype[Any]]] = {
    precision: {"float": np.dtype(width), "int": np.dtype(np.int64), "bool": np.dtype(np.bool_)}
    for precision, width in {"fp32": np.float32, "fp64": np.float64, "bf16": np.float32}.items()
}
"""NumPy's dtype of each dtype, by precision; of bf16 only the operands of matrix products are."""


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """An array that begins at a cache line."""
    size = math.prod(shape) * dtype.itemsize
    raw = np.empty(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def roomy(size: int) -> Array:
    """So many bytes for what is computed on the way: where they are many, on large pages, if the system has such.

    A processor finds its way in few large pages at once, and they do not stand in each other's place in its caches.
    """
    if size < _MANY:
        return aligned_empty((size,), np.dtype(np.uint8))
    raw = np.empty(max(size + _LARGE_PAGE, 2 * _LARGE_PAGE), np.uint8)  # from 4 MiB on, NumPy asks for large pages
    start = -raw.ctypes.data % _LARGE_PAGE
    return raw[start : start + size]


class Pool:
    """Memory that launches use one after the other, so that they need not wait for the system to clear new pages."""

    def __init__(self) -> None:
        self._free: list[Array] = []

    def lend(self, size: int) -> Array:
        """At least so many bytes, in which anything may stand; launches at the same time have each their own."""
        try:
            room = self._free.pop()
        except IndexError:
            room = roomy(0)
        return room if room.size >= size else roomy(size)

    def back(self, room: Array) -> None:
        """What was lent, for the next launch."""
        if not self._free and room.size <= _MOST_KEPT:
            self._free.append(room)

    @contextmanager
    def room(self, size: int) -> Iterator[Array]:
        """Memory that is lent until the block ends."""
        room = self.lend(size)
        try:
            yield room
        finally:
            self.back(room)


STATUS = "status"
"""The buffer that says which check failed, counted from 1, and what it found: two numbers, and the rows there are."""
STATUS_WORDS = 4

SCRATCH = "scratch"
"""The buffer of memory that each thread has for itself."""

LAPS = "laps"
"""The buffer of a profiled program: for every thread, and each of its kernels, ticks spent waiting and running."""

HALF = np.dtype(np.uint16)
"""NumPy's dtype of floats that are stored as bf16: it has none of its own."""


def halves(value: ArrayLike) -> Array:
    """Floats as the nearest bf16 numbers, uint16; what is uint16 already stays as it is."""
    if isinstance(value, np.ndarray) and value.dtype == HALF:
        return value
    floats = np.ascontiguousarray(value, np.float32)
    found = np.empty(np.shape(value), HALF)
    given, made = floats.reshape(-1), found.reshape(-1)
    for begin in range(0, given.size, _BLOCK):  # what is computed on the way stays in the cache
        part = slice(begin, begin + _BLOCK)
        np.right_shift(round_to_bf16(given[part]).view(np.uint32), 16, out=made[part], casting="unsafe")
    return found


def in_panels(matrix: Array, width: int) -> Array:
    """A matrix of the same shape whose memory has the entries of (depth, columns) in panels of ``width`` columns.

    The last panel has the columns that are left.
    """
    depth, columns = matrix.shape
    laid = aligned_empty(matrix.shape, matrix.dtype)
    flat = laid.reshape(-1)
    for start in range(0, columns, width):
        panel = matrix[:, start : start + width]
        flat[start * depth : start * depth + panel.size] = np.ravel(panel)
    return laid


def readable(value: ArrayLike, type: Type, dtype: np.dtype[Any], name: str, copy: bool = False) -> Array:
    """A value as an array that machine code can read: of that dtype, contiguous, aligned; a copy where need be.

    Raises:
        InputError: the value is of another kind than the input ``name``: floats for ints, say.
    """
    if not isinstance(value, np.ndarray) or value.dtype != dtype:
        value = as_type(value, type, dtype.type if type.dtype == "float" else np.float64, name)
    if value.flags.c_contiguous and value.flags.aligned and not copy:
        return value
    fresh = aligned_empty(value.shape, dtype)
    fresh[...] = value
    return fresh
