"""Kernels that write rows or entries by number: scatter_add, add_rows and put_along."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lexgrad.compile.body import Body, Index, clamped, in_range, offset, zero
from lexgrad.compile.fusion import puts_many
from lexgrad.compile.loops import (
    FIRST,
    LAST,
    ONE,
    ZERO,
    Apply,
    Expression,
    Kernel,
    Load,
    Local,
    Unless,
    extent,
)
from lexgrad.graph import Dim, Node, Size, product

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering


def kernel_scatter_add(low: Lowering, node: Node) -> Kernel:
    """Zeros, and rows added to them where their ids say, in their order."""
    rows, ids = node.inputs
    if node.ndim > 1:
        return scatter_columns(low, node)
    body = Body(extent=1)
    low.fill(body, node, (ZERO, extent(node.shape[0])), zero(node.type.dtype))

    def each(index: Index) -> None:
        add_at(low, body, node, rows, ids, index, ())

    where_there_are(body, node.shape[0], lambda: body.nest(ids.shape, each))
    return low.finish(node, body, aligned=False, cost=rows.type.size + node.type.size)


def scatter_columns(low: Lowering, node: Node) -> Kernel:
    """Shares are columns: each thread adds all rows, in their order, to the columns that are its own."""
    rows, ids = node.inputs
    body = Body(extent=node.shape[-1])
    middle = node.shape[1:-1]

    def clear(places: Index) -> None:
        body.loop(FIRST, LAST, lambda j: low.store(body, node, (*places, j), zero(node.type.dtype)), "c")

    body.nest(node.shape[:-1], clear)

    def each(index: Index) -> None:
        def inner(rest: Index) -> None:
            body.loop(FIRST, LAST, lambda j: add_at(low, body, node, rows, ids, index, (*rest, j)), "c")

        body.nest(middle, inner)

    where_there_are(body, node.shape[0], lambda: body.nest(ids.shape, each))
    cost = product(node.shape[:-1]) + product(rows.shape[:-1])
    return low.finish(node, body, aligned=False, cost=cost)


def add_at(low: Lowering, body: Body, node: Node, rows: Node, ids: Node, index: Index, rest: Index) -> None:
    """Add entry ``rest`` of the row at ``index`` where that row's id says."""
    number = low.value(body, ids, index)
    inside = in_range(number, node.shape[0])
    place = (clamped(number, node.shape[0]), *rest)
    add_to(low, body, node, place, inside, low.value(body, rows, (*index, *rest)))


def add_to(low: Lowering, body: Body, node: Node, place: Index, inside: Expression, value: Expression) -> None:
    """Add a value to an entry of a kept node, or 0 where it does not belong ``inside``."""
    dtype = node.type.dtype
    old = Load(low.names[node], offset(node.shape, place), dtype)
    added = Apply("select", (inside, value, zero(dtype)), dtype)
    low.store(body, node, place, Apply("add", (old, added), dtype))


def where_there_are(body: Body, size: Size, write: Callable[[], None]) -> None:
    """What ``write`` writes, but only where ``size`` is not 0: without rows, there is no entry to add to."""
    if isinstance(size, Dim):
        body.loop(ZERO, Apply("minimum", (ONE, extent(size)), "int"), lambda _: write(), "once")
    elif size:
        write()


def kernel_add_rows(low: Lowering, node: Node) -> Kernel:
    """Shares are columns: the table is copied, unless the result takes its place, and rows are added in order."""
    table, rows, ids = node.inputs
    columns = node.shape[-1] if node.ndim > 1 else 1
    body = Body(extent=columns)

    def at(places: Index, j: Expression) -> Index:
        return (*places, j) if node.ndim > 1 else places

    def copy(places: Index) -> None:
        def entry(j: Local) -> None:
            body.entry = (*places, j)
            low.store(body, node, body.entry, low.value(body, table, body.entry))
            body.entry = None

        first, last = (FIRST, LAST) if node.ndim > 1 else (ZERO, extent(node.shape[0]))
        body.loop(first, last, entry, "c")

    body.scopes.append([])
    if node.ndim > 1:
        body.nest(node.shape[:-1], copy)
    else:
        copy(())
    copying = tuple(body.scopes.pop())
    if table in low.names:
        body.put(Unless(low.names[node], low.names[table], copying))
    else:
        body.scopes[-1].extend(copying)

    def each(index: Index) -> None:
        def row(rest: Index) -> None:
            body.loop(FIRST, LAST, lambda j: add_at(low, body, node, rows, ids, index, at(rest, j)), "c")

        body.nest(node.shape[1:-1], row)

    where_there_are(body, node.shape[0], lambda: body.nest(ids.shape, each))
    return low.finish(node, body, aligned=False, cost=product(rows.shape[:-1]))


def kernel_put_along(low: Lowering, node: Node) -> Kernel:
    """Zeros, and values added to them where their indices along the axis say, in their order."""
    if not puts_many(node):
        return low.pointwise(node)
    x, ids = node.inputs
    axis = node.attributes["axis"]
    body = Body(extent=1)
    body.nest(node.shape, lambda index: low.store(body, node, index, zero(node.type.dtype)))

    def each(index: Index) -> None:
        number = low.value(body, ids, index)
        place = (*index[:axis], clamped(number, node.shape[axis]), *index[axis + 1 :])
        add_to(low, body, node, place, in_range(number, node.shape[axis]), low.value(body, x, index))

    where_there_are(body, node.shape[axis], lambda: body.nest(x.shape, each))
    return low.finish(node, body, aligned=False, cost=node.type.size + x.type.size)


ROW_KERNELS: dict[str, Callable[[Lowering, Node], Kernel]] = {
    "add_rows": kernel_add_rows,
    "put_along": kernel_put_along,
    "scatter_add": kernel_scatter_add,
}
