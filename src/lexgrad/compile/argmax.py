"""Kernels of argmax: the largest entry is found in vectors, and then where it stands, in the one part that has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lexgrad.compile.body import Body, Index, offset
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
    add,
    extent,
    multiply,
)
from lexgrad.compile.reductions import LOWEST, reduce, some_at_a_time
from lexgrad.graph import DType, Node, Type, input_node, product

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering

PART = 512
"""Entries of a part: one is gone through again, so that they should be few for a row, and long for a vector."""

SHORT = 8
"""Entries side by side up to which it is not worth to go along them in vectors: several rows are, side by side."""


def kernel_argmax(low: Lowering, node: Node) -> Kernel:
    """The position of the first largest entry along an axis, or of the first NaN."""
    (x,) = node.inputs
    axis = node.attributes["axis"]
    if axis < x.ndim - 1 and not (isinstance(node.shape[-1], int) and node.shape[-1] <= SHORT):
        return _over_rows(low, node)

    def fold(body: Body, kept: Index, _: Index) -> None:
        low.store(body, node, kept, _first_largest(low, body, x, axis, kept))

    return reduce(low, node, (axis,), fold)


def _first_largest(low: Lowering, body: Body, x: Node, axis: int, kept: Index) -> Local:
    """The local that holds the position, given the place along the other axes."""
    size, dtype = extent(x.shape[axis]), x.type.dtype

    def entry(i: Expression) -> Expression:
        return low.value(body, x, (*kept[:axis], i, *kept[axis:]))

    if isinstance(size, Number) and size.value <= SHORT:
        return _one_by_one(body, entry, size, dtype)

    def largest(start: Expression, stop: Expression) -> Local:
        top = Local(body.fresh("s"), dtype)
        body.put(Declare(top.name, LOWEST[dtype]))

        def fold(i: Local) -> None:
            body.put(Assign(top.name, Apply("fold_maximum", (top, entry(i)), dtype)))

        body.loop(start, stop, fold, terms=PART)
        return top

    def end(start: Expression) -> Expression:
        return Apply("minimum", (add(start, Number(PART, "int")), size), "int")

    start: Expression = ZERO
    stop: Expression = size
    if isinstance(size, Number) and size.value <= PART:
        best = largest(ZERO, size)
    else:
        best, where = Local(body.fresh("b"), dtype), Local(body.fresh("w"), "int")
        body.put(Declare(best.name, LOWEST[dtype]))
        body.put(Declare(where.name, ZERO))

        def part(number: Local) -> None:
            here = multiply(number, Number(PART, "int"))
            top, better = largest(here, end(here)), Local(body.fresh("q"), "bool")
            body.put(Let(better.name, Apply("beats", (top, best), "bool")))
            body.put(Assign(best.name, Apply("select", (better, top, best), dtype)))
            body.put(Assign(where.name, Apply("select", (better, here, where), "int")))

        rounded = add(size, Number(PART - 1, "int"))
        parts = Apply("floor_divide", (rounded, Number(PART, "int")), "int")
        body.loop(ZERO, Number(-(-size.value // PART), "int") if isinstance(size, Number) else parts, part, "p")
        start, stop = where, end(where)
    first = Local(body.fresh("f"), "int")
    body.put(Declare(first.name, size))

    def look(i: Local) -> None:
        beaten = Apply("beats", (best, entry(i)), "bool")  # the largest does not beat itself, nor NaN another NaN
        place = Apply("select", (beaten, size, i), "int")
        body.put(Assign(first.name, Apply("minimum", (first, place), "int")))

    body.loop(start, stop, look)
    return first


def _one_by_one(body: Body, entry: Callable[[Expression], Expression], size: Number, dtype: DType) -> Local:
    """The same for short rows: each entry is compared with the largest so far."""
    best, where = Local(body.fresh("b"), dtype), Local(body.fresh("w"), "int")
    body.put(Declare(best.name, entry(ZERO)))
    body.put(Declare(where.name, ZERO))

    def compare(i: Local) -> None:
        value, better = entry(i), Local(body.fresh("q"), "bool")
        body.put(Let(better.name, Apply("beats", (value, best), "bool")))
        body.put(Assign(best.name, Apply("select", (better, value, best), dtype)))
        body.put(Assign(where.name, Apply("select", (better, i, where), "int")))

    body.loop(ONE, size, compare)
    return where


def keep_first(
    low: Lowering, body: Body, node: Node, best: str, index: Index, entries: Sequence[tuple[Expression, Expression]]
) -> None:
    """Compare values with the largest so far, in the buffer ``best``; where one is larger, ``node`` has its place now.

    Places rise, so that the one to keep is the larger one: all is written, whatever the comparison says. To write some
    entries of a vector alone takes longer, and so does reading them again.

    Args:
        low: the graph's kernels.
        body: this kernel.
        node: whose entry is found.
        best: the buffer of what is largest.
        index: which entry.
        entries: values and their places.
    """
    here, dtype = offset(node.shape, index), entries[0][0].dtype
    largest: Expression = Load(best, here, dtype)
    where: Expression = low.result(node, index)
    for number, (value, place) in enumerate(entries):
        new, later = Local(body.fresh("v"), dtype), Local(body.fresh("w"), "int")
        if number:
            before, largest = largest, Local(body.fresh("l"), dtype)
            body.put(Let(largest.name, before))
        body.put(Let(new.name, value))
        body.put(Let(later.name, Apply("select", (Apply("beats", (new, largest), "bool"), place, ZERO), "int")))
        largest = Apply("fold_maximum", (largest, new), dtype)
        where = Apply("maximum", (where, later), "int")
    body.put(Store(best, here, largest))
    low.store(body, node, index, where)


def _over_rows(low: Lowering, node: Node) -> Kernel:
    """The same where other entries lie side by side: row after row is compared with the largest so far.

    That is in a buffer of its own, so that the inner loop runs along memory.
    """
    (x,), axis = node.inputs, node.attributes["axis"]
    dtype = x.type.dtype
    best = f"{low.names[node]}_best"
    low.all.buffers[best] = input_node(best, Type(dtype, node.shape))

    def write(body: Body, over: Callable[[Callable[[Index], None]], None]) -> None:
        def clear(index: Index) -> None:
            body.put(Store(best, offset(node.shape, index), LOWEST[dtype]))
            low.store(body, node, index, ZERO)

        def compare(index: Index, rows: Sequence[Expression]) -> None:
            entries = [(low.value(body, x, (*index[:axis], row, *index[axis:])), row) for row in rows]
            keep_first(low, body, node, best, index, entries)

        over(clear)
        some_at_a_time(low, body, x, axis, lambda rows: over(lambda index: compare(index, rows)))

    cost = product(node.shape[1:]) * x.shape[axis]
    if axis:

        def share(body: Body, row: Index) -> None:
            write(body, lambda entry: body.nest(node.shape[1:], lambda rest: entry((*row, *rest))))

        kernel = low.shares(node, node.shape, share, cost)
    else:
        body = Body(extent=node.shape[0])

        def columns(entry: Callable[[Index], None]) -> None:
            body.loop(FIRST, LAST, lambda j: body.nest(node.shape[1:], lambda rest: entry((j, *rest))), "r")

        write(body, columns)
        kernel = low.finish(node, body, aligned=True, cost=cost)
    return replace(kernel, writes=(Access(best, True), *kernel.writes))
