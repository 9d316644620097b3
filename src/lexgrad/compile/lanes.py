"""Long sums and maxima in lanes: parts of a fixed number, folded side by side and then in order.

How the parts are cut depends on sizes alone, so the result has the same bits on any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.compile.body import Body, Index, adding, offset
from lexgrad.compile.loops import (
    ZERO,
    Apply,
    Assign,
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
from lexgrad.graph import Dim, DType, Graph, Node, Primitive, RewriteRule, Shape, Size, Type, apply, product, rewrite

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering

LANES = 32
"""How many parts there are. Threads beyond that have nothing to do."""

LONG, WIDE, FEWEST = 32768, 64, 1024
"""Entries from which a reduction is worth cutting; the most results of a lane, and the fewest entries of a row where
nobody knows how many rows come; the fewest entries of a lane."""


def _lane_type(x: Type, *, axes: tuple[int, ...]) -> Type:
    return x.with_shape((LANES, *(size for axis, size in enumerate(x.shape) if axis not in axes)))


def _meaning(fold: Callable[..., NDArray[Any]]) -> Callable[..., NDArray[Any]]:
    return lambda x, *, axes: np.stack([fold(part, axes) for part in np.array_split(x, LANES, axes[0])])


LANE_SUM = Primitive("lane_sum", _lane_type, _meaning(np.sum))
LANE_MAX = Primitive("lane_max", _lane_type, _meaning(np.max))


def in_lanes(graph: Graph) -> Graph:
    """The graph with its long reductions over leading axes in two steps."""
    return rewrite(graph, RULES)[0]


def _cut_sum(node: Node) -> Node | None:
    (x,), axes = node.inputs, node.attributes["axes"]
    return apply(node.primitive, apply(LANE_SUM, x, axes=axes), axes=(0,)) if _is_long(x, axes) else None


def _cut_max(node: Node) -> Node | None:
    (x,), axis = node.inputs, node.attributes["axis"]
    return apply(node.primitive, apply(LANE_MAX, x, axes=(axis,)), axis=0) if _is_long(x, (axis,)) else None


RULES = [
    RewriteRule("sum(x) → sum(sums of lanes of x)", "sum", _cut_sum),
    RewriteRule("max(x) → max(maxima of lanes of x)", "max", _cut_max),
]


def _is_long(x: Node, axes: tuple[int, ...]) -> bool:
    """Whether a reduction from the first axis on has many entries, and few results for threads to share."""
    if 0 not in axes or x.primitive.name in ("lane_sum", "lane_max") or x.type.dtype == "bool":
        return False
    results, row = product(_sizes(x.shape, axes, kept=True)), product(x.shape[1:])
    if not isinstance(results, int) or results > WIDE or not isinstance(row, int):
        return False
    return row >= WIDE if isinstance(x.shape[0], Dim) else row * x.shape[0] >= LONG


def _sizes(shape: Shape, axes: tuple[int, ...], kept: bool) -> list[Size]:
    return [size for axis, size in enumerate(shape) if (axis not in axes) is kept]


def _cut_axis(shape: Shape, axes: tuple[int, ...]) -> int:
    """The axis that lanes share: the first, unless it is a short one."""
    if isinstance(shape[0], Dim) or shape[0] >= LANES:
        return 0
    return max(axes, key=lambda axis: size if isinstance(size := shape[axis], int) else LANES)


_START: dict[tuple[str, DType], Number] = {
    ("lane_sum", "float"): Number(0.0, "float"),
    ("lane_sum", "int"): Number(0, "int"),
    ("lane_max", "float"): Number(float("-inf"), "float"),
    ("lane_max", "int"): Number(-(2**63), "int"),
}


def kernel_lanes(low: Lowering, node: Node) -> Kernel:
    """Each share is a lane: it folds its part of the axis that is cut, and all of the others."""
    (x,), axes = node.inputs, node.attributes["axes"]
    name, dtype = node.primitive.name, node.type.dtype
    cut = _cut_axis(x.shape, axes)
    rest = product([size for axis, size in enumerate(x.shape) if axis != cut])
    fewest = max(1, FEWEST // rest) if isinstance(rest, int) and rest else 1
    whole = extent(x.shape[cut])
    rounded = Apply("floor_divide", (add(whole, Number(LANES - 1, "int")), Number(LANES, "int")), "int")
    length = Apply("maximum", (Number(fewest, "int"), rounded), "int")
    inner = adding([size for axis, size in enumerate(x.shape) if axis in axes and axis != cut])[1]
    kept = [axis for axis in range(x.ndim) if axis not in axes]

    def share(body: Body, row: Index) -> None:
        start = Apply("minimum", (whole, multiply(row[0], length)), "int")
        bounds = {cut: (start, Apply("minimum", (whole, add(start, length)), "int"))}

        def over(reduced: tuple[int, ...], places: dict[int, Expression], write: Callable[[Index], None]) -> None:
            if not reduced:
                write(tuple(places[axis] for axis in range(x.ndim)))
                return
            first, last = bounds.get(reduced[0], (ZERO, extent(x.shape[reduced[0]])))
            terms = inner if reduced[0] != cut else 0
            body.loop(first, last, lambda i: over(reduced[1:], {**places, reduced[0]: i}, write), terms=terms)

        if (
            kept and kept[-1] == x.ndim - 1
        ):  # whole rows are folded into the result, so that the inner loop runs along memory
            body.nest(node.shape[1:], lambda places: low.store(body, node, (*row, *places), _START[name, dtype]))

            def fold(index: Index) -> None:
                place = offset(node.shape, (*row, *(index[axis] for axis in kept)))
                old = Load(low.names[node], place, dtype)
                operation = "add" if name == "lane_sum" else "fold_maximum"
                body.put(Store(low.names[node], place, Apply(operation, (old, low.value(body, x, index)), dtype)))

            over((*axes, *kept), {}, fold)
            return

        def entry(places: Index) -> None:
            total = Local(body.fresh("s"), dtype)
            body.put(Declare(total.name, _START[name, dtype]))
            operation = "fold_add" if name == "lane_sum" else "fold_maximum"

            def fold(index: Index) -> None:
                body.put(Assign(total.name, Apply(operation, (total, low.value(body, x, index)), dtype)))

            over(axes, dict(zip(kept, places, strict=True)), fold)
            low.store(body, node, (*row, *places), total)

        body.nest(node.shape[1:], entry)

    entries = product(x.shape)
    return low.shares(node, node.shape, share, entries // LANES if isinstance(entries, int) else rest)
