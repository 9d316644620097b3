"""Kernels over the texts of a packed batch: sum, max and repeat, each text a share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lexgrad.compile.body import Body, Index, between, offset, zero
from lexgrad.compile.loops import (
    ONE,
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
)
from lexgrad.graph import Node, Size, product

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering


def bounds(low: Lowering, body: Body, offsets: Node, text: Expression, rows: Size) -> tuple[Expression, Expression]:
    """Where a text begins and ends, kept inside the rows that there are."""
    start, stop = low.value(body, offsets, (text,)), low.value(body, offsets, (add(text, ONE),))
    return between(start, rows), between(stop, rows)


def kernel_segment_sum(low: Lowering, node: Node) -> Kernel:
    """The sum of each text's rows, row after row."""
    x, offsets = node.inputs

    def share(body: Body, row: Index) -> None:
        start, stop = bounds(low, body, offsets, row[0], x.shape[0])
        body.nest(node.shape[1:], lambda rest: low.store(body, node, (*row, *rest), zero(node.type.dtype)))

        def token(t: Local) -> None:
            def entry(rest: Index) -> None:
                here = offset(node.shape, (*row, *rest))
                old = Load(low.names[node], here, "float")
                new = Apply("add", (old, low.value(body, x, (t, *rest))), "float")
                body.put(Store(low.names[node], here, new))

            body.nest(node.shape[1:], entry)

        body.loop(start, stop, token, "t")

    return low.shares(node, node.shape, share, product(node.shape[1:]) * 32)


def kernel_segment_max(low: Lowering, node: Node) -> Kernel:
    """The largest entry of each text's rows, or NaN where there is one; 0 for an empty text."""
    return segment_best(low, node, where=False)


def kernel_segment_argmax(low: Lowering, node: Node) -> Kernel:
    """The row where each text's maximum stands; -1 for an empty text, and where the maximum is NaN."""
    return segment_best(low, node, where=True)


def segment_best(low: Lowering, node: Node, where: bool) -> Kernel:
    """The largest entry of each text's rows, or ``where`` it stands."""
    x, offsets = node.inputs

    def share(body: Body, row: Index) -> None:
        start, stop = bounds(low, body, offsets, row[0], x.shape[0])

        def entry(rest: Index) -> None:
            best, place = Local(body.fresh("b"), "float"), Local(body.fresh("w"), "int")
            body.put(Declare(best.name, Number(float("-inf"), "float")))
            body.put(Declare(place.name, Number(-1, "int")))

            def token(t: Local) -> None:
                value = low.value(body, x, (t, *rest))
                better = Local(body.fresh("q"), "bool")
                first = Apply("equal", (t, start), "bool")
                beats = Apply("beats", (value, best), "bool")
                body.put(Let(better.name, Apply("logical_or", (first, beats), "bool")))
                body.put(Assign(best.name, Apply("select", (better, value, best), "float")))
                body.put(Assign(place.name, Apply("select", (better, t, place), "int")))

            body.loop(start, stop, token, "t")
            if where:
                number = Apply("equal", (best, best), "bool")
                low.store(body, node, (*row, *rest), Apply("select", (number, place, Number(-1, "int")), "int"))
            else:
                empty = Apply("less_equal", (stop, start), "bool")
                low.store(body, node, (*row, *rest), Apply("select", (empty, zero("float"), best), "float"))

        body.nest(node.shape[1:], entry)

    return low.shares(node, node.shape, share, product(node.shape[1:]) * 32)


def kernel_segment_repeat(low: Lowering, node: Node) -> Kernel:
    """Each text's row, once for every row of that text."""
    x, offsets = node.inputs

    def share(body: Body, row: Index) -> None:
        start, stop = bounds(low, body, offsets, row[0], node.shape[0])

        def token(t: Local) -> None:
            body.nest(
                node.shape[1:],
                lambda rest: low.store(body, node, (t, *rest), low.value(body, x, (*row, *rest))),
            )

        body.loop(start, stop, token, "t")

    kernel = low.shares(node, x.shape, share, product(node.shape[1:]) * 32)
    return replace(kernel, writes=(Access(low.names[node], False),))


SEGMENT_KERNELS: dict[str, Callable[[Lowering, Node], Kernel]] = {
    "segment_argmax": kernel_segment_argmax,
    "segment_max": kernel_segment_max,
    "segment_repeat": kernel_segment_repeat,
    "segment_sum": kernel_segment_sum,
}
