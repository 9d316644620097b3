"""Kernels of reductions: what they have in common, and the loops of sum and max."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lexgrad.compile.body import Body, Index, adding, offset, zero
from lexgrad.compile.loops import (
    BLOCK,
    FIRST,
    LAST,
    SUMS,
    ZERO,
    Apply,
    Assign,
    Block,
    Declare,
    Expression,
    Kernel,
    Load,
    Local,
    Number,
    Store,
    add,
    extent,
    multiply,
)
from lexgrad.graph import DType, Node, product

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering


def reduce(low: Lowering, node: Node, axes: tuple[int, ...], fold: Callable[[Body, Index, Index], None]) -> Kernel:
    """Shares along the first kept axis; ``fold(body, kept, …)`` reduces one kept entry."""
    (x,) = node.inputs
    kept = [axis for axis in range(x.ndim) if axis not in axes]

    def share(body: Body, row: Index) -> None:
        body.nest([x.shape[axis] for axis in kept[1:]], lambda rest: fold(body, (*row, *rest), ()))

    cost = product([x.shape[axis] for axis in kept[1:]]) * product([x.shape[axis] for axis in axes])
    return low.shares(node, tuple(x.shape[axis] for axis in kept), share, cost)


def kernel_sum(low: Lowering, node: Node) -> Kernel:
    """Sums of entries, one after the other where they lie side by side."""
    (x,) = node.inputs
    axes = node.attributes["axes"]
    if axes and x.ndim - 1 not in axes:
        if 0 in axes:
            return fold_rows(low, node, axes, zero(node.type.dtype), "add")
        if _has_long_rows(node):
            return fold_blocks(low, node, axes, zero(node.type.dtype), "add")

    def fold(body: Body, kept: Index, _: Index) -> None:
        total = accumulate(low, body, x, axes, kept, zero(node.type.dtype), "add", lambda entry, _: entry)
        low.store(body, node, kept, total)

    return reduce(low, node, axes, fold)


TOGETHER = 4
"""Rows of what is in memory that are folded into a result at a time: it is read and written the less often."""


def fold_rows(low: Lowering, node: Node, axes: tuple[int, ...], start: Number, operation: str) -> Kernel:
    """A reduction over leading axes: rows are folded into the result, so that the inner loop runs along memory."""
    (x,) = node.inputs
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    body = Body(extent=node.shape[0])
    if _has_long_rows(node):
        return fold_blocks(low, node, axes, start, operation)
    low.fill(body, node, (FIRST, LAST), start)

    def fold(rows: Sequence[Index]) -> None:
        def entry(row: Local) -> None:
            def inner(rest: Index) -> None:
                here = offset(node.shape, (row, *rest))
                total: Expression = Load(low.names[node], here, node.type.dtype)
                for reduced in rows:
                    places = dict(zip(axes, reduced, strict=True)) | dict(zip(kept, (row, *rest), strict=True))
                    new = low.value(body, x, tuple(places[axis] for axis in range(x.ndim)))
                    total = Apply(operation, (total, new), node.type.dtype)
                body.put(Store(low.names[node], here, total))

            body.nest(node.shape[1:], inner)

        body.loop(FIRST, LAST, entry, "r")

    *outer, last = axes

    def several(places: Index) -> None:
        some_at_a_time(low, body, x, last, lambda rows: fold([(*places, row) for row in rows]))

    body.nest([x.shape[axis] for axis in outer], several)
    cost = product(node.shape[1:]) * product([x.shape[axis] for axis in axes])
    return low.finish(node, body, aligned=True, cost=cost)


def some_at_a_time(low: Lowering, body: Body, x: Node, axis: int, fold: Callable[[Sequence[Expression]], None]) -> None:
    """Fold all rows along an axis of ``x``, ``TOGETHER`` at a time where it is in memory, and then what is left."""
    rows, together = x.shape[axis], Number(TOGETHER, "int")

    def some(i: Local) -> None:
        begin = multiply(i, together)
        fold([add(begin, Number(j, "int")) for j in range(TOGETHER)])

    done: Expression = ZERO
    if (x in low.names or x in low.fusion.views) and (not isinstance(rows, int) or rows >= TOGETHER):
        times = Apply("floor_divide", (extent(rows), together), "int")
        body.loop(ZERO, times, some)
        done = multiply(times, together)
    if not isinstance(rows, int) or done == ZERO or rows % TOGETHER:
        body.loop(done, extent(rows), lambda i: fold([i]))


def _has_long_rows(node: Node) -> bool:
    """Whether the rows of a result of floats have so many columns as registers hold at a time."""
    width = node.shape[-1]
    return node.ndim > 1 and isinstance(width, int) and width >= BLOCK and node.type.dtype == "float"


def fold_blocks(low: Lowering, node: Node, axes: tuple[int, ...], start: Number, operation: str) -> Kernel:
    """The same for long rows: results of ``BLOCK`` columns stay in registers until all rows are folded in.

    Where the last block would reach beyond the end, it begins earlier, and finds again what is there.
    """
    (x,) = node.inputs
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    width = node.shape[-1]
    assert isinstance(width, int)

    def share(body: Body, row: Index) -> None:
        def block(outer: Index) -> None:
            *others, number = outer
            begin = Apply("minimum", (multiply(number, Number(BLOCK, "int")), Number(width - BLOCK, "int")), "int")

            def place(column: Local) -> Index:
                return (*row, *others, add(begin, column))

            def over(write: Callable[[Local], None]) -> None:
                body.loop(ZERO, Number(BLOCK, "int"), write, "c")

            def fold_row(reduced: Index) -> None:
                def entry(column: Local) -> None:
                    places = dict(zip(axes, reduced, strict=True)) | dict(zip(kept, place(column), strict=True))
                    new = low.value(body, x, tuple(places[axis] for axis in range(x.ndim)))
                    old = Load(SUMS, column, "float")
                    body.put(Store(SUMS, column, Apply(operation, (old, new), "float")))

                over(entry)

            body.put(Block(SUMS))
            over(lambda column: body.put(Store(SUMS, column, start)))
            body.nest([x.shape[axis] for axis in axes], fold_row)
            over(lambda column: low.store(body, node, place(column), Load(SUMS, column, "float")))

        body.nest([*node.shape[1:-1], -(-width // BLOCK)], block)

    return low.shares(node, node.shape, share, product(node.shape[1:]) * product([x.shape[axis] for axis in axes]))


def accumulate(
    low: Lowering,
    body: Body,
    x: Node,
    axes: tuple[int, ...],
    kept: Index,
    start: Expression,
    operation: str,
    each: Callable[[Expression, Index], Expression],
) -> Local:
    """Fold ``each(entry)`` over the reduced axes of ``x``; returns the local that holds the result.

    Args:
        low: the graph's kernels.
        body: this kernel.
        x: what is reduced.
        axes: which axes of it.
        kept: the place along the others.
        start: what to begin with.
        operation: ``"fold_maximum"``, or ``"add"`` in whatever order is best.
        each: what is made of an entry, given its place along ``axes``, before it is folded in.
    """
    sizes = [x.shape[axis] for axis in axes]
    ordered, terms = adding(sizes)
    operation = ordered if operation == "add" else operation
    total = Local(body.fresh("s"), x.type.dtype)
    body.put(Declare(total.name, start))
    others = [axis for axis in range(x.ndim) if axis not in axes]

    def entry(reduced: Index) -> None:
        places = dict(zip(axes, reduced, strict=True)) | dict(zip(others, kept, strict=True))
        value = low.value(body, x, tuple(places[axis] for axis in range(x.ndim)))
        body.put(Assign(total.name, Apply(operation, (total, each(value, reduced)), x.type.dtype)))

    body.nest(sizes, entry, terms)
    return total


LOWEST: dict[DType, Number] = {
    "float": Number(float("-inf"), "float"),
    "int": Number(-(2**63), "int"),
    "bool": Number(False, "bool"),
}
"""What no entry is below."""


def kernel_max(low: Lowering, node: Node) -> Kernel:
    """The largest entry along an axis, or NaN where there is one."""
    (x,) = node.inputs
    axes = (node.attributes["axis"],)
    if axes == (0,) and x.ndim > 1:
        return fold_rows(low, node, axes, LOWEST[x.type.dtype], "fold_maximum")

    def fold(body: Body, kept: Index, _: Index) -> None:
        least = LOWEST[x.type.dtype]
        low.store(body, node, kept, accumulate(low, body, x, axes, kept, least, "fold_maximum", lambda e, _: e))

    return reduce(low, node, axes, fold)


REDUCTION_KERNELS: dict[str, Callable[[Lowering, Node], Kernel]] = {
    "max": kernel_max,
    "sum": kernel_sum,
}
