"""How one entry of a node is computed where it is read: index arithmetic for movement, loads for gathers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lexgrad.compile.body import Body, Index, clamped, in_range, offset, zero
from lexgrad.compile.loops import ZERO, Apply, Expression, Number, add, extent, multiply
from lexgrad.graph import Node, Size

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering


def broadcast(low: Lowering, body: Body, node: Node, index: Index) -> Expression:
    """The operand's entry along the axes that it has."""
    return low.value(body, node.inputs[0], tuple(index[axis] for axis in node.attributes["axes"]))


def transpose(low: Lowering, body: Body, node: Node, index: Index) -> Expression:
    """The operand's entry, its axes in their own order."""
    axes = node.attributes["axes"]
    return low.value(body, node.inputs[0], tuple(index[axes.index(i)] for i in range(len(axes))))


def reshape(low: Lowering, body: Body, node: Node, index: Index) -> Expression:
    """The operand's entry, where only axes of size 1 came or went."""
    rest = [i for i, size in zip(index, node.shape, strict=True) if size != 1]
    inner = tuple(ZERO if size == 1 else rest.pop(0) for size in node.inputs[0].shape)
    return low.value(body, node.inputs[0], inner)


def slice_entry(low: Lowering, body: Body, node: Node, index: Index) -> Expression:
    """The operand's entry ``start + step * i``."""
    starts, steps = node.attributes["starts"], node.attributes["steps"]
    moved = (add(multiply(i, extent(step)), extent(start)) for i, start, step in zip(index, starts, steps, strict=True))
    return low.value(body, node.inputs[0], tuple(moved))


def reverse(low: Lowering, body: Body, node: Node, index: Index) -> Expression:
    """The operand's entry, counted from the other end."""
    axes = node.attributes["axes"]
    moved = (
        Apply("subtract", (extent(node.shape[axis] - 1), i), "int") if axis in axes else i
        for axis, i in enumerate(index)
    )
    return low.value(body, node.inputs[0], tuple(moved))


def pad(low: Lowering, body: Body, node: Node, index: Index) -> Expression:
    """The operand's entry where there is one, else 0."""
    (x,) = node.inputs
    before, interior = node.attributes["low"], node.attributes["interior"]
    inside: Expression = Number(True, "bool")
    moved: list[Expression] = []
    for axis, i in enumerate(index):
        size = x.shape[axis]
        if before[axis] == 0 and interior[axis] == 0 and size == node.shape[axis]:
            moved.append(i)
            continue
        step = Number(interior[axis] + 1, "int")
        from_start = Apply("subtract", (i, extent(before[axis])), "int")
        own = Apply("floor_divide", (from_start, step), "int") if interior[axis] else from_start
        tests = [Apply("less_equal", (ZERO, from_start), "bool"), Apply("less", (own, extent(size)), "bool")]
        if interior[axis]:
            tests.append(Apply("equal", (multiply(own, step), from_start), "bool"))
        for test in tests:
            inside = test if inside == Number(True, "bool") else Apply("logical_and", (inside, test), "bool")
        moved.append(clamped(own, size))
    nothing = zero(node.type.dtype)
    if any(size == 0 for size in x.shape):
        return nothing
    return Apply("select", (inside, low.peek(body, x, tuple(moved)), nothing), node.type.dtype)


def put_along(low: Lowering, body: Body, node: Node, index: Index) -> Expression:
    """The one value along the axis where its index says, else 0."""
    x, ids = node.inputs
    axis = node.attributes["axis"]
    place = (*index[:axis], ZERO, *index[axis + 1 :])
    here = Apply("equal", (index[axis], low.value(body, ids, place)), "bool")
    return Apply("select", (here, low.value(body, x, place), zero(node.type.dtype)), node.type.dtype)


def iota(low: Lowering, body: Body, node: Node, index: Index) -> Expression:
    """The index itself."""
    return index[0]


def size_entry(low: Lowering, body: Body, node: Node, index: Index) -> Expression:
    """A size as a number."""
    return extent(node.attributes["of"])


def random_uniform(low: Lowering, body: Body, node: Node, index: Index) -> Expression:
    """The random number of this position."""
    key, step = (low.value(body, operand, ()) for operand in node.inputs)
    return Apply("random_uniform", (key, step, offset(node.shape, index)), "float")


def take(low: Lowering, body: Body, node: Node, index: Index) -> Expression:
    """An entry of the row that the id says."""
    table, ids = node.inputs
    number = low.value(body, ids, index[: ids.ndim])
    return guarded(low, body, table, number, lambda i: (i, *index[ids.ndim :]), table.shape[0])


def take_along(low: Lowering, body: Body, node: Node, index: Index) -> Expression:
    """The entry that the index along the axis says."""
    table, ids = node.inputs
    axis = node.attributes["axis"]
    number = low.value(body, ids, index)
    return guarded(low, body, table, number, lambda i: (*index[:axis], i, *index[axis + 1 :]), table.shape[axis])


def guarded(
    low: Lowering, body: Body, table: Node, number: Expression, place: Callable[[Expression], Index], size: Size
) -> Expression:
    """``table`` at ``place(number)``, or 0 where the number is not an index of it."""
    if size == 0:
        return zero(table.type.dtype)
    inside = in_range(number, size)
    read = low.peek(body, table, place(clamped(number, size)))
    return Apply("select", (inside, read, zero(table.type.dtype)), table.type.dtype)


ENTRIES: dict[str, Callable[[Lowering, Body, Node, Index], Expression]] = {
    "broadcast": broadcast,
    "iota": iota,
    "pad": pad,
    "put_along": put_along,
    "random_uniform": random_uniform,
    "reshape": reshape,
    "reverse": reverse,
    "size": size_entry,
    "slice": slice_entry,
    "take": take,
    "take_along": take_along,
    "transpose": transpose,
}
"""The rule of each primitive that is computed where it is read, elementwise ones apart."""
