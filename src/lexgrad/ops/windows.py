"""Windows over packed text: the rows under a kernel that slides along each text, and pooling of what it finds.

A text of n rows, filled up by ``low`` zero rows before and ``high`` behind, has floor((n + low + high - size) / stride)
+ 1 windows of ``size`` rows, as in PyTorch: what is left over at its end is in no window. By padding (low, high) is

- ``valid``: (0, 0): windows that lie wholly within the text. A text shorter than the kernel has one all the same,
  filled up with zero rows, and an empty text has none;
- ``same``: ((size - 1) // 2, size // 2): with stride 1 as many windows as rows;
- ``full``: (size - 1, size - 1): every window that covers a row at all.

How many windows there are is known when the batch is. They stand where the rows of their text stood (``full`` makes
room for size - 1 more in each text), the first ones first; what is behind them is in no text.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from lexgrad.errors import InputError, ShapeError, suggest
from lexgrad.graph import Node, Size
from lexgrad.ops.casting import cast
from lexgrad.ops.comparison import logical_and, logical_or
from lexgrad.ops.elementwise import add, maximum, real_valued, where
from lexgrad.ops.indexing import take
from lexgrad.ops.lifting import Operand, lift, operation, whole_size
from lexgrad.ops.movement import broadcast_to, expand_dims, reshape
from lexgrad.ops.product import matmul
from lexgrad.ops.random import arange
from lexgrad.ops.reduction import max as largest_of
from lexgrad.ops.reduction import sum as sum_of
from lexgrad.ops.segment import segment_lengths, segment_max, segment_repeat, segment_sum

PADDINGS = ("valid", "same", "full")
POOLS = ("max", "mean")


@dataclass(frozen=True)
class Windows:
    """Windows over packed texts.

    Attributes:
        places: an int (windows, size): the row under each place of each window; -1 stands for a zero row.
        offsets: an int (batch + 1,): where the windows of each text begin.
        lengths: an int (batch,): how many windows each text has; None where they reach from offset to offset.
    """

    places: Node
    offsets: Node
    lengths: Node | None


def window_padding(size: int, padding: str) -> tuple[int, int]:
    """The zero rows before and behind each text.

    Raises:
        InputError: there is no such padding.
    """
    table = {"valid": (0, 0), "same": ((size - 1) // 2, size // 2), "full": (size - 1, size - 1)}
    if padding not in table:
        raise InputError(f"padding is one of {', '.join(PADDINGS)}; got {padding!r}{suggest(str(padding), PADDINGS)}")
    return table[padding]


@operation
def window_places(
    offsets: Operand,
    rows: Size,
    size: int,
    *,
    stride: int = 1,
    padding: str = "valid",
    lengths: Operand | None = None,
) -> Windows:
    """The windows over packed texts.

    Args:
        offsets: an int (batch + 1,): where the rows of each text begin.
        rows: how many rows there are.
        size: rows in a window.
        stride: rows from one window to the next.
        padding: ``valid``, ``same`` or ``full``.
        lengths: an int (batch,): how many rows each text has, where they do not reach from offset to offset.

    Raises:
        InputError: a size or a stride below 1, or an unknown padding.
    """
    if size < 1 or stride < 1:
        raise InputError(f"a window has a size and a stride of at least 1; got {size} and {stride}")
    low, high = window_padding(size, padding)
    (starts,) = lift(offsets)
    counts = segment_lengths(starts) if lengths is None else lift(lengths)[0]
    batch, room = counts.shape[0], max(low + high - size + 1, 0)
    cuts = starts + room * arange(batch + 1) if room else starts
    total = whole_size(rows) + room * batch
    first, count = (segment_repeat(each, cuts, total) for each in (starts[:-1], counts))
    number = arange(total) - segment_repeat(cuts[:-1], cuts, total)  # of the window in its text
    begin = stride * number - low
    whole = begin + size <= count + high
    if padding == "valid":
        whole = logical_or(whole, logical_and(number < 1, count > 0))
    place = expand_dims(begin, 1) + arange(size)
    inside = logical_and(place >= 0, place < expand_dims(count, 1))
    inside = logical_and(inside, expand_dims(whole, 1))
    places = where(inside, expand_dims(first, 1) + place, -1)
    filled = stride == 1 and size <= low + high + 1 and lengths is None
    return Windows(places, cuts, None if filled else _whole_sum(whole, cuts))


@operation
def preceding(ids: Operand, offsets: Operand, count: int) -> Node:
    """The words before each word of its text, the nearest first; -1 where the text begins.

    Args:
        ids: an int (tokens,).
        offsets: an int (batch + 1,): where each text begins.
        count: how many words before.

    Returns:
        an int (tokens, count).
    """
    words, starts = lift(ids, offsets)
    tokens = words.shape[0]
    places = expand_dims(arange(tokens), 1) - (arange(count) + 1)
    inside = places >= expand_dims(segment_repeat(starts[:-1], starts, tokens), 1)
    return take(words + 1, where(inside, places, -1)) - 1


def _whole_sum(marks: Node, cuts: Node) -> Node:
    """How many of each text's rows are marked."""
    return cast(segment_sum(cast(marks, "float"), cuts), "int")


