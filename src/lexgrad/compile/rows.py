"""Kernels that write rows or entries by number, and the one that says which numbers are the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lexgrad.compile.body import Body, Index, clamped, in_range, offset, zero
from lexgrad.compile.fusion import puts_many
from lexgrad.compile.loops import (
    FIRST,
    LAST,
    ONE,
    ZERO,
    Access,
    Apply,
    Assign,
    Declare,
    Expression,
    Kernel,
    Let,
    Load,
    Local,
    Number,
    Store,
    Unless,
    While,
    add,
    extent,
)
from lexgrad.graph import Dim, Node, Size, Type, input_node, product
from lexgrad.ops.rows import distinct_from

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering


def kernel_scatter_add(low: Lowering, node: Node) -> Kernel:
    """Zeros, and rows added to them where their ids say, in their order."""
    rows, ids = node.inputs
    if node.ndim > 1:
        body = Body(extent=SHARES)
        by_rows(body, node, lambda place: low.store(body, node, place, zero(node.type.dtype)))
        return change_rows(low, node, body, added(node))
    body = Body(extent=1)
    low.fill(body, node, (ZERO, extent(node.shape[0])), zero(node.type.dtype))

    def each(index: Index) -> None:
        number = low.value(body, ids, index)
        inside = in_range(number, node.shape[0])
        add_to(low, body, node, (clamped(number, node.shape[0]),), inside, low.value(body, rows, index))

    where_there_are(body, node.shape[0], lambda: body.nest(ids.shape, each))
    return low.finish(node, body, aligned=False, cost=rows.type.size + node.type.size)


SHARES = 64
"""Into how many shares rows of a table are divided, spread: those of low numbers are often those of frequent words."""

NEIGHBOURS = 8
"""How many rows are of one share that are numbered as they are met: those that lie side by side, and may have a cache
line in common, come one behind the other too."""


def _own(node: Node, number: Expression) -> Expression:
    """Whether there is a row of this number, and it is of the shares that are to be done."""
    there = in_range(number, node.shape[0])
    if node.ndim == 1:
        return there
    block = number
    if isinstance(node.shape[0], Dim):
        block = Apply("floor_divide", (number, Number(NEIGHBOURS, "int")), "int")
    share = Apply("spread", (block, Number(SHARES, "int")), "int")
    for bound in (Apply("less_equal", (FIRST, share), "bool"), Apply("less", (share, LAST), "bool")):
        there = Apply("logical_and", (there, bound), "bool")
    return there


def _cost(node: Node, rows: Size) -> Size:
    """The cost of a share, where so many rows are gone through in all."""
    width = product(node.shape[1:])
    return rows * max(width // SHARES, 1) if isinstance(width, int) else rows * width


def by_rows(body: Body, node: Node, write: Callable[[Index], None]) -> None:
    """Loops over the rows of a table that are of the shares to be done."""

    def row(i: Local) -> None:
        only_if(body, _own(node, i), lambda: body.nest(node.shape[1:], lambda rest: write((i, *rest))))

    if node.ndim == 1:
        body.nest(node.shape, write)
    else:
        body.loop(ZERO, extent(node.shape[0]), row)


def by_columns(body: Body, node: Node, write: Callable[[Index], None]) -> None:
    """Loops over the columns of a table that are of the shares to be done, row after row."""
    if node.ndim == 1:
        body.nest(node.shape, write)
    else:
        body.nest(node.shape[:-1], lambda places: body.loop(FIRST, LAST, lambda j: write((*places, j)), "c"))


def add_to(low: Lowering, body: Body, node: Node, place: Index, inside: Expression, value: Expression) -> None:
    """Add a value to an entry of a kept node, or 0 where it does not belong ``inside``."""
    dtype = node.type.dtype
    old = Load(low.names[node], offset(node.shape, place), dtype)
    added = Apply("select", (inside, value, zero(dtype)), dtype)
    low.store(body, node, place, Apply("add", (old, added), dtype))


def only_if(body: Body, condition: Expression, write: Callable[[], None]) -> None:
    """What ``write`` writes, where a condition holds."""
    body.loop(ZERO, Apply("cast", (condition,), "int"), lambda _: write(), "once")


def where_there_are(body: Body, size: Size, write: Callable[[], None]) -> None:
    """What ``write`` writes, but only where ``size`` is not 0: without rows, there is no entry to add to."""
    if isinstance(size, Dim):
        body.loop(ZERO, Apply("minimum", (ONE, extent(size)), "int"), lambda _: write(), "once")
    elif size:
        write()


def kernel_add_rows(low: Lowering, node: Node) -> Kernel:
    """The table, and rows added to it in their order."""
    return change_rows(low, node, copied(low, node, node.inputs[0], SHARES, by_rows), added(node))


def kernel_set_rows(low: Lowering, node: Node) -> Kernel:
    """The table with other rows, the last one of each id."""
    return change_rows(low, node, copied(low, node, node.inputs[0], SHARES, by_rows), lambda old, new: new)


Change = Callable[[Expression, Expression], Expression]
"""What becomes of an entry, from what it was and what comes."""


def added(node: Node) -> Change:
    """The sum of an entry and what comes."""
    return lambda old, new: Apply("add", (old, new), node.type.dtype)


Over = Callable[[Body, Node, Callable[[Index], None]], None]


def copied(low: Lowering, node: Node, table: Node, shares: Size, over: Over) -> Body:
    """A kernel which begins with a copy, unless the result takes the table's place."""
    body = Body(extent=shares if node.ndim > 1 else 1)

    def copy(place: Index) -> None:
        body.entry = place
        low.store(body, node, place, low.value(body, table, place))
        body.entry = None

    body.scopes.append([])
    over(body, node, copy)
    copying = tuple(body.scopes.pop())
    if table in low.names:
        body.put(Unless(low.names[node], low.names[table], copying))
    else:
        body.scopes[-1].extend(copying)
    return body


