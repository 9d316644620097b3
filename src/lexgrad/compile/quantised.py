"""Rows of a matrix in one byte a number, and how large their cosines with a query can be: a first look at a million.

A row x of length 1 is held as s c + e with whole numbers c in -127 … 127. For a query q of length 1, x · q lies within
|e| of s (c · q) (Cauchy and Schwarz): only bytes go through memory, a quarter of the floats.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lexgrad.cache import cached
from lexgrad.compile.arrays import aligned_empty
from lexgrad.compile.functions import float_text
from lexgrad.compile.machine import Loaded, Processor, host, object_code, signature
from lexgrad.compile.threads import processors, together
from lexgrad.compile.vector_code import HINTS, LANES, VectorCode, whole

Float32 = NDArray[np.float32]
VECTOR, BYTES = f"<{LANES} x float>", f"<{LANES} x i8>"
_MOST = 127.0
_ROUND = 1.5 * 2.0**23  # added and taken away again, it leaves whole numbers
_TINY = 1e-30  # rows with nothing larger are not scaled: every cosine is possible


class QuantisedRows:
    """A matrix's rows in bytes.

    Args:
        matrix: float32 (n, d), rows one behind the other; it is read once and not kept.
        processor: what to generate code for; this machine's by default.
    """

    def __init__(self, matrix: Float32, processor: Processor | None = None) -> None:
        count, self.dimensions = matrix.shape
        processor = processor or host()
        text = _program(self.dimensions, processor)
        key = "\n".join([signature(processor), text])
        self._loaded = Loaded(cached(key, lambda: object_code(text, processor)), processor)
        word, pointer = ctypes.c_int64, ctypes.c_void_p
        self._bound = self._loaded.function("bound", *[pointer] * 5, *[word] * 4, ctypes.c_float)
        self.codes = aligned_empty((count, whole(self.dimensions)), np.dtype(np.int8))
        self.scales, self.radii = np.empty(count, np.float32), np.empty(count, np.float32)
        encode = self._loaded.function("encode", *[pointer] * 4, *[word] * 2)
        given = [array.ctypes.data for array in (matrix, self.codes, self.scales, self.radii)]
        _shared(count, lambda first, last: encode(*given, first, last))

    @property
    def slack(self) -> float:
        """What rounding may add to a cosine, and more."""
        return float(self.dimensions + 32) * 2.0**-22

    def bounds(self, queries: Float32) -> Float32:
        """Return what the cosine of each row is at most with each of some queries: float32 (m, n).

        Args:
            queries: float32 (m, d), of length 1.
        """
        count = len(self.codes)
        padded = aligned_empty((len(queries), self.codes.shape[1]), np.dtype(np.float32))
        padded[:, self.dimensions :] = 0
        padded[:, : self.dimensions] = queries
        found = np.empty((len(queries), count), np.float32)
        given = [array.ctypes.data for array in (self.codes, self.scales, self.radii, padded, found)]
        _shared(count, lambda first, last: self._bound(*given, count, len(queries), first, last, self.slack))
        return found


def _shared(count: int, work: Callable[[int, int], object]) -> None:
    """Call ``work(first, last)`` in every thread for its share."""
    threads = max(1, min(processors(), count >> 12))

    def run(thread: int, threads: int, _: int) -> None:
        work(count * thread // threads, count * (thread + 1) // threads)

    together(run, threads)


def _program(dimensions: int, processor: Processor) -> str:
    declared = [
        f"declare {VECTOR} @llvm.fabs.v{LANES}f32({VECTOR})",
        f"declare {VECTOR} @llvm.fma.v{LANES}f32({VECTOR}, {VECTOR}, {VECTOR})",
        f"declare float @llvm.vector.reduce.fadd.v{LANES}f32(float, {VECTOR})",
        f"declare float @llvm.vector.reduce.fmax.v{LANES}f32({VECTOR})",
        "declare float @llvm.sqrt.f32(float)",
    ]
    return "\n\n".join([*declared, _Encode(dimensions, processor).text(), _Bound(dimensions, processor).text(), HINTS])


class _Encode(VectorCode):
    """Writes ``encode(matrix, codes, scales, radii, first, last)``.

    With m the largest number of a row x, t = 127 x / m and c = t to the nearest whole number: s = 1 / |t|, and the
    rest of the row of length 1 has length |t - c| / |t|.
    """

    def text(self) -> str:
        """The function."""
        self.largest, self.squares, self.rests = (self.slot(VECTOR) for _ in range(3))
        self.last = self.slot(VECTOR)
        self.store(VECTOR, "zeroinitializer", self.last)
        with self.loop("row", "%first", "%last") as row:
            self.row(row)
        return self.function(
            "define void @encode(ptr %matrix, ptr %codes, ptr %scales, ptr %radii, i64 %first, i64 %last)"
        )

    def row(self, row: str) -> None:
        """One row."""
        x = self.at("float", "%matrix", self.mul(row, str(self.dimensions)))
        code = self.at("i8", "%codes", self.mul(row, str(whole(self.dimensions))))
        for slot in (self.largest, self.squares, self.rests):
            self.store(VECTOR, "zeroinitializer", slot)
        self.chunks(x, lambda values, _: self.measure(values))
        most = self.put(f"call float @llvm.vector.reduce.fmax.v{LANES}f32({VECTOR} {self.load(VECTOR, self.largest)})")
        usual = self.put(f"fcmp ogt float {most}, {float_text(_TINY)}")
        shrunk = self.put(f"fdiv float {float_text(_MOST)}, {most}")
        factor = self.splat(LANES, self.put(f"select i1 {usual}, float {shrunk}, float 0.0"))
        self.chunks(x, lambda values, place: self.encoded(values, factor, self.at("i8", code, place)))
        squares, rests = self.sum(self.squares), self.sum(self.rests)
        some = self.put(f"fcmp ogt float {squares}, 0.0")
        scale = self.put(f"fdiv float 1.0, {self.root(squares)}")
        radius = self.put(f"fmul float {self.root(rests)}, {scale}")
        anything = self.put(f"select i1 {self.put(f'fcmp une float {most}, 0.0')}, float 2.0, float 0.0")
        self.store("float", self.put(f"select i1 {some}, float {scale}, float 0.0"), "%scales", row)
        self.store("float", self.put(f"select i1 {some}, float {radius}, float {anything}"), "%radii", row)

    def chunks(self, x: str, work: Callable[[str, str], None]) -> None:
        """Do something with every 16 numbers of a row, given them and where they begin; 0 follows the last."""
        full = self.dimensions // LANES * LANES
        with self.loop("c", "0", str(full), str(LANES)) as c:
            work(self.load(VECTOR, self.at("float", x, c), align=4), c)
        if full < self.dimensions:
            for start, lanes in self.pieces:
                if start >= full:
                    part = self.load(f"<{lanes} x float>", self.at("float", x, str(start)), align=4)
                    self.store(f"<{lanes} x float>", part, self.at("float", self.last, str(start - full)), align=4)
            work(self.load(VECTOR, self.last), str(full))

    def measure(self, values: str) -> None:
        """The largest so far; what is not a number is not larger."""
        size = self.put(f"call {VECTOR} @llvm.fabs.v{LANES}f32({VECTOR} {values})")
        before = self.load(VECTOR, self.largest)
        larger = self.put(f"fcmp ogt {VECTOR} {size}, {before}")
        self.store(
            VECTOR, self.put(f"select <{LANES} x i1> {larger}, {VECTOR} {size}, {VECTOR} {before}"), self.largest
        )

    def encoded(self, values: str, factor: str, place: str) -> None:
        """Write the whole numbers, and add up what was and what is left."""
        scaled = self.put(f"fmul {VECTOR} {values}, {factor}")
        number = self.put(f"fcmp ord {VECTOR} {scaled}, zeroinitializer")
        scaled = self.put(f"select <{LANES} x i1> {number}, {VECTOR} {scaled}, {VECTOR} zeroinitializer")
        round = self.splat(LANES, float_text(_ROUND))
        up = self.put(f"fadd {VECTOR} {scaled}, {round}")
        near = self.put(f"fsub {VECTOR} {up}, {round}")
        rest = self.put(f"fsub {VECTOR} {scaled}, {near}")
        wide = self.put(f"fptosi {VECTOR} {near} to <{LANES} x i32>")
        self.store(BYTES, self.put(f"trunc <{LANES} x i32> {wide} to {BYTES}"), place, align=16)
        for value, slot in ((scaled, self.squares), (rest, self.rests)):
            self.store(VECTOR, self.multiply_add(LANES, value, value, self.load(VECTOR, slot)), slot)

    def sum(self, slot: str) -> str:
        """The sum of a vector's lanes."""
        vector = self.load(VECTOR, slot)
        return self.put(f"call reassoc float @llvm.vector.reduce.fadd.v{LANES}f32(float 0.0, {VECTOR} {vector})")

    def root(self, value: str) -> str:
        """The square root."""
        return self.put(f"call float @llvm.sqrt.f32(float {value})")


