"""Updates of some rows of a table, and rows with one id told apart and added up: what an optimiser does to embeddings.

As everywhere, the id -1 stands for nothing: its row is dropped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import ShapeError
from lexgrad.graph import Node, Primitive, Type, apply, product, register
from lexgrad.ops.comparison import equal
from lexgrad.ops.elementwise import where
from lexgrad.ops.indexing import check_range, need_int, numpy_scatter_add, scatter_add, take
from lexgrad.ops.lifting import Operand, lift, operation, scalar_constant
from lexgrad.ops.movement import broadcast_to, reshape
from lexgrad.ops.random import arange
from lexgrad.ops.samples import exactly, real, sample


def _rows_type(table: Type, rows: Type, ids: Type) -> Type:
    need_int(ids)
    if not table.rank or rows.shape != (*ids.shape, *table.shape[1:]) or rows.dtype != table.dtype:
        raise ShapeError(f"rows {rows} at ids {ids} do not fit a table {table}")
    return table


def _set_type(table: Type, rows: Type, ids: Type) -> Type:
    if ids.rank != 1:
        raise ShapeError(f"needs ids with one axis, got {ids}")
    return _rows_type(table, rows, ids)


def _numpy_set_rows(table: NDArray[Any], rows: NDArray[Any], ids: NDArray[Any]) -> NDArray[Any]:
    check_range(ids, len(table))
    result = table.copy()
    for row, number in zip(rows, ids.tolist(), strict=True):
        if number >= 0:
            result[number] = row
    return result


def _order_type(ids: Type) -> Type:
    need_int(ids)
    if ids.rank != 1:
        raise ShapeError(f"needs ids with one axis, got {ids}")
    return ids


def _numpy_order_met(ids: NDArray[Any]) -> NDArray[Any]:
    met = {number: order for order, number in enumerate(dict.fromkeys(ids[ids >= 0].tolist()))}
    return np.array([met.get(number, -1) for number in ids.tolist()], ids.dtype)


def _last_of_each(ids: Node) -> Node:
    """Each id where it stands last, and -1 where it comes again."""
    places, order = arange(ids.shape[0]), order_met(ids)
    last = set_rows(broadcast_to(-1, ids.shape), places, order)
    return where(equal(take(last, order), places), ids, -1)


# What an embedding's update is: a table that changes in the rows that were read, and nowhere else.
ADD_ROWS = register(
    Primitive(
        "add_rows",
        _rows_type,
        lambda table, rows, ids: table + numpy_scatter_add(rows, ids, size=len(table)),
        (lambda g, out, table, rows, ids: g, lambda g, out, table, rows, ids: take(g, ids), None),
        notation="{0} with {1} added at {2}",
        samples=(
            sample(real(5, 3), real(4, 3), exactly([2, 0, 2, -1])),
            sample(real(4), real(2), exactly([1, 1])),
        ),
    )
)
SET_ROWS = register(
    Primitive(
        "set_rows",
        _set_type,
        _numpy_set_rows,
        (
            lambda g, out, table, rows, ids: set_rows(g, broadcast_to(0.0, rows.shape), ids),
            lambda g, out, table, rows, ids: take(g, _last_of_each(ids)),
            None,
        ),
        notation="{0} with {1} at {2}",
        samples=(
            sample(real(5, 3), real(3, 3), exactly([2, 0, -1])),
            sample(real(5, 3), real(5, 3), exactly([2, 0, 2, -1, 0])),
            sample(real(4), real(2), exactly([1, 3])),
        ),
    )
)
ORDER_MET = register(
    Primitive(
        "order_met",
        _order_type,
        _numpy_order_met,
        (None,),
        notation="order in which each of {0} is met",
        samples=(
            sample(exactly([7, 0, 7, -1, 3, 0, 7])),
            sample(exactly([5])),
            sample(exactly([1, 2**40, 1, 2**40 + 1, -1, -1])),
        ),
    )
)


@operation
def add_rows(table: Operand, rows: Operand, ids: Operand) -> Node:
    """``table + scatter_add(rows, ids)``, which a compiled program does in the rows concerned only; -1 drops a row."""
    return apply(ADD_ROWS, *lift(table, rows, ids))


@operation
def set_rows(table: Operand, rows: Operand, ids: Operand) -> Node:
    """The table ``(V, …)`` with other rows ``(n, …)`` at ``ids`` ``(n,)``; of several with one id the last one stays.

    Raises:
        InputError: (when run) an id is below -1 or not below V.
    """
    return apply(SET_ROWS, *lift(table, rows, ids))


@operation
def order_met(ids: Operand) -> Node:
    """For each of ``ids`` ``(n,)`` how many others are met before it is met first, an int ``(n,)``; -1 for ids below 0.

    Compiled it takes time and memory in proportion to n (open addressing, Knuth, TAOCP 3, 6.4), whatever the ids are.
    """
    return apply(ORDER_MET, *lift(ids))


@operation
def distinct(ids: Operand) -> Node:
    """The different ones of ``ids`` ``(n,)`` in the order in which they are met, an int ``(n,)``; -1 behind them."""
    (node,) = lift(ids)
    return apply(SET_ROWS, broadcast_to(-1, node.shape), node, order_met(node))


@operation
def combine_rows(rows: Operand, ids: Operand) -> Node:
    """Rows ``(n, …)`` with one id ``(n,)`` added up, in their order, at the place of that id in ``distinct(ids)``.

    With those ids they say what ``rows`` and ``ids`` say: their ``scatter_add`` is the same.
    """
    values, node = lift(rows, ids)
    return scatter_add(values, order_met(node), node.shape[0])


def distinct_from(ids: Node) -> Node | None:
    """Of which ids these are the distinct ones: x for ``distinct(x)``, None for anything else."""
    if ids.primitive is not SET_ROWS:
        return None
    nothing, among, order = ids.inputs
    known = order.primitive is ORDER_MET and order.inputs[0] is among
    return among if known and scalar_constant(nothing) == -1 else None


def in_one_axis(ids: Node) -> Node:
    """Ids of any shape as ``(n,)``, in row-major order."""
    return ids if ids.ndim == 1 else reshape(ids, (product(ids.shape),))
