"""The matrix product, with vectors as NumPy treats them."""

from __future__ import annotations

import numpy as np

from lexgrad.errors import ShapeError
from lexgrad.graph import Node, Primitive, Shape, Type, apply, product, register, shape_text
from lexgrad.ops.elementwise import real_valued
from lexgrad.ops.lifting import Operand, broadcast_shapes, operation
from lexgrad.ops.movement import broadcast, broadcast_to, reshape, transpose
from lexgrad.ops.samples import real, sample


def _matmul_type(x: Type, y: Type) -> Type:
    if x.dtype != "float" or y.dtype != "float":
        raise ShapeError(f"needs float, got {x.dtype} and {y.dtype}")
    if not x.rank or not y.rank:
        raise ShapeError("needs vectors or matrices; multiply scalars with *")
    inner_x, inner_y = x.shape[-1], y.shape[-2 if y.rank > 1 else 0]
    if inner_x != inner_y:
        raise ShapeError(f"inner sizes {inner_x} and {inner_y} differ in {shape_text(x.shape)} @ {shape_text(y.shape)}")
    if 1 in (x.rank, y.rank) and max(x.rank, y.rank) > 2:
        raise ShapeError(f"a vector goes with a vector or a matrix, not with {max(x.rank, y.rank)} axes")
    if x.rank > 1 and y.rank > 1 and x.shape[:-2] != y.shape[:-2]:
        raise ShapeError(f"leading axes differ in {shape_text(x.shape)} @ {shape_text(y.shape)}")
    rows: Shape = x.shape[:-1] if x.rank > 1 else ()
    columns: Shape = y.shape[-1:] if y.rank > 1 else ()
    return x.with_shape((*rows, *columns))


def _swapped(x: Node) -> Node:
    return transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _outer(x: Node, y: Node) -> Node:
    """The column ``x`` times the row ``y``: entry (i, j) is x_i y_j."""
    shape = (*x.shape, *y.shape)
    return broadcast(x, shape, (0,)) * broadcast(y, shape, (1,))


def _left_rule(g: Node, out: Node, x: Node, y: Node) -> Node:
    if y.ndim > 1:
        return g @ _swapped(y)
    return _outer(g, y) if x.ndim > 1 else g * y


def _right_rule(g: Node, out: Node, x: Node, y: Node) -> Node:
    if x.ndim > 1:
        return _swapped(x) @ g
    return _outer(x, g) if y.ndim > 1 else g * x


MATMUL = register(
    Primitive(
        "matmul",
        _matmul_type,
        np.matmul,
        (_left_rule, _right_rule),
        notation="{0} {1}",
        precedence=3,
        samples=(
            sample(real(2, 3), real(3, 4)),
            sample(real(2, 2, 3), real(2, 3, 2)),
            sample(real(2, 3), real(3)),
            sample(real(3), real(3, 2)),
            sample(real(3), real(3)),
            sample(real(0, 3), real(3, 2)),
        ),
    )
)


@operation
def matmul(x: Operand, y: Operand) -> Node:
    """The matrix product: ``(m, k) @ (k, n)``, vectors as rows or columns, leading axes broadcast.

    It is a product of real numbers: integers are cast to floats, and so is the result.

    Raises:
        ShapeError: the inner sizes differ, or an operand is a scalar.
    """
    left, right = real_valued(x), real_valued(y)
    if not left.ndim or not right.ndim:
        raise ShapeError("needs vectors or matrices; multiply scalars with *")
    if left.ndim > 2 and right.ndim <= 2:
        # One matrix for all: fold the leading axes into rows, and do one product.
        rows = reshape(left, (product(left.shape[:-1]), left.shape[-1]))
        return reshape(apply(MATMUL, rows, right), (*left.shape[:-1], *right.shape[1:]))
    if left.ndim <= 1 or (right.ndim <= 2 and left.ndim <= 2):
        if right.ndim > 2:
            row = broadcast_to(left, (*right.shape[:-2], 1, left.shape[0]))
            return reshape(apply(MATMUL, row, right), (*right.shape[:-2], right.shape[-1]))
        return apply(MATMUL, left, right)
    leading = broadcast_shapes(left.shape[:-2], right.shape[:-2])
    left = broadcast_to(left, (*leading, *left.shape[-2:]))
    return apply(MATMUL, left, broadcast_to(right, (*leading, *right.shape[-2:])))
