"""Rows that are added to a table in great number and are never in memory: products of winners with weights, say.

They are told apart first by the row of the table that they go to, in a counting sort that keeps their order (Knuth,
TAOCP 3, 5.2). Then each row of the table passes through registers, ``BLOCK`` columns at a time, while all that goes to
it is added; added as they come, each would be a load and a store of a row of the table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lexgrad.compile.body import Body, Index, in_range, offset, zero
from lexgrad.compile.loops import (
    BLOCK,
    FIRST,
    LAST,
    ONE,
    SUMS,
    ZERO,
    Access,
    Apply,
    Block,
    Expression,
    Kernel,
    Load,
    Local,
    Number,
    Store,
    Unless,
    add,
    extent,
    multiply,
)
from lexgrad.graph import Node, Shape, Size, Type, input_node, product

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering

TURNS = 16
"""Threads take rows in turns, for those that are met first have most to be added."""


def grouped(low: Lowering, node: Node) -> bool:
    """Whether a node's rows are computed where they are added, and are many for each row of the table."""
    if node.primitive.name not in ("add_rows", "scatter_add") or node.ndim != 2 or node.type.dtype != "float":
        return False
    rows, ids = node.inputs[-2:]
    width = node.shape[1]
    return ids.ndim > 1 and isinstance(width, int) and width >= BLOCK and rows not in low.names


def kernel_groups(low: Lowering, node: Node) -> Kernel:
    """Which rows go to each row of the table: their numbers, in ``entries``, from one of ``starts`` to the next."""
    ids = node.inputs[-1]
    starts, entries = _buffers(low, node)
    body = Body(extent=1)
    body.loop(ZERO, extent(node.shape[0] + 2), lambda i: body.put(Store(starts, i, ZERO)), "z")

    def change(place: Expression, by: Expression) -> None:
        body.put(Store(starts, place, add(Load(starts, place, "int"), by)))

    def each(write: Callable[[Index, Expression], None]) -> None:
        def one(index: Index) -> None:
            number = low.value(body, ids, index)
            there = Apply("cast", (in_range(number, node.shape[0]),), "int")
            body.loop(ZERO, there, lambda _: write(index, number), "once")

        body.nest(ids.shape, one)

    each(lambda _, number: change(add(number, Number(2, "int")), ONE))
    body.loop(ZERO, extent(node.shape[0] + 1), lambda i: change(add(i, ONE), Load(starts, i, "int")), "i")

    def put(index: Index, number: Expression) -> None:
        body.put(Store(entries, Load(starts, add(number, ONE), "int"), offset(ids.shape, index)))
        change(add(number, ONE), ONE)

    each(put)
    writes = (Access(starts, False), Access(entries, False))
    cost = ids.type.size * 4 + node.shape[0] * 2
    return Kernel(
        f"k.{starts}", 1, tuple(body.scopes[0]), tuple(body.reads.values()), writes, cost, "rows by their ids"
    )


def kernel_grouped(low: Lowering, node: Node) -> Kernel:
    """The table, or zeros, and what goes to each of its rows, in its order."""
    table = node.inputs[0] if node.primitive.name == "add_rows" else None
    body = Body(extent=TURNS)

    def begin(row: Expression) -> None:
        def entry(column: Local) -> None:
            body.entry = (row, column)
            value = zero("float") if table is None else low.value(body, table, body.entry)
            low.store(body, node, body.entry, value)
            body.entry = None

        body.loop(ZERO, extent(node.shape[1]), entry, "c")

    body.scopes.append([])
    _in_turn(body, node, begin)
    beginning = tuple(body.scopes.pop())
    if table in low.names:
        body.put(Unless(low.names[node], low.names[table], beginning))
    else:
        body.scopes[-1].extend(beginning)
    _in_turn(body, node, lambda row: _add_up(low, body, node, row))
    return low.finish(node, body, aligned=False, cost=product(node.inputs[-2].shape))


def _in_turn(body: Body, node: Node, write: Callable[[Expression], None]) -> None:
    """Every row of the table: those with one remainder by ``TURNS`` are a share."""
    turns = Number(TURNS, "int")

    def turn(lane: Local) -> None:
        left = Apply("subtract", (add(extent(node.shape[0]), Number(TURNS - 1, "int")), lane), "int")
        body.loop(
            ZERO, Apply("floor_divide", (left, turns), "int"), lambda i: write(add(multiply(i, turns), lane)), "t"
        )

    body.loop(FIRST, LAST, turn, "r")


def _add_up(low: Lowering, body: Body, node: Node, row: Expression) -> None:
    """Add to a row of the table what goes there, if anything does, block by block."""
    rows, ids = node.inputs[-2:]
    starts, entries = _buffers(low, node)
    for buffer in (starts, entries):
        body.read(buffer, aligned=False)
    start, stop = Load(starts, row, "int"), Load(starts, add(row, ONE), "int")
    width = node.shape[1]
    assert isinstance(width, int)

    def block(number: Local) -> None:
        own = multiply(number, Number(BLOCK, "int"))
        left = Apply("minimum", (own, Number(width - BLOCK, "int")), "int")

        def over(write: Callable[[Local, Expression], None]) -> None:
            body.loop(ZERO, Number(BLOCK, "int"), lambda i: write(i, add(left, i)), "c")

        def entry(e: Local) -> None:
            index = _places(Load(entries, e, "int"), ids.shape)

            def one(i: Local, column: Expression) -> None:
                new = low.value(body, rows, (*index, column))
                body.put(Store(SUMS, i, Apply("add", (Load(SUMS, i, "float"), new), "float")))

            over(one)

        def store(i: Local, column: Expression) -> None:
            before = Apply("less", (column, own), "bool")  # of the last block, what the one before it has done
            total = Apply("select", (before, low.result(node, (row, column)), Load(SUMS, i, "float")), "float")
            low.store(body, node, (row, column), total)

        body.put(Block(SUMS))
        over(lambda i, column: body.put(Store(SUMS, i, low.result(node, (row, column)))))
        body.loop(start, stop, entry, "e")
        over(store)

    some = Apply("cast", (Apply("less", (start, stop), "bool"),), "int")
    body.loop(ZERO, some, lambda _: body.loop(ZERO, Number(-(-width // BLOCK), "int"), block, "b"), "once")


def _buffers(low: Lowering, node: Node) -> tuple[str, str]:
    ids = node.inputs[-1]
    sizes: dict[str, Size] = {"starts": node.shape[0] + 2, "entries": product(ids.shape)}
    names = []
    for kind, size in sizes.items():
        name = f"{low.names[node]}_{kind}"
        low.all.buffers.setdefault(name, input_node(name, Type("int", (size,))))
        names.append(name)
    return names[0], names[1]


def _places(entry: Expression, shape: Shape) -> Index:
    """Where entry number ``entry`` of an array stands, by axis."""
    places: list[Expression] = []
    for size in reversed(shape[1:]):
        rest = Apply("floor_divide", (entry, extent(size)), "int")
        places.append(Apply("subtract", (entry, multiply(rest, extent(size))), "int"))
        entry = rest
    return (entry, *reversed(places))