@operation
def windows(x: Operand, places: Operand) -> Node:
    """The rows under each window side by side: x (rows, d) and places (windows, size) give (windows, size · d)."""
    node, under = lift(x, places)
    if node.ndim != 2 or under.ndim != 2:
        raise ShapeError(f"needs rows (rows, d) and places (windows, size), got {node.type} and {under.type}")
    return reshape(take(node, under), (under.shape[0], under.shape[1] * node.shape[1]))


@operation
def convolve(x: Operand, kernel: Operand, places: Operand) -> Node:
    """The answer of each filter to each window: Σ_j x[places[:, j]] kernel[j]ᵀ, the windows times all weights.

    Args:
        x: rows (rows, d).
        kernel: (size, filters, d): what each filter multiplies the j-th row of a window with.
        places: an int (windows, size), see ``Windows``.

    Returns:
        (windows, filters).
    """
    node, weights, under = lift(x, kernel, places)
    if node.ndim != 2 or weights.ndim != 3 or under.ndim != 2 or weights.shape[0] != under.shape[1]:
        raise ShapeError(
            "needs rows (rows, d), a kernel (size, filters, d) and places (windows, size),"
            f" got {node.type}, {weights.type} and {under.type}"
        )
    size = weights.shape[0]
    assert isinstance(size, int)
    return functools.reduce(add, (matmul(take(node, under[:, j]), weights[j].T) for j in range(size)))


@operation
def pool_windows(x: Operand, over: Windows, pool: str) -> Node:
    """The largest, or the mean, of the rows under each window.

    Args:
        x: what is pooled, (rows, d).
        over: windows over its rows; places in no text do not count.
        pool: ``max`` or ``mean``.

    Returns:
        (windows, d); 0 where there is no window.

    Raises:
        InputError: another ``pool``.
    """
    node = real_valued(x)
    there = expand_dims(over.places >= 0, 2)
    under = take(node, over.places)
    if _known(pool) == "mean":
        count = sum_of(cast(over.places >= 0, "float"), 1, keepdims=True)
        return sum_of(under, 1) / maximum(count, 1.0)
    best = largest_of(where(there, under, -np.inf), 1)
    return where(expand_dims(over.places[:, 0] >= 0, 1), best, 0.0)


@operation
def pool_texts(x: Operand, offsets: Operand, pool: str, lengths: Operand | None = None) -> Node:
    """The largest, or the mean, of each text's rows: pooling over all time.

    Args:
        x: rows (rows, d).
        offsets: an int (batch + 1,): where the rows of each text begin.
        pool: ``max`` or ``mean``.
        lengths: an int (batch,): how many rows each text has, where they do not reach from offset to offset.

    Returns:
        (batch, d); 0 for a text without rows.

    Raises:
        InputError: another ``pool``.
    """
    node, cuts = real_valued(x), lift(offsets)[0]
    counts = segment_lengths(cuts) if lengths is None else lift(lengths)[0]
    number = None if lengths is None else _numbers(cuts, node.shape[0])
    there = None if number is None else number < segment_repeat(counts, cuts, node.shape[0])
    if _known(pool) == "mean":
        kept = node if there is None else where(expand_dims(there, 1), node, 0.0)
        return segment_sum(kept, cuts) / expand_dims(maximum(real_valued(counts), 1.0), 1)
    if there is None:
        return segment_max(node, cuts)
    # A sum, and no choice: its derivative is that of x, and what is behind the rows of a text never wins.
    behind = where(there, 0.0, -np.inf)
    best = segment_max(node + expand_dims(behind, 1), cuts)
    return where(expand_dims(counts > 0, 1), best, broadcast_to(0.0, best.shape))


def _numbers(cuts: Node, rows: Size) -> Node:
    """The number of each row in its text, from 0."""
    return arange(rows) - segment_repeat(cuts[:-1], cuts, rows)


def _known(pool: str) -> str:
    if pool not in POOLS:
        raise InputError(f"pool is one of {', '.join(POOLS)}; got {pool!r}{suggest(str(pool), POOLS)}")
    return pool
