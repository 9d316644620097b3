"""Rows of packed texts beside their neighbours."""

from __future__ import annotations

from lexgrad import ops
from lexgrad.graph import Node, Size


def neighbours(offsets: Node, tokens: Size, before: int, after: int) -> Node:
    """The rows around each row of packed texts, and itself: an int (tokens, before + 1 + after); -1 outside its text.

    Args:
        offsets: where each text begins, and the end of the last (batch + 1,).
        tokens: how many rows there are.
        before: how many rows before it.
        after: how many after it.
    """
    count, width = offsets.shape[0] - 1, before + 1 + after
    begins, ends = ops.take_slice(offsets, 0, 0, count), ops.take_slice(offsets, 0, 1, count + 1)
    first, last = (ops.expand_dims(ops.segment_repeat(each, offsets, tokens), 1) for each in (begins, ends))
    row = ops.expand_dims(ops.arange(tokens), 1) + (ops.arange(width) - before)
    return ops.where(ops.logical_and(row >= first, row < last), row, -1)


def beside(x: Node, offsets: Node, before: int, after: int) -> Node:
    """Each row between those that stand before and after it in its text; zeros where the text ends.

    Args:
        x: rows (tokens, d).
        offsets: where each text begins, and the end of the last (batch + 1,).
        before: how many rows before it.
        after: how many after it.

    Returns:
        (tokens, (before + 1 + after) * d).
    """
    tokens, d = x.shape
    rows = neighbours(offsets, tokens, before, after)
    return ops.reshape(ops.take(x, rows), (tokens, (before + 1 + after) * d))
