"""Kernels of matrix products: register tiles for two matrices, loops for vectors and leading axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lexgrad.compile.body import Body, Index, adding, zero
from lexgrad.compile.fusion import shares_columns, swaps
from lexgrad.compile.loops import (
    FIRST,
    LAST,
    ONE,
    ZERO,
    Apply,
    Assign,
    Computed,
    Declare,
    InPlace,
    Kernel,
    Local,
    Product,
    extent,
)
from lexgrad.compile.once import Bounds, clear, met_rows, only_looked_up, part
from lexgrad.graph import Node, product

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering


def kernel_matrices(low: Lowering, matrix: Node, root: Node) -> Kernel:
    """A product of two matrices whose tiles become ``root`` entry by entry as they come out."""
    left, right = matrix.inputs
    rows, columns = matrix.shape
    depth = left.shape[1]
    by_columns = shares_columns(matrix, packed=low.all.rounds)
    body = Body(extent=columns if by_columns else rows)
    i, j, k = (Local(name, "int") for name in ("mi", "mj", "mk"))
    body.row = None if by_columns else i
    body.entry = (i, j)
    body.scopes.append([])
    body.known.append({})
    result = Local("mc", "float")
    low.inside[matrix] = result
    value = low.value(body, root, (i, j)) if root is matrix else low.computed(body, root, (i, j))
    del low.inside[matrix]
    low.store(body, root, (i, j), value)
    epilogue = tuple(body.scopes.pop())
    body.known.pop()
    body.entry = None
    shared = (FIRST, LAST)
    of_rows: Bounds = (ZERO, extent(rows)) if by_columns else shared
    of_columns: Bounds = shared if by_columns else (ZERO, extent(columns))
    count = met_rows(low, body, left) if root is matrix else None
    if count is not None:
        rest = (count, extent(rows)) if by_columns else part(count, extent(rows), rows)
        of_rows = (ZERO, count) if by_columns else part(ZERO, count, rows)
        if not only_looked_up(low.graph, matrix, left):
            clear(low, body, matrix, rest, of_columns)
    aligned = not by_columns and count is None
    body.put(
        Product(
            operand(low, body, left, (i, k), aligned=aligned),
            operand(low, body, right, (k, j), aligned=False),
            of_rows,
            of_columns,
            extent(depth),
            epilogue,
            i.name,
            j.name,
            result.name,
        )
    )
    return low.finish(root, body, aligned=aligned, cost=depth * (rows if by_columns else columns))


def operand(low: Lowering, body: Body, node: Node, index: tuple[Local, Local], aligned: bool) -> InPlace | Computed:
    """An operand at ``index``: read where it lies, transposed by its strides where need be, or else computed.

    ``aligned`` says whether row ``i`` of the operand is read by share ``i`` only.
    """
    lies, swapped = node, False
    if node not in low.names and node not in low.fusion.views and swaps(node):
        lies, swapped = node.inputs[0], True
    if lies in low.names or lies in low.fusion.views:
        name = low.names[low.fusion.views.get(lies, lies)]
        body.read(name, aligned and not swapped)
        outer, inner = extent(lies.shape[1]), ONE
        return InPlace(name, ZERO, (inner, outer) if swapped else (outer, inner))
    body.scopes.append([])
    body.known.append({})
    value = low.value(body, node, index)
    body.known.pop()
    return Computed((index[0].name, index[1].name), tuple(body.scopes.pop()), value, 0 if swapped else 1)


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
                if low.all.rounds:
                    a, b = (Apply("bf16", (factor,), "float") for factor in (a, b))
                product = Apply("multiply", (a, b), "float")
                body.put(Assign(total.name, Apply(operation, (total, product), "float")))

            body.loop(ZERO, extent(left.shape[-1]), step, "k", terms)
            low.store(body, node, index, total)

        body.nest(node.shape[1:], entry)

    return low.shares(node, node.shape, share, product(node.shape[1:]) * left.shape[-1])
