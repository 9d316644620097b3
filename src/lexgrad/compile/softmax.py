"""Kernels of logsumexp and softmax over rows: memory is read ahead of the exponentials, and these are taken once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lexgrad.compile.body import Body, Index, adding, zero
from lexgrad.compile.loops import (
    ONE,
    ZERO,
    Apply,
    Assign,
    Declare,
    Expression,
    Kernel,
    Let,
    Local,
    Number,
    extent,
)
from lexgrad.compile.reductions import LOWEST, accumulate, reduce
from lexgrad.compile.rowwise import LEAST
from lexgrad.graph import Node

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering

AHEAD = 1024
"""Entries of a long row whose largest one is what others are taken relative to."""

MOST = Number(2.0**100, "float")
"""Above any sum of exponentials that are small enough to be added up."""

LONG = 4 * AHEAD
"""Entries of a row from which on it has left the nearest cache before its exponentials are taken."""

LONGEST = 32 * AHEAD
"""Entries of a row from which on it and its softmax no longer fit into the second cache, with room to spare."""


def kernel_logsumexp(low: Lowering, node: Node) -> Kernel:
    """The largest entry, and the logarithm of the sum of exp of what entries are above it."""
    (x,) = node.inputs
    axes = node.attributes["axes"]

    def fold(body: Body, kept: Index, _: Index) -> None:
        total, shift = (_at_a_guess if is_long(x, axes) else _at_once)(low, body, x, axes, kept)
        low.store(body, node, kept, Apply("add", (Apply("log", (total,), "float"), shift), "float"))

    return reduce(low, node, axes, fold)


def is_long(x: Node, axes: tuple[int, ...]) -> bool:
    """Whether these are long rows, which are worth to be cut into blocks."""
    width = x.shape[-1] if axes == (x.ndim - 1,) else 0
    return isinstance(width, int) and width >= LONG


def _at_once(low: Lowering, body: Body, x: Node, axes: tuple[int, ...], kept: Index) -> tuple[Local, Local]:
    """The sum of exp(x - shift) over axes, and the shift: what is largest, or 0 if that is infinite or NaN."""
    largest = accumulate(low, body, x, axes, kept, LOWEST["float"], "fold_maximum", lambda e, _: e)
    shift = Local(body.fresh("m"), "float")
    body.put(Let(shift.name, _finite(largest)))
    return accumulate(low, body, x, axes, kept, zero("float"), "add", lambda e, _: _above(e, shift)), shift


def _at_a_guess(low: Lowering, body: Body, x: Node, axes: tuple[int, ...], kept: Index) -> tuple[Local, Local]:
    """The same in one pass through memory: entries are taken relative to the largest of the first ones.

    That serves as well, however much larger others are, until the sum overflows; or it is less than 1, if all of the
    first ones are infinitely small. Then, and where there is NaN, the largest of all is looked for.
    """
    width = extent(x.shape[-1])
    operation, terms = adding(x.shape[-1:])
    first = _largest_of_first(low, body, x, kept)
    total, shift = Local(body.fresh("s"), "float"), Local(body.fresh("m"), "float")
    body.put(Declare(shift.name, _finite(first)))
    body.put(Declare(total.name, zero("float")))

    def term(i: Local) -> None:
        value = _above(low.value(body, x, (*kept, i)), shift)
        body.put(Assign(total.name, Apply(operation, (total, value), "float")))

    def again(_: Local) -> None:
        exact, largest = _at_once(low, body, x, axes, kept)
        body.put(Assign(total.name, exact))
        body.put(Assign(shift.name, largest))

    body.loop(ZERO, width, term, terms=terms)
    body.loop(ZERO, _out_of_range(total), again, "once")
    return total, shift


def _largest_of_first(low: Lowering, body: Body, x: Node, kept: Index) -> Local:
    """The largest of the first entries of a long row."""
    first = Local(body.fresh("l"), "float")
    body.put(Declare(first.name, LOWEST["float"]))

    def fold(i: Local) -> None:
        entry = low.value(body, x, (*kept, i))
        body.put(Assign(first.name, Apply("fold_maximum", (first, entry), "float")))

    body.loop(ZERO, Number(AHEAD, "int"), fold, terms=AHEAD)
    return first


def _out_of_range(total: Expression) -> Expression:
    """1 if a sum is NaN, or less than 1, or so large that its reciprocal is no normal number; else 0."""
    bounds = Apply("less_equal", (Number(1.0, "float"), total), "bool"), Apply("less", (total, MOST), "bool")
    inside = Apply("logical_and", bounds, "bool")
    return Apply("select", (inside, ZERO, ONE), "int")


def _finite(largest: Expression) -> Expression:
    """What entries are taken relative to: the largest one, or 0 where that would make NaN of all of them."""
    return Apply("select", (Apply("is_finite", (largest,), "bool"), largest, zero("float")), "float")


def _above(entry: Expression, shift: Expression) -> Expression:
    """exp(entry - shift)."""
    return Apply("exp", (Apply("subtract", (entry, shift), "float"),), "float")


def softmax_of(node: Node) -> Node | None:
    """The logsumexp(x) of a node that is exp(x - logsumexp(x)), a softmax of rows; None for any other node.

    Also for rows that are better off without a kernel of their own: short ones side by side in vectors, and long ones
    with exponentials taken twice, for they leave the caches before they could be divided by their sum.
    """
    if node.primitive.name != "exp" or node.ndim < 2 or node.inputs[0].primitive.name != "subtract":
        return None
    if isinstance(node.shape[-1], int) and not LEAST <= node.shape[-1] < LONGEST:
        return None
    x, spread = node.inputs[0].inputs
    if spread.primitive.name != "broadcast" or spread.inputs[0].primitive.name != "logsumexp":
        return None
    (logsumexp,), last = spread.inputs, node.ndim - 1
    rows = spread.attributes["axes"] == tuple(range(last)) and logsumexp.attributes["axes"] == (last,)
    return logsumexp if rows and logsumexp.inputs[0] is x else None


def kernel_softmax(low: Lowering, node: Node, x: Node) -> Kernel:
    """exp(x - largest) of each row, taken once and written down, and then divided by its sum.

    Where the largest is infinite or NaN, exp(x - largest) is what there is to say already: 0, or NaN. Of a long row it
    is the largest of the first ones, as for the logsumexp.
    """
    width, one = extent(x.shape[-1]), Number(1.0, "float")
    operation, terms = adding((x.shape[-1],))
    axes = (x.ndim - 1,)
    long = is_long(x, axes)

    def share(body: Body, row: Index) -> None:
        def entries(rest: Index) -> None:
            kept = (*row, *rest)

            def of_all() -> Local:
                return accumulate(low, body, x, axes, kept, LOWEST["float"], "fold_maximum", lambda e, _: e)

            largest = _largest_of_first(low, body, x, kept) if long else of_all()
            total, scale = Local(body.fresh("s"), "float"), Local(body.fresh("d"), "float")
            body.put(Declare(total.name, zero("float")))

            def term(i: Local) -> None:
                value = Local(body.fresh("e"), "float")
                body.put(Let(value.name, _above(low.value(body, x, (*kept, i)), largest)))
                low.store(body, node, (*kept, i), value)
                body.put(Assign(total.name, Apply(operation, (total, value), "float")))

            def divide(i: Local) -> None:
                place = (*kept, i)
                low.store(body, node, place, Apply("multiply", (low.result(node, place), scale), "float"))

            def again(_: Local) -> None:
                body.put(Assign(largest.name, of_all()))
                body.put(Assign(total.name, zero("float")))
                body.loop(ZERO, width, term, terms=terms)

            body.loop(ZERO, width, term, terms=terms)
            if long:
                body.loop(ZERO, _out_of_range(total), again, "once")
            finite = Apply("is_finite", (largest,), "bool")
            share_of_one = Apply("divide", (one, total), "float")
            body.put(Let(scale.name, Apply("select", (finite, share_of_one, one), "float")))
            body.loop(ZERO, width, divide)

        body.nest(node.shape[1:-1], entries)

    kernel = low.shares(node, node.shape, share)
    if long:
        return kernel
    # A row is read to its end before anything of it is written that is not read just then.
    return replace(kernel, reads=tuple(replace(access, exact=access.aligned) for access in kernel.reads))