def change_rows(low: Lowering, node: Node, body: Body, change: Change) -> Kernel:
    """Each thread changes, in their order, the rows that are its own: of a table, or of the zeros of a scatter.

    Args:
        low: writes the kernels.
        node: its last two operands are the rows that come and their ids; a table, if there is one, is the first.
        body: begins with the table's rows, or with zeros.
        change: what becomes of an entry.
    """
    *tables, rows, ids = node.inputs
    dtype = node.type.dtype
    apart = bool(tables) and distinct_from(ids) is not None

    def one(index: Index) -> None:
        number = low.value(body, ids, index)

        def entry(rest: Index) -> None:
            place = (clamped(number, node.shape[0]), *rest)
            if apart and tables[0] in low.names:
                # Nothing else changes this row, so it is read before it is written also where it is overwritten.
                body.entry, body.only = place, low.names[tables[0]]
            new = low.value(body, rows, (*index, *rest))
            body.entry = body.only = None
            old = Load(low.names[node], offset(node.shape, place), dtype)
            low.store(body, node, place, change(old, new))

        only_if(body, _own(node, number), lambda: body.nest(node.shape[1:], entry))

    where_there_are(body, node.shape[0], lambda: body.nest(ids.shape, one))
    gone_through = product(ids.shape) if tables else node.shape[0] + product(ids.shape)
    kernel = low.finish(node, body, aligned=False, cost=_cost(node, gone_through))
    return replace(kernel, picked=low.names.get(ids, "") if apart else "")


