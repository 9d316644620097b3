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
    Expression,
    Kernel,
    Let,
    Load,
    Local,
    Number,
    Store,
    add,
)
from lexgrad.graph import Node, Size, Type, input_node, product

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
                old = low.result(node, (*row, *rest))
                low.store(body, node, (*row, *rest), Apply("add", (old, low.value(body, x, (t, *rest))), "float"))

            body.nest(node.shape[1:], entry)

        body.loop(start, stop, token, "t")

    return low.shares(node, node.shape, share, product(node.shape[1:]) * 32)


def kernel_segment_max(low: Lowering, node: Node) -> Kernel:
    """The largest entry of each text's rows, or NaN where there is one; 0 for an empty text.

    Row after row, so that the inner loop runs along memory.
    """
    x, offsets = node.inputs

    def share(body: Body, row: Index) -> None:
        start, stop = bounds(low, body, offsets, row[0], x.shape[0])
        empty = Apply("less_equal", (stop, start), "bool")
        least = Apply("select", (empty, zero("float"), _LEAST), "float")
        body.nest(node.shape[1:], lambda rest: low.store(body, node, (*row, *rest), least))

        def token(t: Local) -> None:
            def entry(rest: Index) -> None:
                best, value = low.result(node, (*row, *rest)), low.value(body, x, (t, *rest))
                better = Apply("beats", (value, best), "bool")
                low.store(body, node, (*row, *rest), Apply("select", (better, value, best), "float"))

            body.nest(node.shape[1:], entry)

        body.loop(start, stop, token, "t")

    return low.shares(node, node.shape, share, product(node.shape[1:]) * 32)


def kernel_segment_argmax(low: Lowering, node: Node) -> Kernel:
    """The row where each text's maximum stands; -1 for an empty text, and where the maximum is NaN.

    The maximum so far is in a buffer of its own.
    """
    x, offsets = node.inputs
    best = f"{low.names[node]}_best"
    low.all.buffers[best] = input_node(best, Type("float", node.shape))

    def share(body: Body, row: Index) -> None:
        start, stop = bounds(low, body, offsets, row[0], x.shape[0])

        def clear(rest: Index) -> None:
            body.put(Store(best, offset(node.shape, (*row, *rest)), _LEAST))
            low.store(body, node, (*row, *rest), _NOWHERE)

        body.nest(node.shape[1:], clear)

        def token(t: Local) -> None:
            def entry(rest: Index) -> None:
                here = offset(node.shape, (*row, *rest))
                value, before, place = (
                    low.value(body, x, (t, *rest)),
                    Load(best, here, "float"),
                    low.result(node, (*row, *rest)),
                )
                better = Local(body.fresh("q"), "bool")
                first = Apply("equal", (t, start), "bool")
                beats = Apply("beats", (value, before), "bool")
                body.put(Let(better.name, Apply("logical_or", (first, beats), "bool")))
                number = Apply("equal", (value, value), "bool")
                there = Apply("select", (number, t, _NOWHERE), "int")
                body.put(Store(best, here, Apply("select", (better, value, before), "float")))
                low.store(body, node, (*row, *rest), Apply("select", (better, there, place), "int"))

            body.nest(node.shape[1:], entry)

        body.loop(start, stop, token, "t")

    kernel = low.shares(node, node.shape, share, product(node.shape[1:]) * 32)
    return replace(kernel, writes=(Access(best, bool(node.shape)), *kernel.writes))


_LEAST, _NOWHERE = Number(float("-inf"), "float"), Number(-1, "int")


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
