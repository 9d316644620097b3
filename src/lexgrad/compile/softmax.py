"""Kernels of logsumexp and softmax over rows: memory is read ahead of the exponentials, and these are taken once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lexgrad.compile.body import Body, Index, adding, zero
from lexgrad.compile.loops import (
    ZERO,
    Apply,
    Assign,
    Declare,
    Expression,
    Kernel,
    Let,
    Local,
    Number,
    add,
    extent,
    multiply,
)
from lexgrad.compile.reductions import LOWEST, accumulate, reduce
from lexgrad.compile.rowwise import LEAST
from lexgrad.graph import Node

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering

AHEAD = 1024
"""Entries of a block, two of which are in the nearest cache together."""

LONG = 4 * AHEAD
"""Entries of a row from which on it has left the nearest cache before its exponentials are taken."""

LONGEST = 32 * AHEAD
"""Entries of a row from which on it and its softmax no longer fit into the second cache, with room to spare."""


def kernel_logsumexp(low: Lowering, node: Node) -> Kernel:
    """The largest entry, and the logarithm of the sum of exp of what entries are above it."""
    (x,) = node.inputs
    axes = node.attributes["axes"]

    def fold(body: Body, kept: Index, _: Index) -> None:
        total, shift = (_in_blocks if is_long(x, axes) else _at_once)(low, body, x, axes, kept)
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


def _in_blocks(low: Lowering, body: Body, x: Node, axes: tuple[int, ...], kept: Index) -> tuple[Local, Local]:
    """The same in one pass through memory: exp of one block and the largest entry of the next, side by side.

    When something larger comes, what has been added up is taken relative to that ("online" softmax: Milakov and
    Gimelshein, 2018, here by blocks). The first block is as long as what is left over, and shares its shift with the
    second one.
    """
    width = x.shape[-1]
    assert isinstance(width, int)
    blocks, rest = divmod(width, AHEAD)
    block = Number(AHEAD, "int")
    total, shift, largest = (Local(body.fresh(prefix), "float") for prefix in ("s", "m", "l"))

    def entry(i: Expression) -> Expression:
        return low.value(body, x, (*kept, i))

    def take(local: Local, operation: str, value: Expression) -> None:
        body.put(Assign(local.name, Apply(operation, (local, value), "float")))

    body.put(Declare(largest.name, LOWEST["float"]))
    body.loop(ZERO, Number(rest + AHEAD, "int"), lambda i: take(largest, "fold_maximum", entry(i)))
    body.put(Declare(shift.name, _finite(largest)))
    body.put(Declare(total.name, zero("float")))
    if rest:
        operation, terms = adding((rest,))
        body.loop(ZERO, Number(rest, "int"), lambda i: take(total, operation, _above(entry(i), shift)), terms=terms)

    def one(number: Local) -> None:
        begin = add(multiply(number, block), Number(rest, "int"))
        ahead = Apply("minimum", (add(begin, block), Number(width - AHEAD, "int")), "int")  # there is none at the end
        larger = Local(body.fresh("n"), "float")
        body.put(Declare(larger.name, largest))

        def both(i: Local) -> None:
            take(total, "fold_add", _above(entry(add(begin, i)), shift))
            take(larger, "fold_maximum", entry(add(ahead, i)))

        body.loop(ZERO, block, both)
        body.put(Assign(shift.name, _finite(larger)))
        take(total, "multiply", _above(largest, shift))
        body.put(Assign(largest.name, larger))

    body.loop(ZERO, Number(blocks, "int"), one, "b")
    return total, shift


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

    Where the largest is infinite or NaN, exp(x - largest) is what there is to say already: 0, or NaN.
    """
    width, one = extent(x.shape[-1]), Number(1.0, "float")
    operation, terms = adding((x.shape[-1],))

    def share(body: Body, row: Index) -> None:
        def entries(rest: Index) -> None:
            kept = (*row, *rest)
            axes, lowest = (x.ndim - 1,), LOWEST["float"]
            largest = accumulate(low, body, x, axes, kept, lowest, "fold_maximum", lambda e, _: e)
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

            body.loop(ZERO, width, term, terms=terms)
            finite = Apply("is_finite", (largest,), "bool")
            share_of_one = Apply("divide", (one, total), "float")
            body.put(Let(scale.name, Apply("select", (finite, share_of_one, one), "float")))
            body.loop(ZERO, width, divide)

        body.nest(node.shape[1:-1], entries)

    kernel = low.shares(node, node.shape, share)
    # A row is read to its end before anything of it is written that is not read just then.
    return replace(kernel, reads=tuple(replace(access, exact=access.aligned) for access in kernel.reads))
