"""The loops over the tiles of a matrix product: which micro-kernel a tile takes, and what becomes of its entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lexgrad.compile.loops import ZERO, Apply, Expression, InPlace, Let, Local, Number, Product, Store, uses
from lexgrad.compile.packing import zeros
from lexgrad.compile.writer import NOT_UNROLLED, loop_hint

if TYPE_CHECKING:
    from lexgrad.compile.emit import KernelText

BLOCK_BYTES = 3 << 18
"""How much of a left operand is gone through again and again: processors have a cache of 1 MB or more of their own."""
BYTES = {"float": 4, "double": 8}
"""The size of LLVM's floats."""
FIRST_CACHE = 1 << 15
"""Bytes of a processor's first cache, at least."""


def write_in_place(w: KernelText, product: Product) -> None:
    """Tiles of a product that reads its operands where they lie.

    Columns are outside, so that a slab of ``right`` stays in the cache for all rows; but outermost are blocks of rows,
    where those of ``left`` are too long for all of them to stay in the cache for all columns. Where ``right`` is stored
    in panels, a tile has columns of one panel.
    """
    left, right = product.left, product.right
    assert isinstance(left, InPlace)
    assert isinstance(right, InPlace)
    rows, columns = ([w.value(end) for end in ends] for ends in (product.rows, product.columns))
    depth = w.value(product.depth)
    a, b = (w.address(operand.buffer, operand.offset) for operand in (left, right))
    ai, ak = map(w.value, left.strides)
    bk, bj = map(w.value, right.strides)
    panels = w.dtypes[right.buffer] == "panels"
    dots = bj != "1"
    tile = w.tile
    height, width = (tile.dot_rows, tile.dot_columns) if dots else (tile.rows, tile.columns)
    result = w.slot(f"[{max(tile.rows, tile.dot_rows) * tile.columns} x {w.fp}]")
    block = block_rows(w, depth, height)
    w.begin("block.i", rows[0], rows[1], block)
    start = w.locals["block.i"]
    stop = w.put(f"add i64 {start}, {limited(w, rows[1], start, block)}")
    begin = w.put(f"sub i64 {columns[0]}, {w.put(f'srem i64 {columns[0]}, {width}')}") if panels else columns[0]
    w.begin("tile.j", begin, columns[1], str(width))
    j = w.locals["tile.j"]
    wide = limited(w, columns[1], j, width)
    place = w.put(f"mul i64 {j}, {depth if panels else bj}")
    if panels:
        bk = limited(w, bk, j, width)
        before = w.put(f"call i64 @llvm.smax.i64(i64 {w.put(f'sub i64 {columns[0]}, {j}')}, i64 0)")
        j, place = (w.put(f"add i64 {number}, {before}") for number in (j, place))
        wide = w.put(f"sub i64 {wide}, {before}")
    bp = w.put(f"getelementptr {w.fp}, ptr {b}, i64 {place}")
    w.begin("tile.i", start, stop, str(height))
    i = w.locals["tile.i"]
    high = limited(w, stop, i, height)
    ap = w.put(f"getelementptr {w.fp}, ptr {a}, i64 {w.put(f'mul i64 {i}, {ai}')}")
    last = w.put(f"sub i64 {high}, 1")
    if dots:
        lastb = w.put(f"sub i64 {wide}, 1")
        w.do(
            f"call void {w.kernels.dots()}(ptr {ap}, i64 {ai}, i64 {last}, ptr {bp}, i64 {bj}, i64 {lastb},"
            f" ptr {result}, i64 {depth})"
        )
    else:
        if _beyond_first_cache(w, product):
            fetch_results(w, product, (i, high), j)
        w.do(
            f"call void {rows_kernel(w, product, packed=False)}(ptr {ap}, i64 {ai}, i64 {ak}, i64 {last},"
            f" ptr {bp}, i64 {bk}, i64 {wide}, ptr {zeros(w.kernels)}, i64 0, ptr {result}, i64 {tile.columns},"
            f" i64 {depth})"
        )
    write_epilogue(w, product, (result, str(tile.columns)), (i, high), (j, wide))
    w.end(str(height))
    w.end(str(width))
    w.end(block)


def block_rows(w: KernelText, depth: str, height: int) -> str:
    """How many rows of ``left`` fill a part of a processor's own cache: whole tiles, and one at least."""
    tiles = w.put(
        f"sdiv i64 {BLOCK_BYTES // (BYTES[w.fp] * height)}, {w.put(f'call i64 @llvm.smax.i64(i64 {depth}, i64 1)')}"
    )
    tiles = w.put(f"call i64 @llvm.smax.i64(i64 {tiles}, i64 1)")
    return w.put(f"mul i64 {tiles}, {height}")


def limited(w: KernelText, stop: str, start: str, most: int | str) -> str:
    """How many there are from ``start`` up to ``stop``, but not more than ``most``.

    LLVM is not shown that it is this number: it would work out what limits inside limits come to, for every loop that
    they bound, and a product takes half as long again to compile.
    """
    left = w.put(f"sub i64 {stop}, {start}")
    least = w.put(f"call i64 @llvm.smin.i64(i64 {left}, i64 {most})")
    return w.put(f'call i64 asm "", "=r,0"(i64 {least})')


