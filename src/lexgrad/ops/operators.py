"""What the signs mean between nodes: + - * / ** @, comparisons, and indexing with NumPy's rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import OPERATORS, Dim, Node, Size, product
from lexgrad.ops import comparison, elementwise
from lexgrad.ops.indexing import take
from lexgrad.ops.lifting import lift, operation
from lexgrad.ops.movement import expand_dims, reshape, transpose
from lexgrad.ops.product import matmul
from lexgrad.ops.slicing import reverse, take_slice


@operation
def index(x: Node, key: Any) -> Node:
    """``x[key]``: integers, slices, ``None``, ``...``, and integer arrays or nodes along the axes they stand at.

    Integers and arrays count from the end where they are negative, as in NumPy. In a node, whose values are known only
    at run time, -1 stands for nothing, as for ``take``. A slice of a named size is not cut to fit: it is out of range.

    Raises:
        InputError: the key is of a kind that is not supported (boolean masks, arrays apart from each other).
        ShapeError: an index or a slice is out of range, or there are too many.
    """
    keys = list(key) if isinstance(key, tuple) else [key]
    keys = _without_ellipsis(keys, x.ndim)
    arrays = [i for i, k in enumerate(keys) if _is_array(k)]
    if arrays and arrays != list(range(arrays[0], arrays[0] + len(arrays))):
        raise InputError("integer arrays in an index must stand side by side; index in two steps")
    axis = 0
    node = x
    for position, k in enumerate(keys):
        if position in arrays:
            if position == arrays[0]:
                node, axis = _index_arrays(node, axis, [keys[i] for i in arrays])
        elif k is None:
            node = expand_dims(node, axis)
            axis += 1
        elif isinstance(k, slice):
            node = _slice(node, axis, k)
            axis += 1
        else:
            node = _index_number(node, axis, k)
    return node


def _is_array(key: Any) -> bool:
    if isinstance(key, bool | np.bool_):
        raise InputError("a boolean is not an index; use lexgrad.where(condition, x, y)")
    return isinstance(key, Node | np.ndarray | list)


def _without_ellipsis(keys: list[Any], rank: int) -> list[Any]:
    used = sum(key is not None and key is not Ellipsis for key in keys)
    if used > rank:
        raise ShapeError(f"{used} indices are too many for {rank} axes")
    dots = [i for i, key in enumerate(keys) if key is Ellipsis]
    if len(dots) > 1:
        raise ShapeError("an index has one ... at most")
    if dots:
        keys[dots[0] : dots[0] + 1] = [slice(None)] * (rank - used)
    return keys


def _index_number(x: Node, axis: int, key: Any) -> Node:
    try:
        number = int(key.__index__())
    except AttributeError:
        raise InputError(f"an index is an integer, a slice, None, ... or integers; got {key!r}") from None
    size = x.shape[axis]
    if isinstance(size, int) and not -size <= number < size:
        raise ShapeError(f"index {number} is out of range for axis {axis} of {x.type}")
    start = size + number if number < 0 else number
    row = take_slice(x, axis, start, start + 1)
    return reshape(row, (*x.shape[:axis], *x.shape[axis + 1 :]))


def _slice(x: Node, axis: int, key: slice) -> Node:
    size = x.shape[axis]
    if isinstance(size, int) and not any(isinstance(k, Dim) for k in (key.start, key.stop)):
        start, stop, step = key.indices(size)
        if step > 0:
            return take_slice(x, axis, start, max(start, stop), step)
        # Walking backwards: reverse, then walk forwards from the mirrored start.
        return take_slice(reverse(x, axis), axis, size - 1 - start, max(size - 1 - stop, size - 1 - start), -step)
    if key.step not in (None, 1):
        raise ShapeError(f"axis {axis} of {x.type} has a named size: a slice of it has step 1")
    return take_slice(x, axis, _bound(key.start, 0, size), _bound(key.stop, size, size))


def _bound(bound: Any, default: Size, size: Size) -> Size:
    if bound is None:
        return default
    if isinstance(bound, Dim):
        return bound
    return size + int(bound) if bound < 0 else int(bound)


def _index_arrays(x: Node, axis: int, keys: list[Any]) -> tuple[Node, int]:
    """Take at integer arrays that stand for ``len(keys)`` axes from ``axis`` on; returns the node and the next axis."""
    ids: Node | None = None
    for offset, key in enumerate(keys):
        size = x.shape[axis + offset]
        if isinstance(key, Node):
            numbers = key
        else:
            array = np.asarray(key)
            if array.dtype.kind not in "iu" and array.size:
                raise InputError(f"an array that indexes holds integers; got {array.dtype}")
            if not isinstance(size, int) or (array.size and not -size <= array.min() <= array.max() < size):
                raise ShapeError(f"an index is out of range for axis {axis + offset} of {x.type}")
            (numbers,) = lift(np.where(array < 0, array + size, array).astype(np.int64))
        if numbers.type.dtype != "int":
            raise InputError(f"a node that indexes holds integers; got {numbers.type}")
        if ids is None:
            ids = numbers
        elif isinstance(size, int):
            ids = _flattened(ids, numbers, size)
        else:
            raise ShapeError(f"axis {axis + offset} of {x.type} has a named size; index it alone")
    assert ids is not None
    count = len(keys)
    others = [i for i in range(x.ndim) if not axis <= i < axis + count]
    front = transpose(x, (*range(axis, axis + count), *others))
    table = reshape(front, (product(front.shape[:count]), *front.shape[count:]))
    taken = take(table, ids)
    rank = ids.ndim
    order = (*range(rank, rank + axis), *range(rank), *range(rank + axis, taken.ndim))
    return transpose(taken, order), axis + rank


def _flattened(rows: Node, columns: Node, size: int) -> Node:
    """The positions of (row, column) in rows of ``size`` laid end to end; -1 where either is -1.

    A column outside of its row must not run on into the next: it becomes -2, which ``take`` refuses.
    """
    positions = rows * size + columns
    nothing = comparison.logical_or(comparison.equal(rows, -1), comparison.equal(columns, -1))
    outside = comparison.logical_or(columns < -1, columns >= size)
    return elementwise.where(nothing, -1, elementwise.where(outside, -2, positions))


OPERATORS.update(
    {
        "add": elementwise.add,
        "radd": lambda x, y: elementwise.add(y, x),
        "subtract": elementwise.subtract,
        "rsubtract": lambda x, y: elementwise.subtract(y, x),
        "multiply": elementwise.multiply,
        "rmultiply": lambda x, y: elementwise.multiply(y, x),
        "divide": elementwise.divide,
        "rdivide": lambda x, y: elementwise.divide(y, x),
        "power": elementwise.power,
        "rpower": lambda x, y: elementwise.power(y, x),
        "matmul": matmul,
        "rmatmul": lambda x, y: matmul(y, x),
        "negative": elementwise.negative,
        "absolute": elementwise.absolute,
        "less": comparison.less,
        "less_equal": comparison.less_equal,
        "greater": comparison.greater,
        "greater_equal": comparison.greater_equal,
        "index": index,
        "transpose": transpose,
    }
)