class _Bound(VectorCode):
    """Writes ``bound(codes, scales, radii, queries, found, count, many, first, last, slack)``.

    What it finds is s (c · q) + |e| + slack for each row and query.
    """

    def text(self) -> str:
        """The function."""
        width = str(whole(self.dimensions))
        with self.loop("row", "%first", "%last") as row:
            code = self.at("i8", "%codes", self.mul(row, width))
            scale, radius = self.load("float", "%scales", row), self.load("float", "%radii", row)
            beyond = self.put(f"fadd float {radius}, %slack")
            with self.loop("q", "0", "%many") as q:
                query = self.at("float", "%queries", self.mul(q, width))
                total = self.slot(VECTOR)
                self.store(VECTOR, "zeroinitializer", total)
                with self.loop("c", "0", width, str(LANES), hint="") as c:
                    bytes = self.load(BYTES, self.at("i8", code, c), align=16)
                    numbers = self.put(
                        f"sitofp <{LANES} x i32> {self.put(f'sext {BYTES} {bytes} to <{LANES} x i32>')} to {VECTOR}"
                    )
                    part = self.load(VECTOR, self.at("float", query, c), align=64)
                    self.store(VECTOR, self.multiply_add(LANES, numbers, part, self.load(VECTOR, total)), total)
                vector = self.load(VECTOR, total)
                dot = self.put(f"call reassoc float @llvm.vector.reduce.fadd.v{LANES}f32(float 0.0, {VECTOR} {vector})")
                found = self.put(f"fadd float {self.put(f'fmul float {dot}, {scale}')}, {beyond}")
                self.store("float", found, "%found", self.add(self.mul(q, "%count"), row))
        names = ", ".join(f"ptr noalias %{name}" for name in ("codes", "scales", "radii", "queries", "found"))
        return self.function(f"define void @bound({names}, i64 %count, i64 %many, i64 %first, i64 %last, float %slack)")
