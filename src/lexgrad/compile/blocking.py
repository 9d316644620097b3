"""Which matrix products are packed, and in blocks of which size: such that they stay in a processor's second cache."""

from __future__ import annotations

from dataclasses import dataclass

from lexgrad.compile.loops import FIRST, Computed, Number, Product
from lexgrad.compile.packing import AMX, WIDEST, Format
from lexgrad.compile.products import Tiles
from lexgrad.graph import Size

FEW, MANY, SHORT, LONG = 32, 128, 320, 1024
"""Rows that are not worth packing for, and those that are worth turning the other operand for; a short depth, and a
long one."""
WIDELY = 1 << 20
"""Entries that need more pages than a processor knows at a time."""

DEEP, WIDE = 256, 240
"""The depth of a block of the right operand, where sums go on from block to block, and its columns, at most."""
ROOM = 90_000
"""Entries of a block of the right operand or of sums, at most: both stay in a processor's second cache."""
LEFT = 262_144
"""Entries of rows packed in advance, at most."""
NARROW = 96
"""Columns that a block has at least, if it takes in the whole depth."""


def worth_packing(product: Product, shares: Size) -> bool:
    """Whether a product of operands that lie in memory is faster, as measured, if they are packed all the same.

    Where sums run along both operands: if they are short, so that summing up vectors would take as long as they do; or
    if there are so many rows that turning the right operand takes less time than reading long lines of both from the
    second cache for every few sums. Else where the depth runs across so much memory that every step of it needs an
    entry of its own in the table of pages. And always where the left operand lies across and the right one along the
    depth, which no micro-kernel reads.
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
        return depth <= SHORT or (isinstance(rows, int) and rows >= MANY)
    strides = [right.strides[0], *([left.strides[1]] if left.along == 0 and depth > LONG else [])]
    return any(isinstance(s, Number) and s.value * depth >= WIDELY for s in strides)


@dataclass(frozen=True)
class Blocks:
    """How large blocks are, in entries of a format.

    Attributes:
        height: rows of a tile.
        width: columns of a tile.
        rows: rows whose sums are kept, or whose left operand is packed in advance.
        columns: columns of a block.
        depth: depth of a block.
        whole: whether one block takes in the whole depth.
        advance: whether rows are packed in advance, for all blocks of columns, and not tile by tile for each of them.
    """

    height: int
    width: int
    rows: int
    columns: int
    depth: int
    whole: bool
    advance: bool

    @property
    def packed_rows(self) -> int:
        """How many rows of the left operand are packed at a time."""
        return self.rows if self.advance else self.height


def blocks_of(tile: Tiles, product: Product, format: Format) -> Blocks:
    """The blocks of a product."""
    height, width = (32, 32) if format == AMX else (tile.rows, tile.columns)
    rows, columns = (stop.value if isinstance(stop, Number) else None for _, stop in (product.rows, product.columns))
    granule = max(tile.lanes, format.granule)
    wide = WIDE // width * width
    deep, whole = DEEP, False
    if isinstance(product.depth, Number):
        entries = max(1, -(-int(product.depth.value) // format.pair))
        whole = entries <= ROOM // NARROW
        deep = up(entries if whole else -(-entries // -(-entries // DEEP)), granule)
    if whole:
        wide = min(wide, max(ROOM // deep, width) // width * width)
    if columns is not None:
        wide = min(wide, max(width, up(int(columns), width)))
    again = not whole or columns is None or columns > wide
    advance = product.left.along == 0 or (isinstance(product.left, Computed) and whole and again)
    room = LEFT // (deep + tile.lanes) if whole else ROOM // wide
    most = max(height, min(room, WIDEST - 64) // height * height)
    return Blocks(
        height,
        width,
        most if rows is None else min(most, max(height, up(int(rows), height))),
        wide,
        deep,
        whole,
        advance,
    )


def up(number: int, multiple: int) -> int:
    """The next multiple."""
    return -(-number // multiple) * multiple
