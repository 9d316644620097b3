"""The loops over the tiles of a matrix product: which micro-kernel a tile takes, and what becomes of its entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lexgrad.compile.loops import Product
from lexgrad.errors import LexgradError

if TYPE_CHECKING:
    from lexgrad.compile.emit import KernelText


def write_product(w: KernelText, product: Product) -> None:
    """Tiles of a product: columns outside, so that a slab of ``right`` stays in the cache for all rows."""
    rows, columns, depth = map(w.value, (product.rows, product.columns, product.depth))
    a = w.address(product.left, product.left_offset)
    b = w.address(product.right, product.right_offset)
    ai, ak = map(w.value, product.left_strides)
    bk, bj = map(w.value, product.right_strides)
    dots = bj != "1"
    if dots and ak != "1":
        raise LexgradError("a product of two transposed matrices has to be rewritten first")
    height, width = (w.tile.dot_rows, w.tile.dot_columns) if dots else (w.tile.rows, w.tile.columns)
    tile = w.slot(f"[{max(w.tile.rows, w.tile.dot_rows) * w.tile.columns} x {w.fp}]")
    w.begin("tile.j", "0", columns, str(width))
    j = w.locals["tile.j"]
    wide = _limited(w, columns, j, width)
    bo = w.put(f"mul i64 {j}, {bj}")
    bp = w.put(f"getelementptr {w.fp}, ptr {b}, i64 {bo}")
    w.begin("tile.i", "0", rows, str(height))
    i = w.locals["tile.i"]
    high = _limited(w, rows, i, height)
    ao = w.put(f"mul i64 {i}, {ai}")
    ap = w.put(f"getelementptr {w.fp}, ptr {a}, i64 {ao}")
    last = w.put(f"sub i64 {high}, 1")
    if dots:
        lastb = w.put(f"sub i64 {wide}, 1")
        w.do(
            f"call void @lg.dots(ptr {ap}, i64 {ai}, i64 {last}, ptr {bp}, i64 {bj}, i64 {lastb}, ptr {tile},"
            f" i64 {depth})"
        )
    else:
        _choose_rows(
            w,
            high,
            wide,
            f"ptr {ap}, i64 {ai}, i64 {ak}, i64 {last}, ptr {bp}, i64 {bk}, i64 {wide}, ptr {tile}, i64 {depth}",
        )
    _epilogue(w, product, tile, (i, high), (j, wide))
    w.end(str(height))
    w.end(str(width))


def _limited(w: KernelText, total: str, start: str, most: int) -> str:
    left = w.put(f"sub i64 {total}, {start}")
    return w.put(f"call i64 @llvm.smin.i64(i64 {left}, i64 {most})")


def _choose_rows(w: KernelText, high: str, wide: str, arguments: str) -> None:
    """Call the micro-kernel for this many rows and columns: whole blocks, or masked ones at the right edge."""
    heights = list(dict.fromkeys((w.tile.rows, 4, 1)))
    number = w.number()
    for level, rows in enumerate(heights):
        smaller = heights[level + 1] if level + 1 < len(heights) else 0
        fits = w.put(f"icmp sgt i64 {high}, {smaller}")
        w.do(f"br i1 {fits}, label %rows{number}.{rows}, label %not{number}.{rows}")
        w.block(f"rows{number}.{rows}")
        _choose_blocks(w, rows, wide, arguments, number)
        w.block(f"not{number}.{rows}")
    w.do(f"br label %done{number}")
    w.block(f"done{number}")


def _choose_blocks(w: KernelText, rows: int, wide: str, arguments: str, number: int) -> None:
    tile = w.tile
    whole = w.put(f"icmp eq i64 {wide}, {tile.columns}")
    here = f"{number}.{rows}"
    w.do(f"br i1 {whole}, label %whole{here}, label %edge{here}")
    w.block(f"whole{here}")
    w.do(f"call void @lg.rows{rows}.{tile.blocks}({arguments})")
    w.do(f"br label %done{number}")
    w.block(f"edge{here}")
    for blocks in range(1, tile.blocks + 1):
        few = w.put(f"icmp sle i64 {wide}, {blocks * tile.lanes}")
        w.do(f"br i1 {few}, label %b{here}.{blocks}, label %n{here}.{blocks}")
        w.block(f"b{here}.{blocks}")
        w.do(f"call void @lg.rows{rows}.{blocks}m({arguments})")
        w.do(f"br label %done{number}")
        w.block(f"n{here}.{blocks}")
    w.do("unreachable")


def _epilogue(w: KernelText, product: Product, tile: str, row: tuple[str, str], column: tuple[str, str]) -> None:
    """What becomes of each entry of a tile, while it is in the nearest cache."""
    w.begin("epilogue.i", "0", row[1])
    r = w.locals["epilogue.i"]
    w.locals[product.row] = w.put(f"add nsw i64 {row[0]}, {r}")
    w.begin("epilogue.j", "0", column[1])
    c = w.locals["epilogue.j"]
    w.locals[product.column] = w.put(f"add nsw i64 {column[0]}, {c}")
    place = w.put(f"mul nsw i64 {r}, {w.tile.columns}")
    place = w.put(f"add nsw i64 {place}, {c}")
    entry = w.put(f"getelementptr inbounds {w.fp}, ptr {tile}, i64 {place}")
    w.locals[product.result] = w.put(f"load {w.fp}, ptr {entry}")
    w.statements(product.epilogue)
    w.end()
    w.end()
