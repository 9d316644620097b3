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
from lexgrad.ops.slicing import reverse


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


def _first_type(ids: Type) -> Type:
    need_int(ids)
    if ids.rank != 1:
        raise ShapeError(f"needs ids with one axis, got {ids}")
    return ids


def _numpy_first_occurrence(ids: NDArray[Any]) -> NDArray[Any]:
    _, first, number = np.unique(ids, return_index=True, return_inverse=True)
    return np.where(ids < 0, -1, first[number])


def _last_of_each(ids: Node) -> Node:
    """Each id where it stands last, and -1 where it comes again."""
    return reverse(distinct(reverse(ids)))


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
FIRST_OCCURRENCE = register(
    Primitive(
        "first_occurrence",
        _first_type,
        _numpy_first_occurrence,
        (None,),
        notation="first place of each of {0}",
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
def first_occurrence(ids: Operand) -> Node:
    """For each of ``ids`` ``(n,)`` the place where this id stands first, an int ``(n,)``; -1 for ids below 0.

    Compiled it takes time and memory in proportion to n (open addressing, Knuth, TAOCP 3, 6.4), whatever the ids are.
    """
    return apply(FIRST_OCCURRENCE, *lift(ids))


@operation
def distinct(ids: Operand) -> Node:
    """Each of ``ids`` ``(n,)`` where it stands first, and -1 where it comes again."""
    (node,) = lift(ids)
    return where(equal(first_occurrence(node), arange(node.shape[0])), node, -1)


@operation
def combine_rows(rows: Operand, ids: Operand) -> Node:
    """Rows ``(n, …)`` with one id ``(n,)`` added up where that id stands first, in their order; zeros elsewhere.

    With the ids of ``distinct(ids)`` they say what ``rows`` and ``ids`` say: their ``scatter_add`` is the same.
    """
    values, node = lift(rows, ids)
    return scatter_add(values, first_occurrence(node), node.shape[0])


def distinct_from(ids: Node) -> Node | None:
    """Of which ids these are the distinct ones: x for ``distinct(x)``, None for anything else."""
    if ids.primitive.name != "select":
        return None
    first, among, nothing = ids.inputs
    if first.primitive.name != "equal" or first.inputs[1].primitive.name != "iota":
        return None
    place = first.inputs[0]
    known = place.primitive is FIRST_OCCURRENCE and place.inputs[0] is among
    return among if known and scalar_constant(nothing) == -1 else None


def in_one_axis(ids: Node) -> Node:
    """Ids of any shape as ``(n,)``, in row-major order."""
    return ids if ids.ndim == 1 else reshape(ids, (product(ids.shape),))
