"""Kernels over the texts of a packed batch: sum, max and repeat, each text a share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lexgrad.compile.argmax import keep_first
from lexgrad.compile.body import Body, Index, between, offset, zero
from lexgrad.compile.loops import (
    ONE,
    Access,
    Apply,
    Expression,
    Kernel,
    Load,
    Local,
    Number,
    Store,
    add,
)
from lexgrad.compile.reductions import LOWEST
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
        least = Apply("select", (empty, zero("float"), LOWEST["float"]), "float")
        body.nest(node.shape[1:], lambda rest: low.store(body, node, (*row, *rest), least))

        def token(t: Local) -> None:
            def entry(rest: Index) -> None:
                best, value = low.result(node, (*row, *rest)), low.value(body, x, (t, *rest))
                low.store(body, node, (*row, *rest), Apply("fold_maximum", (best, value), "float"))

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

        def over(write: Callable[[Index], None]) -> None:
            body.nest(node.shape[1:], lambda rest: write((*row, *rest)))

        def clear(index: Index) -> None:
            body.put(Store(best, offset(node.shape, index), LOWEST["float"]))
            low.store(body, node, index, start)

        def token(t: Local) -> None:
            over(lambda index: keep_first(low, body, node, best, index, [(low.value(body, x, (t, *index[1:])), t)]))

        def settle(index: Index) -> None:
            largest = Load(best, offset(node.shape, index), "float")
            number = Apply("equal", (largest, largest), "bool")
            some = Apply("logical_and", (Apply("less", (start, stop), "bool"), number), "bool")
            low.store(body, node, index, Apply("select", (some, low.result(node, index), _NOWHERE), "int"))

        over(clear)
        body.loop(start, stop, token, "t")
        over(settle)

    kernel = low.shares(node, node.shape, share, product(node.shape[1:]) * 32)
    return replace(kernel, writes=(Access(best, bool(node.shape)), *kernel.writes))


_NOWHERE = Number(-1, "int")


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
