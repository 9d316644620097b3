"""All steps at once: an operation inside a loop as one operation on stacks, whose first axis counts the steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from lexgrad import ops
from lexgrad.graph import INPUT, Node, Size, Type, again_on, input_node, product, rebuild, topological
from lexgrad.ops.movement import broadcast
from lexgrad.passes.rules import ELEMENTWISE, again
from lexgrad.passes.scans import Loop


class Value(NamedTuple):
    """The outer node of an inner one: a stack with an entry for each step, or one value that all steps have."""

    node: Node
    stacked: bool


Batch: TypeAlias = Callable[[Node, Sequence[Value], Size], "Node | None"]


def stacked(value: Value, length: Size) -> Node:
    """The stack itself, or the one value repeated."""
    x, done = value
    return x if done else broadcast(x, (length, *x.shape), range(1, x.ndim + 1))


def _all_stacked(node: Node, operands: Sequence[Value], length: Size) -> Node:
    return again(node, *(stacked(value, length) for value in operands))


def _axis_on(node: Node, operands: Sequence[Value], length: Size) -> Node:
    """One axis further, for what works along one axis."""
    moved = (stacked(value, length) for value in operands)
    return again(node, *moved, axis=node.attributes["axis"] + 1)


def _axes_on(node: Node, operands: Sequence[Value], length: Size) -> Node:
    """One axis further, for what works along several."""
    return again(node, operands[0].node, axes=tuple(axis + 1 for axis in node.attributes["axes"]))


def _reshape(node: Node, operands: Sequence[Value], length: Size) -> Node:
    return ops.reshape(operands[0].node, (length, *node.shape))


def _transpose(node: Node, operands: Sequence[Value], length: Size) -> Node:
    return ops.transpose(operands[0].node, (0, *(axis + 1 for axis in node.attributes["axes"])))


def _broadcast(node: Node, operands: Sequence[Value], length: Size) -> Node:
    axes = (0, *(axis + 1 for axis in node.attributes["axes"]))
    return broadcast(operands[0].node, (length, *node.shape), axes)


def _slice(node: Node, operands: Sequence[Value], length: Size) -> Node:
    here = node.attributes
    starts, stops, steps = (0, *here["starts"]), (length, *here["stops"]), (1, *here["steps"])
    return again(node, operands[0].node, starts=starts, stops=stops, steps=steps)


def _pad(node: Node, operands: Sequence[Value], length: Size) -> Node:
    around = {name: (0, *sizes) for name, sizes in node.attributes.items()}
    return again(node, operands[0].node, **around)


def _take(node: Node, operands: Sequence[Value], length: Size) -> Node | None:
    table, ids = operands
    return None if table.stacked else ops.take(table.node, ids.node)


def _matmul(node: Node, operands: Sequence[Value], length: Size) -> Node | None:
    x, y = operands
    if x.stacked and y.stacked:
        return _products(node, x.node, y.node)
    if x.stacked and y.node.ndim <= 2:  # the rows of all steps, one after the other
        return ops.matmul(x.node, y.node)
    if y.stacked and x.node.ndim == 2 and node.ndim == 1:  # W x = x Wᵀ
        return ops.matmul(y.node, x.node.T)
    if y.stacked and x.node.ndim == y.node.ndim - 1 == 2:
        return ops.transpose(ops.matmul(ops.transpose(y.node, (0, 2, 1)), x.node.T), (0, 2, 1))
    return _products(node, stacked(x, length), stacked(y, length))


def _products(node: Node, x: Node, y: Node) -> Node:
    """One product for each step."""
    row, column = node.inputs[0].ndim == 1, node.inputs[1].ndim == 1
    x = ops.expand_dims(x, 1) if row else x
    y = ops.expand_dims(y, 2) if column else y
    return ops.reshape(ops.matmul(x, y), (x.shape[0], *node.shape))


BATCHED: dict[str, Batch] = {
    **dict.fromkeys(ELEMENTWISE, _all_stacked),
    **dict.fromkeys(("sum", "logsumexp", "reverse"), _axes_on),
    **dict.fromkeys(("concatenate", "max", "argmax", "take_along", "put_along"), _axis_on),
    "reshape": _reshape,
    "transpose": _transpose,
    "broadcast": _broadcast,
    "slice": _slice,
    "pad": _pad,
    "take": _take,
    "matmul": _matmul,
}
"""How each primitive does for all steps what it does for one, where some operand is a stack; the others stay inside."""


class Outside:
    """The inner nodes of a loop as nodes around it."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.values: dict[Node, Value | None] = {
            **{inner: Value(outer, True) for inner, outer in loop.sequences.items()},
            **{inner: Value(outer, False) for inner, outer in loop.shared.items()},
        }
        self.awaited: dict[Node, Node] = {}

    def stack(self, inner: Node) -> Node:
        """What will be the stack of an inner node when the loop is put together with it among its results."""
        known = self.values.get(inner)
        if known is None:
            type = Type(inner.type.dtype, (self.loop.length, *inner.shape))
            self.awaited[inner] = input_node("stack", type)
            known = self.values[inner] = Value(self.awaited[inner], True)
        return stacked(known, self.loop.length)

    def value(self, inner: Node) -> Value | None:
        """An inner node's value out here; None where it takes a carry or cannot be had for all steps at once."""
        for node in topological([inner]):
            if node not in self.values:
                self.values[node] = self._of(node)
        return self.values[inner]

    def _of(self, node: Node) -> Value | None:
        operands = [self.values[operand] for operand in node.inputs]
        known = [operand for operand in operands if operand is not None]
        if len(known) < len(operands) or any(node is carry.inner for carry in self.loop.carries.values()):
            return None
        if not any(operand.stacked for operand in known):
            return Value(again_on(node, tuple(operand.node for operand in known)) if known else node, False)
        batch = BATCHED.get(node.primitive.name)
        result = batch(node, known, self.loop.length) if batch is not None else None
        if result is None:
            return None
        _adopt(result, node, {operand.node for operand in known})
        return Value(result, True)

    def emit(self, outputs: dict[int, Node]) -> dict[int, Node]:
        """Put the loop together; ``outputs`` are outer nodes in place of its own, made of what is awaited."""
        found, stacks = self.loop.emit(list(self.awaited))
        given = dict(zip(self.awaited.values(), stacks, strict=True))
        copies = rebuild(topological(outputs.values()), given)
        return {**found, **{i: copies[node] for i, node in outputs.items()}}


def _adopt(result: Node, inner: Node, known: set[Node]) -> None:
    """Give what was made for an inner node its origin and location."""
    stack = [result]
    while stack:
        made = stack.pop()
        if made not in known and made.primitive is not INPUT:
            made.origin, made.location = inner.origin, inner.location
            stack.extend(made.inputs)


def rows(stack: Node) -> Node:
    """A stack of matrices as one matrix, their rows one after the other."""
    return ops.reshape(stack, (product(stack.shape[:-1]), stack.shape[-1]))
