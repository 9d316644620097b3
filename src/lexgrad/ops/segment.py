"""Segments of packed text: a batch of texts is one run of rows and the offsets where each text begins.

``offsets`` has shape ``(batch + 1,)``, begins with 0, never falls and ends with the number of rows: text ``i`` is
rows ``offsets[i]`` up to and without ``offsets[i + 1]``. A text may be empty; its sum, mean and maximum are 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import Node, Primitive, Shape, Size, Type, apply, register
from lexgrad.ops.elementwise import maximum, real_valued
from lexgrad.ops.indexing import put_along
from lexgrad.ops.lifting import Operand, lift, operation, whole_size
from lexgrad.ops.movement import broadcast
from lexgrad.ops.samples import exactly, real, sample
from lexgrad.ops.slicing import take_slice

_OFFSETS = exactly([0, 2, 2, 5])  # a text of two rows, an empty one, and one of three


def _segment_type(x: Type, offsets: Type) -> Type:
    if offsets.dtype != "int" or offsets.rank != 1 or offsets.shape[0] == 0:
        raise ShapeError(f"needs offsets int[batch+1], got {offsets}")
    if not x.rank or x.dtype != "float":
        raise ShapeError(f"needs float rows, got {x}")
    return x.with_shape((offsets.shape[0] - 1, *x.shape[1:]))


def _check_offsets(offsets: NDArray[Any], rows: int) -> NDArray[Any]:
    """The length of each segment.

    Raises:
        InputError: the offsets do not cut ``rows`` rows into segments.
    """
    lengths: NDArray[Any] = np.diff(offsets)
    if offsets[0] != 0 or offsets[-1] != rows or (lengths.size and lengths.min() < 0):
        raise InputError(f"offsets must rise from 0 to the number of rows, {rows}; got {offsets[0]} … {offsets[-1]}")
    return lengths


def _reduce_segments(ufunc: np.ufunc, x: NDArray[Any], offsets: NDArray[Any]) -> NDArray[Any]:
    lengths = _check_offsets(offsets, len(x))
    result = np.zeros((len(lengths), *x.shape[1:]), x.dtype)
    filled = np.flatnonzero(lengths)
    if len(filled):
        result[filled] = ufunc.reduceat(x, offsets[filled], axis=0)
    return result


def _numpy_segment_sum(x: NDArray[Any], offsets: NDArray[Any]) -> NDArray[Any]:
    return _reduce_segments(np.add, x, offsets)


def _numpy_segment_max(x: NDArray[Any], offsets: NDArray[Any]) -> NDArray[Any]:
    return _reduce_segments(np.maximum, x, offsets)


def _numpy_segment_argmax(x: NDArray[Any], offsets: NDArray[Any]) -> NDArray[Any]:
    lengths = _check_offsets(offsets, len(x))
    largest = np.repeat(_numpy_segment_max(x, offsets), lengths, axis=0)
    rows = np.arange(len(x)).reshape(-1, *[1] * (x.ndim - 1))
    first = _reduce_segments(np.minimum, np.where(x == largest, rows, len(x)), offsets)
    nothing = (lengths == 0).reshape(-1, *[1] * (x.ndim - 1)) | (first == len(x))
    return np.where(nothing, -1, first)


def _numpy_segment_repeat(x: NDArray[Any], offsets: NDArray[Any], *, length: int) -> NDArray[Any]:
    return np.repeat(x, _check_offsets(offsets, length), axis=0)


def _repeat_type(x: Type, offsets: Type, *, length: Size) -> Type:
    if offsets.dtype != "int" or offsets.rank != 1 or not x.rank or offsets.shape[0] != x.shape[0] + 1:
        raise ShapeError(f"needs offsets int[batch+1] for {x}, got {offsets}")
    return x.with_shape((length, *x.shape[1:]))


def _max_rule(g: Node, out: Node, x: Node, offsets: Node) -> Node:
    return put_along(g, apply(SEGMENT_ARGMAX, x, offsets), 0, x.shape[0])


SEGMENT_SUM = register(
    Primitive(
        "segment_sum",
        _segment_type,
        _numpy_segment_sum,
        (lambda g, out, x, offsets: segment_repeat(g, offsets, x.shape[0]), None),
        notation="sum of {0} in each text",
        samples=(
            sample(real(5, 3), _OFFSETS),
            sample(real(5), _OFFSETS),
            sample(real(0, 2), exactly([0, 0])),
        ),
    )
)
SEGMENT_REPEAT = register(
    Primitive(
        "segment_repeat",
        _repeat_type,
        _numpy_segment_repeat,
        (lambda g, out, x, offsets, *, length: segment_sum(g, offsets), None),
        notation="{0} for each row of its text",
        samples=(sample(real(3, 2), _OFFSETS, length=5), sample(real(3), _OFFSETS, length=5)),
    )
)
SEGMENT_MAX = register(
    Primitive(
        "segment_max",
        _segment_type,
        _numpy_segment_max,
        (_max_rule, None),
        notation="max of {0} in each text",
        samples=(
            sample(real(5, 3), _OFFSETS),
            sample(real(5), _OFFSETS),
            sample(real(0, 2), exactly([0, 0])),
        ),
    )
)
SEGMENT_ARGMAX = register(
    Primitive(
        "segment_argmax",
        lambda x, offsets: _segment_type(x, offsets).with_dtype("int"),
        _numpy_segment_argmax,
        (None, None),
        notation="argmax of {0} in each text",
        samples=(sample(real(5, 3), _OFFSETS),),
    )
)


@operation
def segment_sum(x: Operand, offsets: Operand) -> Node:
    """The sum of each text's rows: ``(tokens, …)`` and offsets ``(batch+1,)`` give ``(batch, …)``."""
    return apply(SEGMENT_SUM, *_rows(x, offsets))


@operation
def segment_max(x: Operand, offsets: Operand) -> Node:
    """The entrywise maximum of each text's rows; the gradient is a selection of the first winners."""
    return apply(SEGMENT_MAX, *_rows(x, offsets))


@operation
def segment_argmax(x: Operand, offsets: Operand) -> Node:
    """The row in which each text's maximum stands, an int ``(batch, …)``; -1 for an empty text."""
    return apply(SEGMENT_ARGMAX, *_rows(x, offsets))


@operation
def segment_mean(x: Operand, offsets: Operand) -> Node:
    """The mean of each text's rows; 0 for an empty text."""
    total = segment_sum(x, offsets)
    lengths = maximum(real_valued(segment_lengths(offsets)), 1.0)
    return total / _along_first(lengths, total.shape)


@operation
def segment_repeat(x: Operand, offsets: Operand, length: Size) -> Node:
    """Each text's row once for every row of that text: ``(batch, …)`` gives ``(length, …)``; adjoint of the sum."""
    return apply(SEGMENT_REPEAT, *lift(x, offsets), length=whole_size(length))


@operation
def segment_lengths(offsets: Operand) -> Node:
    """The number of rows of each text, an int ``(batch,)``."""
    (node,) = lift(offsets)
    end = node.shape[0]
    return take_slice(node, 0, 1, end) - take_slice(node, 0, 0, end - 1)


def _rows(x: Operand, offsets: Operand) -> tuple[Node, Node]:
    rows, cuts = lift(x, offsets)
    return real_valued(rows), cuts


def _along_first(x: Node, shape: Shape) -> Node:
    return broadcast(x, shape, (0,))
