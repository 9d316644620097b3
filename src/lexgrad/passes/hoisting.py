"""Before the loop: what is the same in all steps, and what does not wait for a carry, for all steps at once.

x_t W for every t is one large product of all rows, which runs at the processor's full rate; in the loop it is many
small ones. Cheap operations stay inside, where they cost nothing beside the product with the carry, unless they only
finish what is hoisted (a bias is added where the product is made).
"""

from __future__ import annotations

from collections.abc import Iterable

from lexgrad import ops
from lexgrad.graph import INPUT, Graph, Node, input_node
from lexgrad.ops.scan import loop as scan
from lexgrad.ops.through_time import CHEAP
from lexgrad.passes.batching import Outside, stacked
from lexgrad.passes.rules import example, floats
from lexgrad.passes.scans import Loop, LoopRule, entry_of

COSTLY_ROWS = frozenset({"take"})
"""Gathered rows are cheap to compute again, but not to compute inside."""

SPREAD = frozenset({"broadcast", "constant", "iota"})
"""These make much of little: outside they would only take memory."""


def costly(node: Node) -> bool:
    """Whether it is worth moving: a product, a function, a reduction, gathered rows."""
    return node.primitive is not INPUT and (node.primitive.name not in CHEAP or node.primitive.name in COSTLY_ROWS)


def hoist_invariants(loop: Loop) -> dict[int, Node] | None:
    """What is made of shared values alone is computed once, and shared."""
    order, stepwise = loop.order, loop.stepwise
    outside = Outside(loop)
    read = {operand for node in order if node in stepwise for operand in node.inputs} | set(loop.outputs)
    moved: dict[Node, Node] = {}
    for node in reversed(order):
        if node in stepwise or node not in read or node.primitive is INPUT or node.primitive.name == "constant":
            continue
        value = None if node.primitive.name in SPREAD else outside.value(node)
        if value is None:
            read |= set(node.inputs)
        else:
            moved[node] = value.node
    if not moved:
        return None
    inner = {node: input_node(node.name or "shared", node.type) for node in moved}
    loop.shared |= {inner[node]: outer for node, outer in moved.items()}
    loop.replace(inner)
    return loop.emit()[0]


def hoist_for_all_steps(loop: Loop) -> dict[int, Node] | None:
    """What waits for no carry is computed for all steps before the first; results that wait for none need no loop."""
    order, carried = loop.order, loop.carried
    waiting = loop.stepwise - carried
    outside = Outside(loop)
    moved: dict[Node, Node] = {}
    for node in order:
        if node in waiting and (costly(node) or _finishes(node, moved, waiting)):
            value = outside.value(node)
            if value is not None:
                moved[node] = value.node
    free: dict[int, Node] = {}
    for i, node in loop.results.items():
        value = None if node in carried else outside.value(node)
        if value is not None:
            free[i] = stacked(value, loop.length)
    loop.results = {i: node for i, node in loop.results.items() if i not in free}
    frontier = _read(loop, set(moved))
    if not frontier and not free:
        return None
    inner = {node: entry_of(moved[node], node.name) for node in frontier}
    loop.sequences |= {inner[node]: moved[node] for node in frontier}
    loop.replace(inner)
    return {**loop.emit()[0], **free}


def _finishes(node: Node, moved: Iterable[Node], waiting: set[Node]) -> bool:
    """Whether a cheap operation is one on a hoisted value and on nothing else of the step, and makes no more of it."""
    if node.primitive is INPUT or node.primitive.name in SPREAD:
        return False
    operands = {operand for operand in node.inputs if operand in waiting}
    return len(operands) == 1 and all(operand in moved and operand.type.size == node.type.size for operand in operands)


def _read(loop: Loop, moved: set[Node]) -> list[Node]:
    """Those of ``moved`` that the rest of the loop reads."""
    kept = [node for node in loop.outputs if node in moved]
    stack = [node for node in loop.outputs if node not in moved]
    seen = set(stack)
    while stack:
        for operand in stack.pop().inputs:
            if operand in moved:
                kept.append(operand)
            elif operand not in seen:
                seen.add(operand)
                stack.append(operand)
    return list(dict.fromkeys(kept))


def _recurrence(h0: Node, xs: Node, W: Node, b: Node) -> Node:
    """h' = tanh(x exp(W) + b + h) and x²: neither the product nor the square waits for h."""
    h, x = input_node("h", h0.type), entry_of(xs, "x")
    inputs = {"h": h, "x": x, "W": input_node("W", W.type), "b": input_node("b", b.type)}
    new = ops.tanh(x @ ops.exp(inputs["W"]) + inputs["b"] + h)
    body = Graph(inputs, {"h": new, "square": x * x}, "step")
    last, squares = scan([h0, xs, W, b], body, carries=1, sequences=1, length=5)
    return ops.sum(last) + ops.sum(squares)


_TYPES = floats(2, 4), floats(5, 2, 3), floats(3, 4), floats(4)

RULES: list[LoopRule] = [
    LoopRule("loop: the same in all steps → computed once", hoist_invariants, example(_recurrence, *_TYPES)),
    LoopRule("loop: waits for no carry → before, for all steps", hoist_for_all_steps, example(_recurrence, *_TYPES)),
]
