"""Micro-kernels of matrix products as LLVM text: each computes one tile of the result, held in registers.

- ``rows``: ``right`` lies with its columns side by side. For every k, a vector of each column block of ``right`` is
  loaded once and multiplied with each row's broadcast ``left[i, k]``; ``left`` may have any strides.
- ``dots``: both lie with k side by side (``right`` is a transposed matrix). Vectors along k are multiplied and added,
  and each entry of the tile is summed up at the end.
- ``packed``: as ``rows``, on operands that were packed (:mod:`lexgrad.compile.packing`), block by block of the depth:
  sums go on from what was reached before. Entries may be pairs of bf16, multiplied and added in fp32.

After Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 2008.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lexgrad.compile.writer import loop_hint


@dataclass(frozen=True)
class Tiles:
    """Tile sizes for a processor.

    Attributes:
        lanes: entries in a vector register.
        rows: rows of a ``rows`` tile.
        blocks: vectors of columns in a ``rows`` tile.
        dot_rows: rows of a ``dots`` tile.
        dot_columns: columns of a ``dots`` tile.
    """

    lanes: int
    rows: int
    blocks: int
    dot_rows: int
    dot_columns: int

    @property
    def columns(self) -> int:
        """Columns of a ``rows`` tile."""
        return self.lanes * self.blocks

    @property
    def heights(self) -> list[int]:
        """How many rows a ``rows`` tile may have, most first."""
        return list(dict.fromkeys((self.rows, 4, 1)))


def tiles(vector_bits: int, registers: int, fp: str) -> Tiles:
    """Tile sizes for vectors of ``vector_bits`` and that many registers."""
    lanes = vector_bits // (32 if fp == "float" else 64)
    if registers >= 32:
        return Tiles(lanes, 8, 3, 4, 6)
    return Tiles(lanes, 6, 2, 3, 4)


class MicroKernels:
    """The functions that the products of a program call, each written when it is first asked for.

    Args:
        tile: tile sizes.
        fp: the LLVM type of floats.
        fma: whether the processor multiplies and adds in one instruction.

    Attributes:
        bits: the suffix of LLVM's functions on vectors.
        vector: the LLVM type of a vector.
        mask: the LLVM type of a vector of truths.
        size: bytes a float.
        texts: functions and declarations, by name.
    """

    def __init__(self, tile: Tiles, fp: str, fma: bool = True) -> None:
        self.tile = tile
        self.fp = fp
        self.fma = fma
        self.bits = f"v{tile.lanes}{'f32' if fp == 'float' else 'f64'}"
        self.vector = f"<{tile.lanes} x {fp}>"
        self.mask = f"<{tile.lanes} x i1>"
        self.size = 4 if fp == "float" else 8
        self.texts: dict[str, str] = {}

    @property
    def text(self) -> str:
        """All that has been asked for."""
        return "\n".join(self.texts.values())

    def add(self, name: str, write: Callable[[], list[str]]) -> str:
        """The name of a function, which is written if it is not there yet."""
        if name not in self.texts:
            self.texts[name] = "\n".join(write())
        return f"@{name}"

    def declare(self, type: str, name: str, arguments: str) -> str:
        """The name of a function that LLVM has."""
        self.texts[name] = f"declare {type} @{name}({arguments})"
        return f"@{name}"

    def rows(self, rows: int, blocks: int, masked: bool) -> str:
        """The ``rows`` kernel for so many rows and vectors of columns."""
        name = f"lg.rows{rows}.{blocks}{'m' if masked else ''}"
        return self.add(name, lambda: _rows_kernel(self, name, rows, blocks, masked=masked))

    def packed(self, rows: int, blocks: int, bf16: bool) -> str:
        """The ``packed`` kernel for so many rows and vectors of columns."""
        name = f"lg.packed{rows}.{blocks}{'.bf16' if bf16 else ''}"
        return self.add(name, lambda: _rows_kernel(self, name, rows, blocks, packed=True, bf16=bf16))

    def dots(self) -> str:
        """The ``dots`` kernel."""
        return self.add("lg.dots", lambda: _dots_kernel(self))

    def multiply_add(self) -> str:
        """x y + z on vectors: in one instruction, or in two where a processor has no such thing."""
        vector = self.vector

        def write() -> list[str]:
            lines = [f"  %m = fmul {vector} %x, %y", f"  %r = fadd {vector} %m, %z"]
            if self.fma:
                fma = self.declare(vector, f"llvm.fma.{self.bits}", f"{vector}, {vector}, {vector}")
                lines = [f"  %r = call {vector} {fma}({vector} %x, {vector} %y, {vector} %z)"]
            head = (
                f"define internal {vector} @lg.fma.{self.bits}({vector} %x, {vector} %y, {vector} %z) alwaysinline {{"
            )
            return [head, *lines, f"  ret {vector} %r", "}"]

        return self.add(f"lg.fma.{self.bits}", write)

    def masked(self, pointer: str, mask: str) -> str:
        """The instruction that loads those entries of a vector which exist."""
        load = self.declare(self.vector, f"llvm.masked.load.{self.bits}.p0", f"ptr, i32, {self.mask}, {self.vector}")
        mask = f"{self.mask} {mask}, {self.vector} zeroinitializer"
        return f"call {self.vector} {load}(ptr {pointer}, i32 {self.size}, {mask})"


def lane_numbers(lanes: int) -> str:
    """0, 1, 2… as a vector."""
    return "<" + ", ".join(f"i64 {lane}" for lane in range(lanes)) + ">"


def mask_lines(lanes: int, name: str, limit: str, start: str) -> list[str]:
    """``%name``: which of the lanes from ``start`` on lie below ``limit``."""
    ints = f"<{lanes} x i64>"
    return [
        f"  %{name}r = sub i64 {limit}, {start}",
        f"  %{name}i = insertelement {ints} poison, i64 %{name}r, i32 0",
        f"  %{name}s = shufflevector {ints} %{name}i, {ints} poison, <{lanes} x i32> zeroinitializer",
        f"  %{name} = icmp sgt {ints} %{name}s, {lane_numbers(lanes)}",
    ]


def clamped_rows(rows: int, base: str, stride: str, last: str, entry: str) -> list[str]:
    """Pointers to each row; rows beyond the last one that exists read that one again, and nobody keeps the result."""
    lines = []
    for i in range(rows):
        lines += [
            f"  %{base}{i}n = call i64 @llvm.smin.i64(i64 {i}, i64 %{last})",
            f"  %{base}{i}o = mul i64 %{base}{i}n, %{stride}",
            f"  %{base}{i} = getelementptr {entry}, ptr %{base}, i64 %{base}{i}o",
        ]
    return lines


def _rows_kernel(
    kernels: MicroKernels,
    name: str,
    rows: int,
    blocks: int,
    masked: bool = False,
    packed: bool = False,
    bf16: bool = False,
) -> list[str]:
    """``rows``, or ``packed``: strides are counted in floats, or in pairs of bf16 that lie in the place of a float.

    ``packed`` adds to the tile at ``from``, and leaves the sums at ``c``, both with a stride of their own.
    """
    tile, fp, vector = kernels.tile, kernels.fp, kernels.vector
    lanes = tile.lanes
    entry = "i32" if bf16 else fp
    entries = f"<{lanes} x {entry}>"
    pairs = [(i, j) for i in range(rows) for j in range(blocks)]
    to = "ptr noalias %a, i64 %ai, i64 %ak, i64 %last, ptr noalias %b, i64 %bk"
    to += ", ptr %from, i64 %fs, ptr %c, i64 %cs" if packed else ", i64 %columns, ptr noalias %c"
    lines = [f"define internal void @{name}({to}, i64 %depth) noinline {{", "entry:"]
    lines += clamped_rows(rows, "a", "ai", "last", entry)
    start = dict.fromkeys(pairs, "zeroinitializer")
    if masked:
        for j in range(blocks):
            lines += mask_lines(lanes, f"m{j}", "%columns", str(j * lanes))
    if packed:
        for i, j in pairs:
            start[i, j] = f"%z{i}.{j}"
            lines += _place(f"zp{i}.{j}", "from", "fs", i, j * lanes, fp)
            lines.append(f"  %z{i}.{j} = load {vector}, ptr %zp{i}.{j}, align {kernels.size}")
    lines += ["  %some = icmp sgt i64 %depth, 0", "  br i1 %some, label %loop, label %done", "loop:"]
    lines.append("  %k = phi i64 [0, %entry], [%k1, %loop]")
    for i, j in pairs:
        lines.append(f"  %c{i}.{j} = phi {vector} [{start[i, j]}, %entry], [%d{i}.{j}, %loop]")
    lines += _columns_loaded(kernels, entry, blocks, masked)
    lines.append("  %ko = mul i64 %k, %ak")
    add = _pairs_added(kernels) if bf16 else _entries_added(kernels)
    for i in range(rows):
        lines += [
            f"  %ap{i} = getelementptr {entry}, ptr %a{i}, i64 %ko",
            f"  %s{i} = load {entry}, ptr %ap{i}",
            f"  %v{i} = insertelement {entries} poison, {entry} %s{i}, i32 0",
            f"  %x{i} = shufflevector {entries} %v{i}, {entries} poison, <{lanes} x i32> zeroinitializer",
        ]
        for j in range(blocks):
            lines += add(i, j)
        if bf16:
            # Nothing crosses this line: all rows loaded at once would need more registers than there are.
            lines.append('  call void asm sideeffect "", "~{memory}"()')
    lines += ["  %k1 = add nuw nsw i64 %k, 1", "  %more = icmp slt i64 %k1, %depth"]
    # Unrolled, it would need more registers than there are.
    lines += [f"  br i1 %more, label %loop, label %done{loop_hint(1)}", "done:"]
    for i, j in pairs:
        lines.append(f"  %e{i}.{j} = phi {vector} [{start[i, j]}, %entry], [%d{i}.{j}, %loop]")
    for i, j in pairs:
        if packed:
            lines += _place(f"cp{i}.{j}", "c", "cs", i, j * lanes, fp)
        else:
            lines.append(f"  %cp{i}.{j} = getelementptr {fp}, ptr %c, i64 {i * tile.columns + j * lanes}")
        lines.append(f"  store {vector} %e{i}.{j}, ptr %cp{i}.{j}, align {kernels.size if packed else 64}")
    return [*lines, "  ret void", "}"]


def _columns_loaded(kernels: MicroKernels, entry: str, blocks: int, masked: bool) -> list[str]:
    """``%b0``, ``%b1``…: vectors of one row of ``right``; with a mask, without what lies beyond its last column."""
    lanes = kernels.tile.lanes
    lines = ["  %bo = mul i64 %k, %bk", f"  %bp = getelementptr {entry}, ptr %b, i64 %bo"]
    for j in range(blocks):
        lines.append(f"  %bp{j} = getelementptr {entry}, ptr %bp, i64 {j * lanes}")
        whole = f"load <{lanes} x {entry}>, ptr %bp{j}, align {kernels.size}"
        lines.append(f"  %b{j} = {kernels.masked(f'%bp{j}', f'%m{j}') if masked else whole}")
    return lines


def _place(name: str, base: str, stride: str, row: int, column: int, fp: str) -> list[str]:
    return [
        f"  %{name}o = mul i64 %{stride}, {row}",
        f"  %{name}s = add i64 %{name}o, {column}",
        f"  %{name} = getelementptr {fp}, ptr %{base}, i64 %{name}s",
    ]


def _entries_added(kernels: MicroKernels) -> Callable[[int, int], list[str]]:
    """``d = x b + c`` for row ``i`` and vector ``j``."""
    vector = kernels.vector
    call = f"call {vector} {kernels.multiply_add()}"
    return lambda i, j: [f"  %d{i}.{j} = {call}({vector} %x{i}, {vector} %b{j}, {vector} %c{i}.{j})"]


def _pairs_added(kernels: MicroKernels) -> Callable[[int, int], list[str]]:
    """``d = x b + c``, where entries of x and b are pairs of bf16: both products are added by one instruction."""
    sums, ints, halves = "<16 x float>", "<16 x i32>", "<32 x bfloat>"
    multiply = kernels.declare(sums, "llvm.x86.avx512bf16.dpbf16ps.512", f"{sums}, {halves}, {halves}")
    return lambda i, j: [
        f"  %xh{i}.{j} = bitcast {ints} %x{i} to {halves}",
        f"  %bh{i}.{j} = bitcast {ints} %b{j} to {halves}",
        f"  %d{i}.{j} = call {sums} {multiply}({sums} %c{i}.{j}, {halves} %xh{i}.{j}, {halves} %bh{i}.{j})",
    ]


def _dots_kernel(kernels: MicroKernels) -> list[str]:
    tile, fp, vector = kernels.tile, kernels.fp, kernels.vector
    lanes, size = tile.lanes, kernels.size
    rows, columns = tile.dot_rows, tile.dot_columns
    pairs = [(i, j) for i in range(rows) for j in range(columns)]
    fma = f"call {vector} {kernels.multiply_add()}"
    reduce = kernels.declare(fp, f"llvm.vector.reduce.fadd.{kernels.bits}", f"{fp}, {vector}")
    lines = [
        "define internal void @lg.dots(ptr noalias %a, i64 %ai, i64 %last, ptr noalias %b, i64 %bj, i64 %lastb,",
        "  ptr noalias %c, i64 %depth) noinline {",
        "entry:",
        *clamped_rows(rows, "a", "ai", "last", fp),
        *clamped_rows(columns, "b", "bj", "lastb", fp),
        f"  %whole = and i64 %depth, -{lanes}",
        "  %some = icmp sgt i64 %whole, 0",
        "  br i1 %some, label %loop, label %tail",
        "loop:",
        "  %k = phi i64 [0, %entry], [%k1, %loop]",
    ]
    for i, j in pairs:
        lines.append(f"  %c{i}.{j} = phi {vector} [zeroinitializer, %entry], [%d{i}.{j}, %loop]")
    for side, count in (("a", rows), ("b", columns)):
        for i in range(count):
            lines.append(f"  %{side}p{i} = getelementptr {fp}, ptr %{side}{i}, i64 %k")
            lines.append(f"  %{side}v{i} = load {vector}, ptr %{side}p{i}, align {size}")
    for i, j in pairs:
        lines.append(f"  %d{i}.{j} = {fma}({vector} %av{i}, {vector} %bv{j}, {vector} %c{i}.{j})")
    lines += [f"  %k1 = add nuw nsw i64 %k, {lanes}", "  %more = icmp slt i64 %k1, %whole"]
    lines += ["  br i1 %more, label %loop, label %tail", "tail:"]
    for i, j in pairs:
        lines.append(f"  %e{i}.{j} = phi {vector} [zeroinitializer, %entry], [%d{i}.{j}, %loop]")
    lines += ["  %rest = sub i64 %depth, %whole", *mask_lines(lanes, "m", "%rest", "0")]
    for side, count in (("a", rows), ("b", columns)):
        for i in range(count):
            lines.append(f"  %{side}q{i} = getelementptr {fp}, ptr %{side}{i}, i64 %whole")
            lines.append(f"  %{side}w{i} = {kernels.masked(f'%{side}q{i}', '%m')}")
    for i, j in pairs:
        lines.append(f"  %f{i}.{j} = {fma}({vector} %aw{i}, {vector} %bw{j}, {vector} %e{i}.{j})")
        lines.append(f"  %t{i}.{j} = call reassoc {fp} {reduce}({fp} 0.0, {vector} %f{i}.{j})")
        lines.append(f"  %cp{i}.{j} = getelementptr {fp}, ptr %c, i64 {i * tile.columns + j}")
        lines.append(f"  store {fp} %t{i}.{j}, ptr %cp{i}.{j}")
    return [*lines, "  ret void", "}"]
