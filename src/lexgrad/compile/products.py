"""Register-tiled matrix products as LLVM text.

Two micro-kernels, both for one tile of the result, over the whole depth:

- ``rows``: ``right`` lies with its columns side by side. For every k, a vector of each column block of ``right`` is
  loaded once and multiplied with each row's broadcast ``left[i, k]``; ``left`` may have any strides.
- ``dots``: both lie with k side by side (``right`` is a transposed matrix). Vectors along k are multiplied and added,
  and each entry of the tile is summed up at the end.

After Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 2008, without packing: the
operands of these models fit the caches.
"""

from __future__ import annotations

from dataclasses import dataclass


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


def tiles(vector_bits: int, registers: int, fp: str) -> Tiles:
    """Tile sizes for vectors of ``vector_bits`` and that many registers."""
    lanes = vector_bits // (32 if fp == "float" else 64)
    if registers >= 32:
        return Tiles(lanes, 8, 3, 4, 6)
    return Tiles(lanes, 6, 2, 3, 4)


def micro_kernels(tile: Tiles, fp: str, fma: bool = True) -> str:
    """All micro-kernels: ``rows`` for 8 (or 6), 4 and 1 rows, whole or masked at the right edge, and ``dots``."""
    suffix = {"float": "f32", "double": "f64"}[fp]
    vector = f"<{tile.lanes} x {fp}>"
    mask = f"<{tile.lanes} x i1>"
    parts = [
        *_multiply_add(vector, f"v{tile.lanes}{suffix}", fma),
        f"declare {vector} @llvm.masked.load.v{tile.lanes}{suffix}.p0(ptr, i32, {mask}, {vector})",
        f"declare {fp} @llvm.vector.reduce.fadd.v{tile.lanes}{suffix}({fp}, {vector})",
    ]
    for rows in dict.fromkeys((tile.rows, 4, 1)):
        parts.append(_rows_kernel(tile, fp, rows, tile.blocks, masked=False))
        parts += [_rows_kernel(tile, fp, rows, blocks, masked=True) for blocks in range(1, tile.blocks + 1)]
    parts.append(_dots_kernel(tile, fp))
    return "\n".join(parts)


def _multiply_add(vector: str, suffix: str, fma: bool) -> list[str]:
    """x y + z on vectors: in one instruction, or in two where a processor has no such thing."""
    lines = [f"  %m = fmul {vector} %x, %y", f"  %r = fadd {vector} %m, %z"]
    declared = []
    if fma:
        declared = [f"declare {vector} @llvm.fma.{suffix}({vector}, {vector}, {vector})"]
        lines = [f"  %r = call {vector} @llvm.fma.{suffix}({vector} %x, {vector} %y, {vector} %z)"]
    head = f"define internal {vector} @lg.fma.{suffix}({vector} %x, {vector} %y, {vector} %z) alwaysinline {{"
    return [*declared, head, *lines, f"  ret {vector} %r", "}"]


class _Text:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)


def _lane_numbers(lanes: int) -> str:
    return "<" + ", ".join(f"i64 {lane}" for lane in range(lanes)) + ">"


def _mask(w: _Text, lanes: int, name: str, limit: str, start: int) -> None:
    """``%name``: which of the lanes from ``start`` on lie below ``%limit``."""
    ints = f"<{lanes} x i64>"
    w(f"  %{name}r = sub i64 %{limit}, {start}")
    w(f"  %{name}i = insertelement {ints} poison, i64 %{name}r, i32 0")
    w(f"  %{name}s = shufflevector {ints} %{name}i, {ints} poison, <{lanes} x i32> zeroinitializer")
    w(f"  %{name} = icmp sgt {ints} %{name}s, {_lane_numbers(lanes)}")


def _clamped_rows(w: _Text, rows: int, base: str, stride: str, last: str, fp: str) -> None:
    """Pointers to each row; rows beyond the last one that exists read that one again, and nobody keeps the result."""
    for i in range(rows):
        w(f"  %{base}{i}n = call i64 @llvm.smin.i64(i64 {i}, i64 %{last})")
        w(f"  %{base}{i}o = mul i64 %{base}{i}n, %{stride}")
        w(f"  %{base}{i} = getelementptr {fp}, ptr %{base}, i64 %{base}{i}o")


def _rows_kernel(tile: Tiles, fp: str, rows: int, blocks: int, masked: bool) -> str:
    lanes, suffix = tile.lanes, {"float": "f32", "double": "f64"}[fp]
    vector, width = f"<{lanes} x {fp}>", tile.columns
    w = _Text()
    name = f"@lg.rows{rows}.{blocks}{'m' if masked else ''}"
    w(f"define internal void {name}(ptr noalias %a, i64 %ai, i64 %ak, i64 %last, ptr noalias %b, i64 %bk,")
    w("  i64 %columns, ptr noalias %c, i64 %depth) noinline {")
    w("entry:")
    _clamped_rows(w, rows, "a", "ai", "last", fp)
    if masked:
        for j in range(blocks):
            _mask(w, lanes, f"m{j}", "columns", j * lanes)
    w("  %some = icmp sgt i64 %depth, 0")
    w("  br i1 %some, label %loop, label %done")
    w("loop:")
    w("  %k = phi i64 [0, %entry], [%k1, %loop]")
    for i in range(rows):
        for j in range(blocks):
            w(f"  %c{i}.{j} = phi {vector} [zeroinitializer, %entry], [%d{i}.{j}, %loop]")
    w("  %bo = mul i64 %k, %bk")
    w(f"  %bp = getelementptr {fp}, ptr %b, i64 %bo")
    w("  %ko = mul i64 %k, %ak")
    _load_columns(w, tile, fp, blocks, masked)
    for i in range(rows):
        w(f"  %ap{i} = getelementptr {fp}, ptr %a{i}, i64 %ko")
        w(f"  %s{i} = load {fp}, ptr %ap{i}")
        w(f"  %v{i} = insertelement {vector} poison, {fp} %s{i}, i32 0")
        w(f"  %x{i} = shufflevector {vector} %v{i}, {vector} poison, <{lanes} x i32> zeroinitializer")
        for j in range(blocks):
            call = f"call {vector} @lg.fma.v{lanes}{suffix}"
            w(f"  %d{i}.{j} = {call}({vector} %x{i}, {vector} %b{j}, {vector} %c{i}.{j})")
    w("  %k1 = add nuw nsw i64 %k, 1")
    w("  %more = icmp slt i64 %k1, %depth")
    w("  br i1 %more, label %loop, label %done")
    w("done:")
    for i in range(rows):
        for j in range(blocks):
            w(f"  %e{i}.{j} = phi {vector} [zeroinitializer, %entry], [%d{i}.{j}, %loop]")
    for i in range(rows):
        for j in range(blocks):
            w(f"  %cp{i}.{j} = getelementptr {fp}, ptr %c, i64 {i * width + j * lanes}")
            w(f"  store {vector} %e{i}.{j}, ptr %cp{i}.{j}, align 64")
    w("  ret void")
    w("}")
    return "\n".join(w.lines)


