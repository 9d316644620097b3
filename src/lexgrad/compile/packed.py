"""The loops over the blocks of a packed product: what is packed when, and how sums go on from block to block.

An operand is packed where it is not in memory, or not as its micro-kernel needs it: the right one by blocks, which stay
in a processor's second cache, and the left one a tile's rows at a time, which stay in the first; or all in advance,
where that costs more. Meanwhile, what comes next is fetched. Every sum runs along the depth in order, whatever the
blocks, so that they change no result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lexgrad.compile.amx import amx_kernel, tiles_off, tiles_on
from lexgrad.compile.blocking import Blocks, blocks_of
from lexgrad.compile.loops import InPlace, Product
from lexgrad.compile.packing import AMX, zeros
from lexgrad.compile.sides import (
    Fetch,
    Room,
    Side,
    Span,
    along,
    behind,
    ceiling,
    entries_of,
    in_memory,
    pack,
    side_of,
)
from lexgrad.compile.tiling import fetch_results, limited, rows_kernel, write_epilogue

if TYPE_CHECKING:
    from lexgrad.compile.emit import KernelText


def write_packed(w: KernelText, product: Product) -> None:
    """Blocks of a product whose operands are packed."""
    format = w.format
    blocks = blocks_of(w.tile, product, format)
    room = Room(w)
    left = side_of(w, room, product.left, True, blocks, format)
    right = side_of(w, room, product.right, False, blocks, format)
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
            if blocks.advance:
                pack(w, left, row, span)
            pack(w, right, column, span)
            last = w.put(f"icmp sge i64 {w.put(f'add i64 {k}, {step}')}, {depth}")
            following = column, behind(w, k, depth, step)
            tiles.write(row, column, span, following, last)
    elif blocks.advance:
        with along(w, rows, blocks.rows) as row:
            pack(w, left, row, ("0", depth))
            with along(w, columns, blocks.columns) as column:
                pack(w, right, column, ("0", depth))
                following = behind(w, column[0], columns[1], blocks.columns), ("0", depth)
                tiles.write(row, column, ("0", depth), following)
    else:
        row = rows[0], w.put(f"sub i64 {rows[1]}, {rows[0]}")
        some = w.put(f"icmp sgt i64 {row[1]}, 0")  # a thread may have none: then nothing is packed for it either
        stop = w.put(f"select i1 {some}, i64 {columns[1]}, i64 {columns[0]}")
        with along(w, (columns[0], stop), blocks.columns) as column:
            pack(w, right, column, ("0", depth))
            following = behind(w, column[0], columns[1], blocks.columns), ("0", depth)
            tiles.write(row, column, ("0", depth), following)
    if format == AMX:
        w.do(f"call void {tiles_off(w.kernels)}()")


@dataclass(frozen=True)
class _Tiles:
    """The tiles of a block."""

    w: KernelText
    product: Product
    blocks: Blocks
    left: Side
    right: Side
    sums: str

    def write(self, row: Span, column: Span, deep: Span, following: tuple[Span, Span], last: str = "") -> None:
        """Tiles of packed rows and columns; what follows comes after the ``last`` of several blocks of the depth.

        ``following`` are the columns and the steps of the depth of the right operand's next block.
        """
        w, blocks = self.w, self.blocks
        across, down = ceiling(w, column[1], blocks.width), ceiling(w, row[1], blocks.height)
        fetch = Fetch(w, self.right, *following, w.put(f"mul i64 {across}, {down}"))
        with along(w, ("0", row[1]), blocks.height) as (i, high):
            at = w.put(f"add i64 {row[0]}, {i}")
            fetches = [(fetch, w.put(f"mul i64 {w.put(f'sdiv i64 {i}, {blocks.height}')}, {across}"))]
            left = self._left(i, (at, high), deep)
            if not blocks.advance:
                stop = w.put(f"add i64 {row[0]}, {row[1]}")
                fetches.append((Fetch(w, self.left, behind(w, at, stop, blocks.height), deep, across), "0"))
            with along(w, ("0", column[1]), blocks.width) as (j, wide):
                number = w.put(f"sdiv i64 {j}, {blocks.width}")
                for each, first in fetches:
                    each.write(w.put(f"add i64 {first}, {number}"))
                here = w.put(f"add i64 {column[0]}, {j}")
                if not last:
                    fetch_results(w, self.product, (at, high), here)
                sums, stride = self._multiply(left, (i, high), (j, wide), deep, last)
                if last:
                    label = w.number()
                    w.do(f"br i1 {last}, label %last{label}, label %go{label}")
                    w.block(f"last{label}")
                write_epilogue(w, self.product, (sums, str(stride)), (at, high), (here, wide))
                if last:
                    w.do(f"br label %go{label}")
                    w.block(f"go{label}")

    def _left(self, i: str, row: Span, deep: Span) -> tuple[str, str, str]:
        """Where a tile's rows of the left operand are, and their strides; they are packed, if that is still to do.

        Rows are counted from ``i`` where they were packed in advance.
        """
        w, left = self.w, self.left
        if not left.packed:
            assert isinstance(left.operand, InPlace)
            return in_memory(w, left, (row[0], deep[0])), w.value(left.operand.strides[0]), "1"
        if not self.blocks.advance:
            pack(w, left, row, deep)
            i = "0"
        ai, ak = left.strides
        return w.entry(left.base, w.put(f"mul i64 {i}, {ai}")), str(ai), str(ak)

    def _multiply(self, left: tuple[str, str, str], row: Span, column: Span, deep: Span, last: str) -> tuple[str, int]:
        """Call the micro-kernel of a tile, given where rows of the left operand are; its sums, and their stride."""
        w, blocks = self.w, self.blocks
        (a, ai, ak), (bj, bk) = left, self.right.strides
        assert bj == 1
        b = w.entry(self.right.base, column[0])
        begin, begin_stride = zeros(w.kernels), "0"
        sums, stride = self.sums, blocks.width
        if last:
            stride = blocks.columns
            sums = w.entry(sums, w.put(f"add i64 {w.put(f'mul i64 {row[0]}, {stride}')}, {column[0]}"))
            first = w.put(f"icmp eq i64 {deep[0]}, 0")
            begin_stride = w.put(f"select i1 {first}, i64 0, i64 {stride}")
            begin = w.put(f"select i1 {first}, ptr {begin}, ptr {sums}")
        above = w.put(f"sub i64 {row[1]}, 1")
        arguments = (
            f"ptr {a}, i64 {ai}, i64 {ak}, i64 {above}, ptr {b}, i64 {bk}, i64 {column[1]},"
            f" ptr {begin}, i64 {begin_stride}, ptr {sums}, i64 {stride}, i64 {entries_of(w, deep[1])}"
        )
        if w.format == AMX:
            kernel = amx_kernel(w.kernels)
        else:
            kernel = rows_kernel(w, self.product, packed=True, bf16=w.format.pair == 2)
        w.do(f"call void {kernel}({arguments})")
        return sums, stride
