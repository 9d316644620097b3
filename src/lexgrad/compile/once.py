"""Rows of a table taken once each: as many as there are different ids, and behind them zeros, which cost nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from lexgrad.compile.body import Body, zero
from lexgrad.compile.loops import (
    FIRST,
    LAST,
    ZERO,
    Apply,
    Expression,
    Kernel,
    Load,
    Local,
    Number,
    add,
    extent,
    multiply,
)
from lexgrad.compile.rows import met
from lexgrad.graph import Graph, Node, Size
from lexgrad.ops.lifting import scalar_constant
from lexgrad.ops.rows import distinct_from

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering

STEP = 16
"""Rows by which they are divided among threads."""

Bounds: TypeAlias = tuple[Expression, Expression]


def met_rows(low: Lowering, body: Body, rows: Node) -> Expression | None:
    """How many of ``rows`` are not zeros for want of ids: of rows taken once each; None for any others."""
    if rows.primitive.name != "take" or rows.ndim != 2 or distinct_from(rows.inputs[1]) is None:
        return None
    order = rows.inputs[1].inputs[2]
    if order not in low.names:
        return None
    body.read(met(low, order), aligned=False)
    return Load(met(low, order), ZERO, "int")


def kernel_take(low: Lowering, node: Node) -> Kernel:
    """Rows by number; where each is taken once, threads divide those that there are."""
    body = Body(extent=node.shape[0] if node.shape else 1)
    count = met_rows(low, body, node)
    if count is None:
        return low.pointwise(node)

    def row(i: Local) -> None:
        body.nest(node.shape[1:], lambda rest: low.store(body, node, (i, *rest), low.computed(body, node, (i, *rest))))

    body.loop(*part(ZERO, count, node.shape[0]), row, "r")
    clear(low, body, node, part(count, extent(node.shape[0]), node.shape[0]), (ZERO, extent(node.shape[1])))
    return low.finish(node, body, aligned=False, cost=node.shape[1])


def part(start: Expression, stop: Expression, shares: Size) -> Bounds:
    """Rows from ``start`` up to ``stop``, divided among threads as shares are, in steps of ``STEP``."""
    length, step = Apply("subtract", (stop, start), "int"), Number(STEP, "int")

    def bound(share: Expression) -> Expression:
        steps = Apply("floor_divide", (multiply(length, share), multiply(extent(shares), step)), "int")
        last = Apply("equal", (share, extent(shares)), "bool")
        return Apply("select", (last, stop, add(start, multiply(steps, step))), "int")

    return bound(FIRST), bound(LAST)


def clear(low: Lowering, body: Body, node: Node, rows: Bounds, columns: Bounds) -> None:
    """Zeros for rows that stand for nothing."""

    def row(i: Local) -> None:
        body.loop(*columns, lambda j: low.store(body, node, (i, j), zero(node.type.dtype)), "z")

    body.loop(*rows, row, "z")


def only_looked_up(graph: Graph, matrix: Node, left: Node) -> bool:
    """Whether of a product of rows taken once each, only those are looked up that stand for an id."""
    order = left.inputs[1].inputs[2]
    readers = [node for node in graph.nodes if matrix in node.inputs]
    looked_up = (
        node.primitive.name == "take" and node.inputs[0] is matrix and _numbered(node.inputs[1], order)
        for node in readers
    )
    return matrix not in graph.outputs.values() and all(looked_up)


def _numbered(ids: Node, order: Node) -> bool:
    """Whether ids are numbers out of ``order``, or -1."""
    if ids.primitive.name == "select":
        return scalar_constant(ids.inputs[1]) == -1 and _numbered(ids.inputs[2], order)
    return ids is order or (ids.primitive.name == "take" and _numbered(ids.inputs[0], order))