def _load_columns(w: _Text, tile: Tiles, fp: str, blocks: int, masked: bool) -> None:
    """``%b0``, ``%b1``…: vectors of one row of ``right``, without touching what lies beyond its last column."""
    lanes, suffix, size = tile.lanes, {"float": "f32", "double": "f64"}[fp], 4 if fp == "float" else 8
    vector, mask = f"<{lanes} x {fp}>", f"<{lanes} x i1>"
    for j in range(blocks):
        w(f"  %bp{j} = getelementptr {fp}, ptr %bp, i64 {j * lanes}")
        if masked:
            w(
                f"  %b{j} = call {vector} @llvm.masked.load.v{lanes}{suffix}.p0(ptr %bp{j}, i32 {size}, {mask} %m{j},"
                f" {vector} zeroinitializer)"
            )
        else:
            w(f"  %b{j} = load {vector}, ptr %bp{j}, align {size}")


def _dots_kernel(tile: Tiles, fp: str) -> str:
    lanes, suffix = tile.lanes, {"float": "f32", "double": "f64"}[fp]
    vector, mask = f"<{lanes} x {fp}>", f"<{lanes} x i1>"
    rows, columns = tile.dot_rows, tile.dot_columns
    pairs = [(i, j) for i in range(rows) for j in range(columns)]
    size = 4 if fp == "float" else 8
    fma = f"call {vector} @lg.fma.v{lanes}{suffix}"
    w = _Text()
    w("define internal void @lg.dots(ptr noalias %a, i64 %ai, i64 %last, ptr noalias %b, i64 %bj, i64 %lastb,")
    w("  ptr noalias %c, i64 %depth) noinline {")
    w("entry:")
    _clamped_rows(w, rows, "a", "ai", "last", fp)
    _clamped_rows(w, columns, "b", "bj", "lastb", fp)
    w(f"  %whole = and i64 %depth, -{lanes}")
    w("  %some = icmp sgt i64 %whole, 0")
    w("  br i1 %some, label %loop, label %tail")
    w("loop:")
    w("  %k = phi i64 [0, %entry], [%k1, %loop]")
    for i, j in pairs:
        w(f"  %c{i}.{j} = phi {vector} [zeroinitializer, %entry], [%d{i}.{j}, %loop]")
    for side, count in (("a", rows), ("b", columns)):
        for i in range(count):
            w(f"  %{side}p{i} = getelementptr {fp}, ptr %{side}{i}, i64 %k")
            w(f"  %{side}v{i} = load {vector}, ptr %{side}p{i}, align {size}")
    for i, j in pairs:
        w(f"  %d{i}.{j} = {fma}({vector} %av{i}, {vector} %bv{j}, {vector} %c{i}.{j})")
    w(f"  %k1 = add nuw nsw i64 %k, {lanes}")
    w("  %more = icmp slt i64 %k1, %whole")
    w("  br i1 %more, label %loop, label %tail")
    w("tail:")
    for i, j in pairs:
        w(f"  %e{i}.{j} = phi {vector} [zeroinitializer, %entry], [%d{i}.{j}, %loop]")
    w("  %rest = sub i64 %depth, %whole")
    _mask(w, lanes, "m", "rest", 0)
    for side, count in (("a", rows), ("b", columns)):
        for i in range(count):
            w(f"  %{side}q{i} = getelementptr {fp}, ptr %{side}{i}, i64 %whole")
            w(
                f"  %{side}w{i} = call {vector} @llvm.masked.load.v{lanes}{suffix}.p0(ptr %{side}q{i}, i32 {size},"
                f" {mask} %m, {vector} zeroinitializer)"
            )
    for i, j in pairs:
        w(f"  %f{i}.{j} = {fma}({vector} %aw{i}, {vector} %bw{j}, {vector} %e{i}.{j})")
        reduce = f"call reassoc {fp} @llvm.vector.reduce.fadd.v{lanes}{suffix}"
        w(f"  %t{i}.{j} = {reduce}({fp} 0.0, {vector} %f{i}.{j})")
        w(f"  %cp{i}.{j} = getelementptr {fp}, ptr %c, i64 {i * tile.columns + j}")
        w(f"  store {fp} %t{i}.{j}, ptr %cp{i}.{j}")
    w("  ret void")
    w("}")
    return "\n".join(w.lines)
