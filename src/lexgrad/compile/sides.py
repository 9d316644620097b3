"""Operands of packed products: where a block of one lies in scratch memory, how it comes there, and ahead of time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from lexgrad.compile.blocking import Blocks, up
from lexgrad.compile.loops import Computed, InPlace, Number
from lexgrad.compile.packing import AMX, PLAIN, Format, row_kernel, turn_kernel, zeros
from lexgrad.compile.tiling import limited

if TYPE_CHECKING:
    from lexgrad.compile.emit import KernelText


PAGE = 4096
"""Bytes after which the first cache has the same places again."""

Span: TypeAlias = tuple[str, str]
"""Where some rows, columns or steps of the depth begin, and how many there are."""


@dataclass(frozen=True)
class Side:
    """An operand and its place in scratch memory.

    Attributes:
        operand: what it is.
        left: whether it is the left one.
        packed: whether it is packed at all: see ``lies_ready``.
        lies_in_lines: whether what follows along the depth lies side by side in what is read.
        in_lines: whether it does so when it is packed.
        base: where the packed block begins.
        stride: entries from one line, or row across, to the next.
        stage: where lines lie before they are turned, if not in memory as they are; their stride is ``stage_stride``.
        row: two rows of computed floats, before they are rounded; their stride is ``row_stride``.
    """

    operand: InPlace | Computed
    left: bool
    packed: bool
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


class Room:
    """Places in scratch memory, one behind the other."""

    def __init__(self, w: KernelText) -> None:
        self.w = w
        self.used = 0

    def take(self, entries: int) -> str:
        """The address of so many entries, at the beginning of a cache line."""
        place = self.w.put(f"getelementptr i8, ptr {self.w.scratch()}, i64 {self.used}")
        self.used += up(entries * self.w.kernels.size, 64)
        return place


def side_of(w: KernelText, room: Room, operand: InPlace | Computed, left: bool, blocks: Blocks, format: Format) -> Side:
    """Make room for blocks of an operand."""
    depth_axis = 1 if left else 0
    lies_in_lines = operand.along == depth_axis
    in_lines = left and (lies_in_lines or format == AMX)
    many, lanes = blocks.packed_rows if left else blocks.columns, w.tile.lanes
    # Strides are odd multiples of a vector, for the cache's sake.
    stride = up(blocks.depth if in_lines else many, lanes) | lanes
    count = up(many, lanes) if in_lines else blocks.depth
    stage_stride = up(blocks.depth if lies_in_lines else many, lanes) | lanes
    made = isinstance(operand, Computed) or format.rounds
    packed = not (left and lies_ready(w, operand, format))
    return Side(
        operand,
        left,
        packed,
        lies_in_lines,
        in_lines,
        room.take(stride * count) if packed else "",
        stride,
        room.take(stage_stride * lanes) if lies_in_lines != in_lines and made else "",
        stage_stride,
        room.take(2 * _row_room(blocks, format)) if isinstance(operand, Computed) and format.rounds else "",
        _row_room(blocks, format),
    )


def lies_ready(w: KernelText, operand: InPlace | Computed, format: Format) -> bool:
    """Whether micro-kernels read the lines of a left operand where they are: floats that lie along the depth.

    Not those that are whole pages apart, for which the first cache has but a few places.
    """
    if isinstance(operand, Computed) or operand.along == 0 or format != PLAIN:
        return False
    stride = operand.strides[0]
    return isinstance(stride, Number) and int(stride.value) * w.kernels.size % PAGE != 0


def _row_room(blocks: Blocks, format: Format) -> int:
    return up(max(blocks.depth * format.pair, blocks.packed_rows, blocks.columns), 64)


@contextmanager
def along(w: KernelText, ends: tuple[str, str], step: int) -> Iterator[Span]:
    """A loop from the first of ``ends`` to the last: where each step begins, and how many it has."""
    w.begin("along", *ends, str(step))
    start = w.locals["along"]
    yield start, limited(w, ends[1], start, step)
    w.end(str(step))


def behind(w: KernelText, start: str, stop: str, step: int) -> Span:
    """The step of a loop to ``stop`` that comes after the one from ``start``, with nothing in it behind the last."""
    start = w.put(f"call i64 @llvm.smin.i64(i64 {w.put(f'add i64 {start}, {step}')}, i64 {stop})")
    return start, limited(w, stop, start, step)


def ceiling(w: KernelText, number: str, divisor: str | int) -> str:
    """The quotient, rounded up."""
    up = w.put(f"sub i64 {w.put(f'add i64 {number}, {divisor}')}, 1")
    return w.put(f"sdiv i64 {up}, {divisor}")


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
        if side.stage:
            w.begin("pack", "0", count)
            r = w.locals["pack"]
            to = w.entry(side.stage, w.put(f"mul i64 {r}, {side.stage_stride}"))
            _row(w, side, w.put(f"add i64 {begin}, {r}"), own, deep, entries, to)
            w.end()
        with along(w, ("0", inner), lanes) as (c, length):
            to = w.entry(side.base, w.put(f"add i64 {w.put(f'mul i64 {c}, {side.stride}')}, {begin}"))
            if side.stage:
                _turn(w, w.entry(side.stage, c), str(side.stage_stride), to, str(side.stride))
            else:
                _turn_in_memory(w, side, (begin, count), (c, length), own, deep, to)


def _turn(w: KernelText, source: str, stride: str, to: str, to_stride: str, part: str = "") -> None:
    """Turn a square block; of a ``part``, the number of its last row, and how many entries each has."""
    kernel = turn_kernel(w.kernels, part=bool(part))
    w.do(f"call void {kernel}(ptr {source}, i64 {stride}, ptr {to}, i64 {to_stride}{part})")


def _turn_in_memory(w: KernelText, side: Side, rows: Span, inner: Span, own: Span, deep: Span, to: str) -> None:
    """Turn a block of an operand that lies in memory, in lines or across; at its edges, what there is of it."""
    assert isinstance(side.operand, InPlace)
    row, column = (rows[0], inner[0]) if side.lies_in_lines else (inner[0], rows[0])
    source = in_memory(w, side, (w.put(f"add i64 {own[0]}, {row}"), w.put(f"add i64 {deep[0]}, {column}")))
    stride, to_stride = w.value(side.operand.strides[1 - side.operand.along]), str(side.stride)
    number, lanes = w.number(), w.tile.lanes
    least = w.put(f"call i64 @llvm.smin.i64(i64 {rows[1]}, i64 {inner[1]})")
    w.do(f"br i1 {w.put(f'icmp eq i64 {least}, {lanes}')}, label %whole{number}, label %part{number}")
    w.block(f"whole{number}")
    _turn(w, source, stride, to, to_stride)
    w.do(f"br label %turned{number}")
    w.block(f"part{number}")
    last = w.put(f"sub i64 {rows[1]}, 1")
    _turn(w, source, stride, to, to_stride, f", i64 {last}, i64 {inner[1]}")
    w.do(f"br label %turned{number}")
    w.block(f"turned{number}")


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
    if isinstance(operand, InPlace):
        return in_memory(w, side, at)
    row, column = at if side.left else at[::-1]
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


def in_memory(w: KernelText, side: Side, at: tuple[str, str]) -> str:
    """The address of an entry of an operand that is in memory, at a row, or column, and a step of the depth."""
    assert isinstance(side.operand, InPlace)
    row, column = at if side.left else at[::-1]
    outer, inner = map(w.value, side.operand.strides)
    place = w.put(f"add i64 {w.put(f'mul i64 {row}, {outer}')}, {w.put(f'mul i64 {column}, {inner}')}")
    return w.entry(w.address(side.operand.buffer, side.operand.offset), place)


class Fetch:
    """Fetches to the second cache what is packed next, a part of it with each of several tiles.

    What is not in memory cannot be fetched; then nothing is written.

    Args:
        w: the kernel.
        side: the operand.
        own: its rows, or columns.
        deep: the steps of its depth.
        parts: how many tiles there are, at least 1.
    """

    def __init__(self, w: KernelText, side: Side, own: Span, deep: Span, parts: str) -> None:
        self.w = w
        self.operand = side.operand
        if not isinstance(side.operand, InPlace):
            return
        lines, inner = (own, deep) if side.lies_in_lines else (deep, own)
        stride = w.value(side.operand.strides[1 - side.operand.along])
        place = w.put(f"add i64 {w.put(f'mul i64 {lines[0]}, {stride}')}, {inner[0]}")
        base = w.entry(w.address(side.operand.buffer, side.operand.offset), place)
        stride, length = (w.put(f"mul i64 {entries}, {w.kernels.size}") for entries in (stride, inner[1]))
        self.lines = f"ptr {base}, i64 {stride}, i64 {lines[1]}, i64 {length}"
        self.part = ceiling(w, lines[1], parts)

    def write(self, number: str) -> None:
        """Fetch the part of that number."""
        if not isinstance(self.operand, InPlace):
            return
        w = self.w
        first = w.put(f"mul i64 {number}, {self.part}")
        w.do(f"call void {w.kernels.fetch()}({self.lines}, i64 {first}, i64 {self.part})")
