"""Indexing by integers: rows of a table and entries along an axis, with their adjoints.

One rule for all of it: the index -1 stands for nothing. Taking it gives zeros, putting to it drops the value, and
neither has a gradient. Padding is made of it, and the maximum over an empty text points to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import Node, Primitive, Size, Type, apply, register, shape_text
from lexgrad.ops.lifting import Operand, lift, normalise_axis, operation, whole_size
from lexgrad.ops.samples import exactly, real, sample


def need_int(index: Type) -> None:
    """Refuse an index that is not of integers.

    Raises:
        ShapeError: it is not.
    """
    if index.dtype != "int":
        raise ShapeError(f"needs int indices, got {index.dtype}")


def check_range(index: NDArray[Any], size: int) -> bool:
    """Whether ``index`` holds a -1.

    Raises:
        InputError: an index lies outside of -1 … size-1.
    """
    if not index.size:
        return False
    low, high = int(index.min()), int(index.max())
    if low < -1 or high >= size:
        raise InputError(f"index {low if low < -1 else high} is out of range for {size} rows (-1 stands for nothing)")
    return low == -1


# --- rows of a table


def _take_type(table: Type, ids: Type) -> Type:
    need_int(ids)
    if not table.rank:
        raise ShapeError("needs a table with at least one axis, got a scalar")
    return table.with_shape((*ids.shape, *table.shape[1:]))


def _numpy_take(table: NDArray[Any], ids: NDArray[Any]) -> NDArray[Any]:
    if not check_range(ids, len(table)):
        return np.take(table, ids, axis=0) if len(table) else np.zeros((*ids.shape, *table.shape[1:]), table.dtype)
    nothing = np.zeros((1, *table.shape[1:]), table.dtype)
    return np.take(np.concatenate([table, nothing]), ids, axis=0)


def _scatter_type(rows: Type, ids: Type, *, size: Size) -> Type:
    need_int(ids)
    if rows.shape[: ids.rank] != ids.shape:
        raise ShapeError(f"rows {shape_text(rows.shape)} do not begin with the shape of ids {shape_text(ids.shape)}")
    return rows.with_shape((size, *rows.shape[ids.rank :]))


def numpy_scatter_add(rows: NDArray[Any], ids: NDArray[Any], *, size: int) -> NDArray[Any]:
    """The meaning of ``scatter_add``; rows with one id are added in their order.

    Raises:
        InputError: an id is out of range.
    """
    result = np.zeros((size, *rows.shape[ids.ndim :]), rows.dtype)
    flat = ids.reshape(-1)
    values = rows.reshape(len(flat), *result.shape[1:])
    if check_range(ids, size):
        values, flat = values[flat >= 0], flat[flat >= 0]
    if len(flat):
        # Rows with one id are brought side by side, in their order, and each run is summed at once.
        order = np.argsort(flat, kind="stable")
        ordered = flat[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        result[ordered[starts]] = np.add.reduceat(values[order], starts, axis=0)
    return result


TAKE = register(
    Primitive(
        "take",
        _take_type,
        _numpy_take,
        (lambda g, out, table, ids: scatter_add(g, ids, table.shape[0]), None),
        notation="{0}[{1}]",
        samples=(
            sample(real(4, 3), exactly([2, 0, 2, -1])),
            sample(real(5), exactly([[1, 1], [4, 0]])),
            sample(real(4, 2), exactly(3)),
        ),
    )
)
SCATTER_ADD = register(
    Primitive(
        "scatter_add",
        _scatter_type,
        numpy_scatter_add,
        (lambda g, out, rows, ids, *, size: take(g, ids), None),
        notation="scatter({0} at {1})",
        samples=(
            sample(real(4, 3), exactly([2, 0, 2, -1]), size=5),
            sample(real(2, 2), exactly([[1, 1], [4, 0]]), size=5),
            sample(real(3), exactly(1), size=2),
        ),
    )
)


@operation
def take(table: Operand, ids: Operand) -> Node:
    """Rows of a table by their numbers: ``(V, …)`` and ids of any shape give ``ids.shape + (…)``.

    The id -1 gives a row of zeros. The gradient is a scatter of rows: only those that were read.

    Raises:
        InputError: (when run) an id is below -1 or not below V.
    """
    return apply(TAKE, *lift(table, ids))


@operation
def scatter_add(rows: Operand, ids: Operand, size: Size) -> Node:
    """The adjoint of ``take``: zeros of shape ``(size, …)``, and each row added at its id; -1 drops it."""
    return apply(SCATTER_ADD, *lift(rows, ids), size=whole_size(size))


# --- entries along an axis


def _along_shapes(x: Type, index: Type, axis: int) -> None:
    need_int(index)
    if index.rank != x.rank or not 0 <= axis < x.rank:
        raise ShapeError(f"needs an index with {x.rank} axes and an axis among them, got {index} and axis {axis}")


def _take_along_type(x: Type, index: Type, *, axis: int) -> Type:
    _along_shapes(x, index, axis)
    if index.shape[:axis] + index.shape[axis + 1 :] != x.shape[:axis] + x.shape[axis + 1 :]:
        raise ShapeError(f"{shape_text(x.shape)} and index {shape_text(index.shape)} differ outside of axis {axis}")
    return x.with_shape(index.shape)


def _numpy_take_along(x: NDArray[Any], index: NDArray[Any], *, axis: int) -> NDArray[Any]:
    if not check_range(index, x.shape[axis]):
        return np.take_along_axis(x, index, axis)
    nothing = np.zeros((*x.shape[:axis], 1, *x.shape[axis + 1 :]), x.dtype)
    return np.take_along_axis(np.concatenate([x, nothing], axis), index, axis)


def _put_along_type(x: Type, index: Type, *, axis: int, size: Size) -> Type:
    _along_shapes(x, index, axis)
    if index.shape != x.shape:
        raise ShapeError(f"values {shape_text(x.shape)} and index {shape_text(index.shape)} differ in shape")
    return x.with_shape((*x.shape[:axis], size, *x.shape[axis + 1 :]))


def _numpy_put_along(x: NDArray[Any], index: NDArray[Any], *, axis: int, size: int) -> NDArray[Any]:
    result = np.zeros((*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype)
    places: list[NDArray[Any]] = list(np.indices(index.shape, sparse=True))
    places[axis] = index
    if check_range(index, size):
        kept = index >= 0
        places = [np.broadcast_to(place, index.shape)[kept] for place in places]
        x = x[kept]
    np.add.at(result, tuple(places), x)
    return result


TAKE_ALONG = register(
    Primitive(
        "take_along",
        _take_along_type,
        _numpy_take_along,
        (lambda g, out, x, index, *, axis: put_along(g, index, axis, x.shape[axis]), None),
        notation="{0}[{1}]",
        samples=(
            sample(real(3, 4), exactly([[1], [0], [3]]), axis=1),
            sample(real(3, 2), exactly([[2, -1], [2, 0]]), axis=0),
        ),
    )
)
PUT_ALONG = register(
    Primitive(
        "put_along",
        _put_along_type,
        _numpy_put_along,
        (lambda g, out, x, index, *, axis, size: take_along(g, index, axis), None),
        notation="put({0} at {1})",
        samples=(
            sample(real(3, 1), exactly([[1], [0], [3]]), axis=1, size=4),
            sample(real(2, 2), exactly([[2, -1], [2, 0]]), axis=0, size=3),
        ),
    )
)


def _add_along_type(x: Type, values: Type, index: Type, *, axis: int) -> Type:
    if _put_along_type(values, index, axis=axis, size=x.shape[axis] if axis < x.rank else 0) != x:
        raise ShapeError(f"values {values} along axis {axis} do not fit {x}")
    return x


ADD_ALONG = register(
    Primitive(
        "add_along",
        _add_along_type,
        lambda x, values, index, *, axis: x + _numpy_put_along(values, index, axis=axis, size=x.shape[axis]),
        (
            lambda g, out, x, values, index, *, axis: g,
            lambda g, out, x, values, index, *, axis: take_along(g, index, axis),
            None,
        ),
        notation="{0} with {1} added along {2}",
        samples=(
            sample(real(3, 4), real(3, 2), exactly([[1, 1], [0, 3], [-1, 2]]), axis=1),
            sample(real(3, 2), real(4, 2), exactly([[2, -1], [2, 0], [0, 0], [2, 1]]), axis=0),
            sample(real(4), real(3), exactly([1, 3, 1]), axis=0),
        ),
    )
)


@operation
def take_along(x: Operand, index: Operand, axis: int) -> Node:
    """Entries of ``x`` along an axis, as NumPy's ``take_along_axis``; -1 gives 0.

    With logits ``(batch, classes)`` and labels ``(batch, 1)``, axis 1, it picks each example's own logit.
    """
    nodes = lift(x, index)
    return apply(TAKE_ALONG, *nodes, axis=normalise_axis(axis, nodes[0].ndim))


@operation
def put_along(x: Operand, index: Operand, axis: int, size: Size) -> Node:
    """The adjoint of ``take_along``: zeros with ``size`` entries along the axis, each value added at its index."""
    nodes = lift(x, index)
    return apply(PUT_ALONG, *nodes, axis=normalise_axis(axis, nodes[0].ndim), size=whole_size(size))


@operation
def add_along(x: Operand, values: Operand, index: Operand, axis: int) -> Node:
    """``x + put_along(values, index, axis, size)``, which a compiled program does at the entries concerned only."""
    nodes = lift(x, values, index)
    return apply(ADD_ALONG, *nodes, axis=normalise_axis(axis, nodes[0].ndim))