def rows_kernel(w: KernelText, product: Product, packed: bool, bf16: bool = False) -> str:
    """The micro-kernel for tiles of a product, whatever their rows and columns.

    The most columns are whole vectors, or one less than all that a tile has: then the last vector is not whole, if
    ``right`` is not ``packed``.
    """
    tile = w.tile
    widths = [*range(tile.lanes, tile.columns, tile.lanes), tile.columns - 1, tile.columns]
    if packed or tile.lanes == 1:
        widths.remove(tile.columns - 1)
    heights = _occurring(tile.heights[::-1], product.rows)
    return w.kernels.rows(heights, _occurring(widths, product.columns), packed, bf16)


def _occurring(limits: Sequence[int], ends: tuple[Expression, Expression]) -> Sequence[int]:
    """Those of the rising ``limits`` that are the first to hold for some tile.

    Tiles are what is left of ``ends``, the last of ``limits`` at a time; so where ends are known, few can be.
    """
    start, stop = ends
    if start != ZERO or not isinstance(stop, Number):
        return limits
    size, most = int(stop.value), limits[-1]
    values = {most} if size >= most else set()
    values |= {size % most} - {0}
    return sorted({next(limit for limit in limits if limit >= value) for value in values}) or [most]


def fetch_results(w: KernelText, product: Product, row: tuple[str, str], column: str) -> None:
    """Have the memory that a tile's results will be written to brought to the first cache meanwhile.

    Args:
        w: the kernel.
        product: whose tile it is.
        row: the number of the tile's first row, and how many there are.
        column: the number of its first column.
    """
    stores = [s for s in product.epilogue if isinstance(s, Store) and _side_by_side(s.offset, product)]
    if not stores:
        return
    columns = _number(product.columns)
    width = (w.tile.columns if columns is None else min(w.tile.columns, columns)) * BYTES[w.fp]
    w.locals[product.column] = column
    for store in stores:
        ends = []
        for number in (row[0], w.put(f"add i64 {row[0]}, 1")):
            w.locals[product.row] = number
            ends.append(w.put(f"ptrtoint ptr {w.address(store.buffer, store.offset)} to i64"))
        w.locals[product.row] = row[0]
        place, stride = w.address(store.buffer, store.offset), w.put(f"sub i64 {ends[1]}, {ends[0]}")
        kernel = w.kernels.fetch(to_write=True)
        w.do(f"call void {kernel}(ptr {place}, i64 {stride}, i64 {row[1]}, i64 {width}, i64 0, i64 {row[1]})")


def _number(ends: tuple[Expression, Expression]) -> int | None:
    """How many rows or columns there are, where that is known and all of them are gone through."""
    start, stop = ends
    return int(stop.value) if start == ZERO and isinstance(stop, Number) else None


def _beyond_first_cache(w: KernelText, product: Product) -> bool:
    """Whether the results may not all be in the first cache."""
    shares = w.kernel.extent if isinstance(w.kernel.extent, int) else None
    rows, columns = (_number(ends) or shares for ends in (product.rows, product.columns))
    return rows is None or columns is None or rows * columns * BYTES[w.fp] > FIRST_CACHE


def _side_by_side(offset: Expression, product: Product) -> bool:
    """Whether a row's entries lie side by side at an offset that depends on nothing but row and column."""
    used = uses([Let("", offset)])
    column = Local(product.column, "int")
    last = offset.operands[-1] if isinstance(offset, Apply) and offset.operation == "add" else offset
    return set(used) <= {product.row, product.column} and used[product.column] == 1 and last == column


def write_epilogue(
    w: KernelText, product: Product, tile: tuple[str, str], row: tuple[str, str], column: tuple[str, str]
) -> None:
    """What becomes of each entry of a tile, while it is in the nearest cache.

    Args:
        w: the kernel.
        product: whose tile it is.
        tile: where it begins, and its stride.
        row: the number of its first row, and how many there are.
        column: the number of its first column, and how many there are.
    """
    w.begin("epilogue.i", "0", row[1])
    r = w.locals["epilogue.i"]
    w.locals[product.row] = w.put(f"add nsw i64 {row[0]}, {r}")
    w.begin("epilogue.j", "0", column[1])
    c = w.locals["epilogue.j"]
    w.locals[product.column] = w.put(f"add nsw i64 {column[0]}, {c}")
    place = w.put(f"mul nsw i64 {r}, {tile[1]}")
    place = w.put(f"add nsw i64 {place}, {c}")
    entry = w.put(f"getelementptr inbounds {w.fp}, ptr {tile[0]}, i64 {place}")
    w.locals[product.result] = w.put(f"load {w.fp}, ptr {entry}")
    w.statements(product.epilogue)
    # A row has two or three vectors; by four at a time, as LLVM would have it, none would be done whole.
    w.end(hint=loop_hint(1))
    w.end(hint=NOT_UNROLLED)
