"""The loops over the tiles of a matrix product: which micro-kernel a tile takes, and what becomes of its entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lexgrad.compile.loops import ZERO, Apply, Expression, InPlace, Let, Local, Number, Product, Store, uses
from lexgrad.compile.writer import NOT_UNROLLED, loop_hint

if TYPE_CHECKING:
    from lexgrad.compile.emit import KernelText

BLOCK_BYTES = 3 << 18
"""How much of a left operand is gone through again and again: processors have a cache of 1 MB or more of their own."""
BYTES = {"float": 4, "double": 8}
"""The size of LLVM's floats."""
LINE = 64
"""Bytes of a cache line."""
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
        arguments = (
            f"ptr {ap}, i64 {ai}, i64 {ak}, i64 {last}, ptr {bp}, i64 {bk}, i64 {wide}, ptr {result}, i64 {depth}"
        )
        choose_kernel(w, product, high, wide, rows_kernel(w), arguments)
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


def rows_kernel(w: KernelText) -> Callable[[int, int], str]:
    """The ``rows`` kernel for so many rows and columns, the last of which may be missing."""
    tile = w.tile
    return lambda rows, columns: w.kernels.rows(rows, -(-columns // tile.lanes), columns != tile.columns)


def limited(w: KernelText, stop: str, start: str, most: int | str) -> str:
    """How many there are from ``start`` up to ``stop``, but not more than ``most``."""
    left = w.put(f"sub i64 {stop}, {start}")
    return w.put(f"call i64 @llvm.smin.i64(i64 {left}, i64 {most})")


def choose_kernel(
    w: KernelText, product: Product, high: str, wide: str, kernel: Callable[[int, int], str], arguments: str
) -> None:
    """Call the micro-kernel for this many rows and columns; ``kernel`` gives its name for the most that it takes.

    The most columns are whole vectors, or one less than all that a tile has: then the last vector is not whole.
    """
    tile = w.tile
    widths = [*range(tile.lanes, tile.columns, tile.lanes), tile.columns - 1, tile.columns]
    if tile.lanes == 1:
        widths = widths[1:]

    def for_rows(rows: int) -> None:
        first_that_fits(w, wide, product.columns, widths, lambda columns: call(rows, columns))

    def call(rows: int, columns: int) -> None:
        w.do(f"call void {kernel(rows, columns)}({arguments})")

    first_that_fits(w, high, product.rows, tile.heights[::-1], for_rows)


def first_that_fits(
    w: KernelText, value: str, ends: tuple[Expression, Expression], limits: Sequence[int], write: Callable[[int], None]
) -> None:
    """Write what is done where ``value`` is not above a limit, for the first of the rising ``limits`` that holds.

    Values are what is left of ``ends``, the last of ``limits`` at a time; so where ends are known, few can be.
    """
    start, stop = ends
    if start == ZERO and isinstance(stop, Number):
        size, most = int(stop.value), limits[-1]
        values = {most} if size >= most else set()
        values |= {size % most} - {0}
        limits = sorted({next(limit for limit in limits if limit >= value) for value in values}) or [most]
    done = f"fits{w.number()}"
    for limit in limits[:-1]:
        number = w.number()
        fits = w.put(f"icmp sle i64 {value}, {limit}")
        w.do(f"br i1 {fits}, label %fit{number}, label %more{number}")
        w.block(f"fit{number}")
        write(limit)
        w.do(f"br label %{done}")
        w.block(f"more{number}")
    write(limits[-1])
    w.do(f"br label %{done}")
    w.block(done)


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
    w.begin("ahead", "0", row[1])
    w.locals[product.row] = w.put(f"add nsw i64 {row[0]}, {w.locals['ahead']}")
    w.locals[product.column] = column
    for store in stores:
        place = w.address(store.buffer, store.offset)
        # Also the line of the last entry: where rows do not begin with a line, there is one more.
        for byte in (*range(0, width, LINE), width - 1):
            w.fetch(w.put(f"getelementptr i8, ptr {place}, i64 {byte}"), to_write=True)
    w.end(hint=NOT_UNROLLED)


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