def kernel_order_met(low: Lowering, node: Node) -> Kernel:
    """Places by id in a table of twice as many slots, tried one after the other; a slot has a place + 1, or 0.

    How many different ids there are is left in a buffer of its own: see ``met``.
    """
    (ids,) = node.inputs
    size = extent(2 * node.shape[0])
    table = f"{low.names[node]}_table"
    low.all.buffers[table] = input_node(table, Type("int", (2 * node.shape[0],)))
    low.all.buffers[met(low, node)] = input_node(met(low, node), Type("int", ()))
    body = Body(extent=1)
    body.loop(ZERO, size, lambda slot: body.put(Store(table, slot, ZERO)), "z")
    slot, found, count = (Local(name, "int") for name in ("slot", "found", "count"))
    body.put(Declare(count.name, ZERO))

    def each(place: Local) -> None:
        number = low.value(body, ids, (place,))
        body.put(Declare(slot.name, Apply("spread", (number, size), "int")))
        body.put(Declare(found.name, Load(table, slot, "int")))
        there = Apply("maximum", (ZERO, Apply("subtract", (found, ONE), "int")), "int")
        other = Apply("not_equal", (low.value(body, ids, (there,)), number), "bool")
        taken = Apply("not_equal", (found, ZERO), "bool")
        following = add(slot, ONE)
        around = Apply("select", (Apply("equal", (following, size), "bool"), ZERO, following), "int")
        step = (Assign(slot.name, around), Assign(found.name, Load(table, slot, "int")))
        body.put(While(Apply("logical_and", (taken, other), "bool"), step))
        first, order = Local(body.fresh("f"), "int"), Local(body.fresh("o"), "int")
        body.put(Let(first.name, Apply("select", (taken, found, add(place, ONE)), "int")))
        body.put(Store(table, slot, first))
        nothing = Apply("less", (number, ZERO), "bool")
        known = Load(low.names[node], there, "int")
        some = Apply("select", (taken, known, count), "int")
        body.put(Let(order.name, Apply("select", (nothing, Number(-1, "int"), some), "int")))
        low.store(body, node, (place,), order)
        body.put(Assign(count.name, Apply("maximum", (count, add(order, ONE)), "int")))

    body.loop(ZERO, extent(node.shape[0]), each, "p")
    body.put(Store(met(low, node), ZERO, count))
    kernel = low.finish(node, body, aligned=False, cost=node.type.size * 10)
    return replace(kernel, writes=(Access(table, False), Access(met(low, node), False), *kernel.writes))


def met(low: Lowering, order: Node) -> str:
    """The buffer in which the kernel of an ``order_met`` leaves how many different ids it has met."""
    return f"{low.names[order]}_count"


def kernel_put_along(low: Lowering, node: Node) -> Kernel:
    """Zeros, and values added to them where their indices along the axis say, in their order."""
    if not puts_many(node):
        return low.pointwise(node)
    body = Body(extent=node.shape[-1] if node.ndim > 1 else 1)
    by_columns(body, node, lambda place: low.store(body, node, place, zero(node.type.dtype)))
    return add_entries(low, node, body)


def kernel_add_along(low: Lowering, node: Node) -> Kernel:
    """What there is, and values added to it where their indices along the axis say, in their order."""
    return add_entries(low, node, copied(low, node, node.inputs[0], node.shape[-1], by_columns))


def add_entries(low: Lowering, node: Node, body: Body) -> Kernel:
    """Add values to a node that has been begun; a thread adds to the columns that are its own."""
    x, ids = node.inputs[-2:]
    axis, dtype = node.attributes["axis"], node.type.dtype
    along = axis == node.ndim - 1

    def each(index: Index) -> None:
        number = low.value(body, ids, index)
        place = (*index[:axis], clamped(number, node.shape[axis]), *index[axis + 1 :])
        inside = in_range(number, node.shape[axis])
        if along and node.ndim > 1:
            for bound in (Apply("less_equal", (FIRST, number), "bool"), Apply("less", (number, LAST), "bool")):
                inside = Apply("logical_and", (inside, bound), "bool")

        def add_value() -> None:
            old = Load(low.names[node], offset(node.shape, place), dtype)
            low.store(body, node, place, Apply("add", (old, low.value(body, x, index)), dtype))

        only_if(body, inside, add_value)

    def row(places: Index) -> None:
        first, last = (ZERO, extent(x.shape[-1])) if along else (FIRST, LAST)
        body.loop(first, last, lambda j: each((*places, j)), "c")

    where_there_are(body, node.shape[axis], lambda: body.nest(x.shape[:-1], row))
    return low.finish(node, body, aligned=False, cost=product(x.shape[:-1]) + product(node.shape[:-1]))


ROW_KERNELS: dict[str, Callable[[Lowering, Node], Kernel]] = {
    "add_along": kernel_add_along,
    "add_rows": kernel_add_rows,
    "order_met": kernel_order_met,
    "put_along": kernel_put_along,
    "scatter_add": kernel_scatter_add,
    "set_rows": kernel_set_rows,
}
