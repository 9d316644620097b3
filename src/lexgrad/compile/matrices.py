"""Kernels of matrix products: register tiles for two matrices, loops for vectors and leading axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lexgrad.compile.body import Body, Index, adding, zero
from lexgrad.compile.fusion import swaps
from lexgrad.compile.loops import (
    FIRST,
    LAST,
    ONE,
    ZERO,
    Apply,
    Assign,
    Declare,
    Expression,
    Kernel,
    Let,
    Local,
    Product,
    add,
    extent,
    multiply,
)
from lexgrad.graph import Node, product

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering


def kernel_matrices(low: Lowering, matrix: Node, root: Node) -> Kernel:
    """A product of two matrices whose tiles become ``root`` entry by entry as they come out."""
    left, right = matrix.inputs
    rows, columns = matrix.shape
    depth = left.shape[1]
    # Shares are rows, so that what follows finds its own rows; or columns, where there are more of them and the
    # rows of ``left`` lie across memory, as in a weight's gradient.
    by_columns = False
    if isinstance(rows, int) and isinstance(columns, int):
        by_columns = columns > rows and (swaps(left) or rows < 32)
    body = Body(extent=columns if by_columns else rows)
    i, j = Local("mi", "int"), Local("mj", "int")
    body.row = None if by_columns else i
    body.entry = (i, j)
    body.scopes.append([])
    result = Local("mc", "float")
    low.inside[matrix] = result
    value = low.value(body, root, (i, j)) if root is matrix else low.computed(body, root, (i, j))
    del low.inside[matrix]
    low.store(body, root, (i, j), value)
    epilogue = tuple(body.scopes.pop())
    body.entry = None
    a, a_offset, a_strides = operand(low, body, left)
    b, b_offset, b_strides = operand(low, body, right)
    count = Apply("subtract", (LAST, FIRST), "int")
    row_count, column_count = (extent(rows), count) if by_columns else (count, extent(columns))
    row_start, column_start = (ZERO, FIRST) if by_columns else (FIRST, ZERO)
    body.put(
        Product(
            a,
            add(a_offset, multiply(row_start, a_strides[0])),
            a_strides,
            b,
            add(b_offset, multiply(column_start, b_strides[1])),
            b_strides,
            row_count,
            column_count,
            extent(depth),
            (
                Let("mi", add(Local("mti", "int"), row_start)),
                Let("mj", add(Local("mtj", "int"), column_start)),
                *epilogue,
            ),
            "mti",
            "mtj",
            "mc",
        )
    )
    body.read(a, not by_columns and not swaps(left))
    body.read(b, aligned=False)
    return low.finish(root, body, aligned=not by_columns, cost=depth * (rows if by_columns else columns))


def operand(low: Lowering, body: Body, node: Node) -> tuple[str, Expression, tuple[Expression, Expression]]:
    """Buffer, offset and strides of a matrix; a transposed one is read in place, with its strides swapped."""
    if node not in low.names and node not in low.fusion.views and swaps(node):
        name, start, (outer, inner) = operand(low, body, node.inputs[0])
        return name, start, (inner, outer)
    source = low.fusion.views.get(node, node)
    return low.names[source], ZERO, (extent(node.shape[1]), ONE)


def kernel_products(low: Lowering, node: Node) -> Kernel:
    """Products that involve vectors or leading axes: a loop over the depth for each entry."""
    left, right = node.inputs

    def share(body: Body, row: Index) -> None:
        def entry(rest: Index) -> None:
            index = (*row, *rest)
            leading = index[: max(left.ndim, right.ndim) - 2] if left.ndim > 1 and right.ndim > 1 else ()
            places = list(index[len(leading) :])
            i = (places.pop(0),) if left.ndim > 1 else ()
            total = Local(body.fresh("s"), "float")
            operation, terms = adding([left.shape[-1]])
            body.put(Declare(total.name, zero(node.type.dtype)))

            def step(k: Local) -> None:
                a = low.value(body, left, (*leading, *i, k))
                b = low.value(body, right, (*leading, k, *places))
                product = Apply("multiply", (a, b), "float")
                body.put(Assign(total.name, Apply(operation, (total, product), "float")))

            body.loop(ZERO, extent(left.shape[-1]), step, "k", terms)
            low.store(body, node, index, total)

        body.nest(node.shape[1:], entry)

    return low.shares(node, node.shape, share, product(node.shape[1:]) * left.shape[-1])
