"""Micro-kernels of matrix products as LLVM text: each computes one tile of the result, held in registers.

- ``rows``: ``right`` lies with its columns side by side. For every k, a vector of each column block of ``right`` is
  loaded once and multiplied with each row's broadcast ``left[i, k]``; ``left`` may have any strides. Of operands that
  were packed (:mod:`lexgrad.compile.packing`), block by block of the depth, entries may be pairs of bf16, multiplied
  and added in fp32. Sums go on from what was reached before.
- ``dots``: both lie with k side by side (``right`` is a transposed matrix). Vectors along k are multiplied and added,
  and each entry of the tile is summed up at the end.

After Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 2008.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lexgrad.compile.writer import NOT_UNROLLED, loop_hint

LINE = 64
"""Bytes of a cache line."""

ROWS = (
    "(ptr noalias %a, i64 %ai, i64 %ak, i64 %last, ptr noalias %b, i64 %bk, i64 %columns,"
    " ptr %from, i64 %fs, ptr %c, i64 %cs, i64 %depth)"
)
"""What a ``rows`` kernel is given: ``left``, its strides and the number of the last row; ``right``, its stride and how
many columns there are; where sums go on, and their stride; where they are left, and their stride; the depth."""


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

    def rows(self, heights: Sequence[int], widths: Sequence[int], packed: bool, bf16: bool = False) -> str:
        """The ``rows`` kernel for tiles of up to so many rows and columns; of several that rise, it is the first.

        Of ``right``, if it is not ``packed``, nothing is read beyond the last column; pairs of ``bf16`` always are.
        """
        kernels = [
            [
                self._rows(rows, -(-columns // self.tile.lanes), not packed and columns != self.tile.columns, bf16)
                for columns in widths
            ]
            for rows in heights
        ]
        if len(heights) == len(widths) == 1:
            return kernels[0][0]
        name = f"lg.rows{'_'.join(map(str, heights))}.{'_'.join(map(str, widths))}"
        name += ".bf16" if bf16 else ".packed" if packed else ""
        return self.add(name, lambda: _choice(name, heights, widths, kernels))

    def _rows(self, rows: int, blocks: int, masked: bool, bf16: bool) -> str:
        name = f"lg.rows{rows}.{blocks}{'m' if masked else '.bf16' if bf16 else ''}"
        return self.add(name, lambda: _rows_kernel(self, name, rows, blocks, masked, bf16))

    def fetch(self, to_write: bool = False) -> str:
        """``(ptr, i64 stride, i64 lines, i64 length, i64 first, i64 most)``: have memory brought nearer.

        Of lines that are ``stride`` bytes apart and ``length`` long, ``most`` from the ``first`` one on, if there are
        so many: to the second cache, or to the first one to be written. No address does any harm.
        """
        name = f"lg.fetch{'.written' if to_write else ''}"
        return self.add(name, lambda: _fetch(name, "i32 1, i32 3" if to_write else "i32 0, i32 2"))

    def dots(self) -> str:
        """The ``dots`` kernel."""
        return self.add("lg.dots", lambda: _dots_kernel(self))

    def multiply_add(self) -> str:
        """x y + z on vectors: in one instruction, or in two where a processor has no such thing."""
        vector = self.vector
        if self.fma:
            return self.declare(vector, f"llvm.fma.{self.bits}", f"{vector}, {vector}, {vector}")
        name = f"lg.fma.{self.bits}"
        head = f"define internal {vector} @{name}({vector} %x, {vector} %y, {vector} %z) alwaysinline {{"
        lines = [f"  %m = fmul {vector} %x, %y", f"  %r = fadd {vector} %m, %z", f"  ret {vector} %r", "}"]
        return self.add(name, lambda: [head, *lines])

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


def _choice(name: str, heights: Sequence[int], widths: Sequence[int], kernels: Sequence[Sequence[str]]) -> list[str]:
    """Go on as the first kernel that takes all rows and columns; the last ones take what there may be."""
    lines = [f"define internal void @{name}{ROWS} noinline {{", "entry:", "  br label %high0"]
    for i, height in enumerate(heights):
        lines.append(f"high{i}:")
        if height != heights[-1]:
            lines += [f"  %h{i} = icmp slt i64 %last, {height}", f"  br i1 %h{i}, label %wide{i}.0, label %high{i + 1}"]
        else:
            lines.append(f"  br label %wide{i}.0")
        for j, width in enumerate(widths):
            lines.append(f"wide{i}.{j}:")
            if width != widths[-1]:
                lines.append(f"  %w{i}.{j} = icmp sle i64 %columns, {width}")
                lines += [f"  br i1 %w{i}.{j}, label %go{i}.{j}, label %wide{i}.{j + 1}", f"go{i}.{j}:"]
            # The registers and the stack are as the kernel wants them: it takes one jump.
            lines += [f"  musttail call void {kernels[i][j]}{ROWS.replace(' noalias', '')}", "  ret void"]
    return [*lines, "}"]


def _fetch(name: str, where: str) -> list[str]:
    """Line by line, and the last byte of each: where a line does not begin with one of the cache, there is one more."""
    given = "ptr %p, i64 %stride, i64 %lines, i64 %length, i64 %first, i64 %most"
    return [
        f"define internal void @{name}({given}) noinline {{",
        "entry:",
        "  %end = add i64 %first, %most",
        "  %stop = call i64 @llvm.smin.i64(i64 %end, i64 %lines)",
        "  %far = sub i64 %length, 1",
        "  %some = icmp slt i64 %first, %stop",
        "  br i1 %some, label %line, label %done",
        "line:",
        "  %i = phi i64 [%first, %entry], [%n, %next]",
        "  %o = mul i64 %i, %stride",
        "  %q = getelementptr i8, ptr %p, i64 %o",
        "  br label %fetch",
        "fetch:",
        "  %j = phi i64 [0, %line], [%m, %fetch]",
        "  %r = getelementptr i8, ptr %q, i64 %j",
        f"  call void @llvm.prefetch.p0(ptr %r, {where}, i32 1)",
        f"  %m = add nsw i64 %j, {LINE}",
        "  %more = icmp slt i64 %m, %length",
        f"  br i1 %more, label %fetch, label %next{NOT_UNROLLED}",
        "next:",
        "  %l = getelementptr i8, ptr %q, i64 %far",
        f"  call void @llvm.prefetch.p0(ptr %l, {where}, i32 1)",
        "  %n = add nsw i64 %i, 1",
        "  %again = icmp slt i64 %n, %stop",
        f"  br i1 %again, label %line, label %done{NOT_UNROLLED}",
        "done:",
        "  ret void",
        "}",
    ]


def _rows_kernel(kernels: MicroKernels, name: str, rows: int, blocks: int, masked: bool, bf16: bool) -> list[str]:
    """``rows``: strides are counted in floats, or in pairs of bf16 that lie in the place of a float."""
    tile, fp, vector = kernels.tile, kernels.fp, kernels.vector
    lanes = tile.lanes
    entry = "i32" if bf16 else fp
    entries = f"<{lanes} x {entry}>"
    pairs = [(i, j) for i in range(rows) for j in range(blocks)]
    lines = [f"define internal void @{name}{ROWS} noinline {{", "entry:"]
    lines += clamped_rows(rows, "a", "ai", "last", entry)
    if masked:
        for j in range(blocks):
            lines += mask_lines(lanes, f"m{j}", "%columns", str(j * lanes))
    for i in range(rows):
        lines += _vectors(kernels, "from", "fs", i, blocks)
        lines += [f"  %z{i}.{j} = load {vector}, ptr %fromp{i}.{j}, align {kernels.size}" for j in range(blocks)]
    lines += ["  %some = icmp sgt i64 %depth, 0", "  br i1 %some, label %loop, label %done", "loop:"]
    lines.append("  %k = phi i64 [0, %entry], [%k1, %loop]")
    for i, j in pairs:
        lines.append(f"  %c{i}.{j} = phi {vector} [%z{i}.{j}, %entry], [%d{i}.{j}, %loop]")
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
        lines.append(f"  %e{i}.{j} = phi {vector} [%z{i}.{j}, %entry], [%d{i}.{j}, %loop]")
    for i in range(rows):
        lines += _vectors(kernels, "c", "cs", i, blocks)
        lines += [f"  store {vector} %e{i}.{j}, ptr %cp{i}.{j}, align {kernels.size}" for j in range(blocks)]
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


def _vectors(kernels: MicroKernels, base: str, stride: str, row: int, blocks: int) -> list[str]:
    """``%basep0.0``, ``%basep0.1``…: where the vectors of a row of sums are."""
    fp, lanes = kernels.fp, kernels.tile.lanes
    return [
        f"  %{base}o{row} = mul i64 %{stride}, {row}",
        f"  %{base}p{row} = getelementptr {fp}, ptr %{base}, i64 %{base}o{row}",
        *(f"  %{base}p{row}.{j} = getelementptr {fp}, ptr %{base}p{row}, i64 {j * lanes}" for j in range(blocks)),
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
