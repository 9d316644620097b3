"""The loops over the blocks of a packed product: what is packed when, and how sums go on from block to block.

An operand is packed where it is not in memory, or not as its micro-kernel needs it. Blocks are of such a size that a
block of the left operand, one of the right and their sums stay in a processor's second cache; they lie in scratch
memory of each thread. Every sum runs along the depth in order, whatever the blocks, so that they change no result.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from lexgrad.compile.amx import amx_kernel, tiles_off, tiles_on
from lexgrad.compile.loops import FIRST, Computed, InPlace, Number, Product
from lexgrad.compile.packing import AMX, WIDEST, Format, row_kernel, turn_kernel, zeros
from lexgrad.compile.tiling import choose_kernel, limited, write_epilogue
from lexgrad.graph import Size

if TYPE_CHECKING:
    from lexgrad.compile.emit import KernelText

FEW, SHORT, LONG = 32, 256, 1024
"""Rows that are not worth packing for; a short depth, and a long one."""
WIDELY, FAR = 1 << 20, 4_000_000
"""Entries that need more pages than a processor knows at a time; and more than its caches hold for long."""

DEEP, WIDE, ROOM = 256, 240, 40_000
"""The depth of a block and its columns, at most; and how many entries a block of the left operand has."""


def worth_packing(product: Product, shares: Size) -> bool:
    """Whether a product of operands that lie in memory is faster, as measured, if they are packed all the same.

    Where sums run along both operands: if they are short, so that summing up vectors would take as long as they do; or
    if the left operand is so large that every tile would bring it from main memory anew. Else where the depth runs
    across so much memory that every step of it needs an entry of its own in the table of pages. And always where the
    left operand lies across and the right one along the depth, which no micro-kernel reads.
    """
    left, right = product.left, product.right
    if isinstance(left, Computed) or isinstance(right, Computed) or (left.along, right.along) == (0, 0):
        return True
    start, stop = product.rows
    rows = shares if start == FIRST else int(stop.value) if isinstance(stop, Number) else None
    if not isinstance(product.depth, Number) or (isinstance(rows, int) and rows < FEW):
        return False
    depth = int(product.depth.value)
    if right.along == 0:
        return depth <= SHORT or (isinstance(rows, int) and rows * depth > FAR)
    strides = [right.strides[0], *([left.strides[1]] if left.along == 0 else [])]
    return depth > LONG and any(isinstance(s, Number) and s.value * depth >= WIDELY for s in strides)


@dataclass(frozen=True)
class Blocks:
    """How large blocks are, in entries of a format.

    Attributes:
        height: rows of a tile.
        width: columns of a tile.
        rows: rows of a block.
        columns: columns of a block.
        depth: depth of a block.
        whole: whether one block takes in the whole depth.
    """

    height: int
    width: int
    rows: int
    columns: int
    depth: int
    whole: bool


def blocks_of(w: KernelText, product: Product, format: Format) -> Blocks:
    """The blocks of a product."""
    height, width = (32, 32) if format == AMX else (w.tile.rows, w.tile.columns)
    rows, columns = (stop.value if isinstance(stop, Number) else None for _, stop in (product.rows, product.columns))
    deep, whole = DEEP, False
    if isinstance(product.depth, Number):
        entries = max(1, -(-int(product.depth.value) // format.pair))
        whole = entries <= DEEP
        deep = min(DEEP, _up(entries, max(w.tile.lanes, format.granule)))
    most = min(ROOM // (deep + w.tile.lanes), WIDEST - 64) // height * height
    wide = WIDE // width * width
    return Blocks(
        height,
        width,
        most if rows is None else min(most, max(height, _up(int(rows), height))),
        wide if columns is None else min(wide, max(width, _up(int(columns), width))),
        deep,
        whole,
    )


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


@dataclass(frozen=True)
class Side:
    """An operand and its place in scratch memory.

    Attributes:
        operand: what it is.
        left: whether it is the left one.
        lies_in_lines: whether what follows along the depth lies side by side in what is read.
        in_lines: whether it does so when it is packed.
        base: where the packed block begins.
        stride: entries from one line, or row across, to the next.
        stage: where lines lie before they are turned; their stride is ``stage_stride``.
        row: two rows of computed floats, before they are rounded; their stride is ``row_stride``.
    """

    operand: InPlace | Computed
    left: bool
    lies_in_lines: bool
    in_lines: bool
    base: str
    stride: int
    stage: str
    stage_stride: int
    row: str
    row_stride: int

    @property
    def strides(self) -> tuple[int, int]:
        """Entries from one row, or column, to the next, and from one step of the depth to the next."""
        return (self.stride, 1) if self.in_lines else (1, self.stride)


class _Room:
    """Places in scratch memory, one behind the other."""

    def __init__(self, w: KernelText) -> None:
        self.w = w
        self.used = 0

    def take(self, entries: int) -> str:
        """The address of so many entries, at the beginning of a cache line."""
        place = self.w.put(f"getelementptr i8, ptr {self.w.scratch()}, i64 {self.used}")
        self.used += _up(entries * self.w.kernels.size, 64)
        return place


def _side(w: KernelText, room: _Room, operand: InPlace | Computed, left: bool, blocks: Blocks, format: Format) -> Side:
    depth_axis = 1 if left else 0
    lies_in_lines = operand.along == depth_axis
    in_lines = left and (lies_in_lines or format == AMX)
    many, lanes = blocks.rows if left else blocks.columns, w.tile.lanes
    # Strides are odd multiples of a vector, for the cache's sake.
    stride = _up(blocks.depth if in_lines else many, lanes) | lanes
    count = _up(many, lanes) if in_lines else blocks.depth
    stage_stride = _up(blocks.depth if lies_in_lines else many, lanes) | lanes
    return Side(
        operand,
        left,
        lies_in_lines,
        in_lines,
        room.take(stride * count),
        stride,
        room.take(stage_stride * lanes) if lies_in_lines != in_lines else "",
        stage_stride,
        room.take(2 * _row_room(blocks, format)) if isinstance(operand, Computed) and format.rounds else "",
        _row_room(blocks, format),
    )


def _row_room(blocks: Blocks, format: Format) -> int:
    return _up(max(blocks.depth * format.pair, blocks.rows, blocks.columns), 64)


Span: TypeAlias = tuple[str, str]
"""Where some rows, columns or steps of the depth begin, and how many there are."""


def write_packed(w: KernelText, product: Product) -> None:
    """Blocks of a product whose operands are packed."""
    format = w.format
    blocks = blocks_of(w, product, format)
    room = _Room(w)
    left = _side(w, room, product.left, True, blocks, format)
    right = _side(w, room, product.right, False, blocks, format)
    most = blocks.height * blocks.width if blocks.whole else blocks.rows * blocks.columns
    sums = w.slot(f"[{most} x {w.fp}]") if blocks.whole else room.take(most)
    w.needs_scratch(room.used)
    tiles = _Tiles(w, product, blocks, left, right, sums)
    rows, columns = ((w.value(start), w.value(stop)) for start, stop in (product.rows, product.columns))
    depth = w.value(product.depth)
    if format == AMX:
        w.do(f"call void {tiles_on(w.kernels)}()")
    if not blocks.whole:
        # One block even of an empty sum, which is 0.
        stop = w.put(f"call i64 @llvm.smax.i64(i64 {depth}, i64 1)")
        step = blocks.depth * format.pair
        block = along(w, rows, blocks.rows), along(w, columns, blocks.columns)
        with block[0] as row, block[1] as column, along(w, ("0", stop), step) as (k, _):
            span = (k, limited(w, depth, k, step))
            pack(w, left, row, span)
            pack(w, right, column, span)
            last = w.put(f"icmp sge i64 {w.put(f'add i64 {k}, {step}')}, {depth}")
            tiles.write(row, column, span, last)
    elif product.columns[0] == FIRST:
        with along(w, rows, blocks.rows) as row:
            pack(w, left, row, ("0", depth))
            with along(w, columns, blocks.columns) as column:
                pack(w, right, column, ("0", depth))
                tiles.write(row, column, ("0", depth))
    else:
        with along(w, columns, blocks.columns) as column:
            pack(w, right, column, ("0", depth))
            with along(w, rows, blocks.rows) as row:
                pack(w, left, row, ("0", depth))
                tiles.write(row, column, ("0", depth))
    if format == AMX:
        w.do(f"call void {tiles_off(w.kernels)}()")


@contextmanager
def along(w: KernelText, ends: tuple[str, str], step: int) -> Iterator[Span]:
    """A loop from the first of ``ends`` to the last: where each step begins, and how many it has."""
    w.begin("along", *ends, str(step))
    start = w.locals["along"]
    yield start, limited(w, ends[1], start, step)
    w.end(str(step))


@dataclass(frozen=True)
class _Tiles:
    """The tiles of a block."""

    w: KernelText
    product: Product
    blocks: Blocks
    left: Side
    right: Side
    sums: str

    def write(self, row: Span, column: Span, deep: Span, last: str = "") -> None:
        """Tiles of packed rows and columns; what follows comes after the ``last`` of several blocks of the depth."""
        w, blocks = self.w, self.blocks
        depth = entries_of(w, deep[1])
        nothing = zeros(w.kernels)
        (ai, ak), (bj, bk) = self.left.strides, self.right.strides
        assert bj == 1
        stride = blocks.width if blocks.whole else blocks.columns
        begin, begin_stride = nothing, "0"
        if last:
            first = w.put(f"icmp eq i64 {deep[0]}, 0")
            begin_stride = w.put(f"select i1 {first}, i64 0, i64 {stride}")
        with along(w, ("0", column[1]), blocks.width) as (j, wide), along(w, ("0", row[1]), blocks.height) as (i, high):
            a, b = (
                w.entry(side.base, w.put(f"mul i64 {at}, {step}"))
                for side, at, step in ((self.left, i, ai), (self.right, j, bj))
            )
            sums = self.sums
            if last:
                sums = w.entry(sums, w.put(f"add i64 {w.put(f'mul i64 {i}, {stride}')}, {j}"))
                begin = w.put(f"select i1 {first}, ptr {nothing}, ptr {sums}")
            above = w.put(f"sub i64 {high}, 1")
            arguments = (
                f"ptr {a}, i64 {ai}, i64 {ak}, i64 {above}, ptr {b}, i64 {bk},"
                f" ptr {begin}, i64 {begin_stride}, ptr {sums}, i64 {stride}, i64 {depth}"
            )
            if w.format == AMX:
                w.do(f"call void {amx_kernel(w.kernels)}({arguments})")
            else:
                choose_kernel(w, self.product, high, wide, self._kernel, arguments)
            if last:
                number = w.number()
                w.do(f"br i1 {last}, label %last{number}, label %go{number}")
                w.block(f"last{number}")
            at = w.put(f"add i64 {row[0]}, {i}"), w.put(f"add i64 {column[0]}, {j}")
            write_epilogue(w, self.product, (sums, str(stride)), (at[0], high), (at[1], wide))
            if last:
                w.do(f"br label %go{number}")
                w.block(f"go{number}")

    def _kernel(self, rows: int, columns: int) -> str:
        return self.w.kernels.packed(rows, -(-columns // self.w.tile.lanes), self.w.format.pair == 2)


def entries_of(w: KernelText, count: str) -> str:
    """How many entries hold so many steps of the depth, with those that fill up a granule."""
    per = w.format.pair * w.format.granule
    if per == 1:
        return count
    up = w.put(f"sdiv i64 {w.put(f'add i64 {count}, {per - 1}')}, {per}")
    return w.put(f"mul i64 {up}, {w.format.granule}")


def pack(w: KernelText, side: Side, own: Span, deep: Span) -> None:
    """Pack rows, or columns, ``own`` of an operand, and the steps ``deep`` of its depth."""
    entries = entries_of(w, deep[1])
    rows, inner = (own[1], entries) if side.lies_in_lines else (entries, own[1])
    if side.lies_in_lines == side.in_lines:
        w.begin("pack", "0", rows)
        r = w.locals["pack"]
        _row(w, side, r, own, deep, entries, w.entry(side.base, w.put(f"mul i64 {r}, {side.stride}")))
        w.end()
        return
    lanes = w.tile.lanes
    with along(w, ("0", rows), lanes) as (begin, count):
        w.begin("pack", "0", count)
        r = w.locals["pack"]
        to = w.entry(side.stage, w.put(f"mul i64 {r}, {side.stage_stride}"))
        _row(w, side, w.put(f"add i64 {begin}, {r}"), own, deep, entries, to)
        w.end()
        with along(w, ("0", inner), lanes) as (c, _):
            source = w.entry(side.stage, c)
            to = w.entry(side.base, w.put(f"add i64 {w.put(f'mul i64 {c}, {side.stride}')}, {begin}"))
            call = f"call void {turn_kernel(w.kernels)}"
            w.do(f"{call}(ptr {source}, i64 {side.stage_stride}, ptr {to}, i64 {side.stride})")


def _row(w: KernelText, side: Side, r: str, own: Span, deep: Span, entries: str, to: str) -> None:
    """Line, or row across, ``r`` of a block."""
    format = w.format
    if side.lies_in_lines:
        at = w.put(f"add i64 {own[0]}, {r}")
        padded = w.put(f"mul i64 {entries}, {format.pair}")
        _packed(w, side, [_source(w, side, (at, deep[0]), deep[1], 0, to)], deep[1], to, padded)
        return
    if format.pair == 1:
        at = w.put(f"add i64 {deep[0]}, {r}")
        _packed(w, side, [_source(w, side, (own[0], at), own[1], 0, to)], own[1], to, own[1])
        return
    k = w.put(f"mul i64 {r}, 2")
    left = w.put(f"sub i64 {deep[1]}, {k}")
    sources = []
    for which in 0, 1:
        # Of the last pair, the second may be missing, and in what fills up a granule both are.
        there = w.put(f"icmp sgt i64 {left}, {which}")
        at = w.put(f"add i64 {w.put(f'add i64 {deep[0]}, {k}')}, {which}")
        count = w.put(f"select i1 {there}, i64 {own[1]}, i64 0")
        source = _source(w, side, (own[0], at), count, which, to)
        sources.append(w.put(f"select i1 {there}, ptr {source}, ptr {zeros(w.kernels)}"))
    _packed(w, side, sources, own[1], to, own[1])


def _packed(w: KernelText, side: Side, sources: list[str], count: str, to: str, padded: str) -> None:
    if sources[0] == to:
        return
    kernel = row_kernel(w.kernels, w.format, not side.lies_in_lines)
    first, second = sources[0], sources[-1]
    w.do(f"call void {kernel}(ptr {first}, ptr {second}, i64 {count}, ptr {to}, i64 {padded})")


def _source(w: KernelText, side: Side, at: tuple[str, str], count: str, which: int, to: str) -> str:
    """Where floats of a row lie side by side: in a buffer, or where they are computed to.

    ``at`` is the row, or column, and the step of the depth at which they begin.
    """
    operand = side.operand
    row, column = at if side.left else at[::-1]
    if isinstance(operand, InPlace):
        base = w.address(operand.buffer, operand.offset)
        outer, inner = map(w.value, operand.strides)
        place = w.put(f"add i64 {w.put(f'mul i64 {row}, {outer}')}, {w.put(f'mul i64 {column}, {inner}')}")
        return w.entry(base, place)
    place = w.entry(side.row, str(which * side.row_stride)) if w.format.rounds else to
    w.begin("fill", "0", count)
    i = w.locals["fill"]
    row, column = (
        (row, w.put(f"add nsw i64 {column}, {i}")) if operand.along == 1 else (w.put(f"add nsw i64 {row}, {i}"), column)
    )
    w.locals[operand.index[0]], w.locals[operand.index[1]] = row, column
    w.statements(operand.body)
    value = w.value(operand.value)
    w.do(f"store {w.fp} {value}, ptr {w.entry(place, i)}")
    w.end()
    return place
