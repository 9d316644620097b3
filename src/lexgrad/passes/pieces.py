"""Pieces put together and cut out: slices, concatenations and reversals that two steps do where one would."""

from __future__ import annotations

from lexgrad import ops
from lexgrad.graph import Node, RewriteRule, Size
from lexgrad.ops.movement import broadcast
from lexgrad.passes.rules import again, example, floats, is_a, rule

RULES: list[RewriteRule] = []


@rule(
    RULES,
    "slice(slice(x)) → slice(x)",
    "slice",
    example(lambda x: ops.take_slice(ops.take_slice(x, 0, 1, 7, 2), 0, 1, 3), floats(8)),
)
def join_slices(node: Node) -> Node | None:
    """A piece of a piece."""
    (inner,) = node.inputs
    if not is_a(inner, "slice"):
        return None
    here, there = node.attributes, inner.attributes
    starts = [a + b * step for a, b, step in zip(there["starts"], here["starts"], there["steps"], strict=True)]
    steps = [a * b for a, b in zip(there["steps"], here["steps"], strict=True)]
    lengths = zip(starts, node.shape, steps, strict=True)
    stops = [start + ((length - 1) * step + 1 if step != 1 else length) if length != 0 else start
             for start, length, step in lengths]  # fmt: skip
    return again(node, *inner.inputs, starts=tuple(starts), stops=tuple(stops), steps=tuple(steps))


@rule(
    RULES,
    "slice(concatenate(…, x, …)) → x",
    "slice",
    example(lambda x, y: ops.take_slice(ops.concatenate([x, y]), 0, 3, 5), floats(3), floats(2)),
)
def slice_of_one_part(node: Node) -> Node | None:
    """A piece that is one of the parts, whole along their axis."""
    (inner,) = node.inputs
    if not is_a(inner, "concatenate"):
        return None
    axis, here = inner.attributes["axis"], node.attributes
    start: Size = 0
    for part in inner.inputs:
        stop = start + part.shape[axis]
        if (start, stop, 1) == (here["starts"][axis], here["stops"][axis], here["steps"][axis]):
            starts = (*here["starts"][:axis], 0, *here["starts"][axis + 1 :])
            stops = (*here["stops"][:axis], part.shape[axis], *here["stops"][axis + 1 :])
            return again(node, part, starts=starts, stops=stops)
        start = stop
    return None


@rule(
    RULES,
    "slice(broadcast(x)) → broadcast(slice(x))",
    "slice",
    example(lambda x: ops.take_slice(broadcast(x, (3, 4), (1,)), 1, 1, 3), floats(4)),
)
def slice_before_repeating(node: Node) -> Node | None:
    """Only what x has is cut."""
    (inner,) = node.inputs
    if not is_a(inner, "broadcast"):
        return None
    (x,) = inner.inputs
    axes = inner.attributes["axes"]
    if not axes:
        return broadcast(x, node.shape, ())
    own = {name: tuple(cuts[axis] for axis in axes) for name, cuts in node.attributes.items()}
    return broadcast(again(node, x, **own), node.shape, axes)


@rule(
    RULES,
    "slice(pad(x)) → x, where it cuts away what was put around",
    "slice",
    example(lambda x: ops.take_slice(ops.pad(x, [(2, 1)]), 0, 2, 5), floats(3)),
)
def slice_of_pad(node: Node) -> Node | None:
    """The zeros were never looked at."""
    (inner,) = node.inputs
    if not is_a(inner, "pad") or inner.inputs[0].type != node.type or set(node.attributes["steps"]) - {1}:
        return None
    inside = node.attributes["starts"] == inner.attributes["low"] and not any(inner.attributes["interior"])
    return inner.inputs[0] if inside else None


@rule(
    RULES,
    "concatenate(…, concatenate(x, y), …) → concatenate(…, x, y, …)",
    "concatenate",
    example(lambda x: ops.concatenate([ops.concatenate([x, x]), x]), floats(3)),
)
def join_concatenations(node: Node) -> Node | None:
    """Parts of parts along one axis."""

    def parts(operand: Node) -> tuple[Node, ...]:
        same = is_a(operand, "concatenate") and operand.attributes["axis"] == node.attributes["axis"]
        return operand.inputs if same else (operand,)

    operands = tuple(part for operand in node.inputs for part in parts(operand))
    return again(node, *operands) if len(operands) > len(node.inputs) else None


@rule(
    RULES,
    "pad(x) + pad(y) + … → concatenate(x, y, …), where they fill an axis",
    "add",
    example(lambda x, y: ops.pad(y, [(0, 0), (3, 0)]) + ops.pad(x, [(0, 0), (0, 2)]), floats(4, 3), floats(4, 2)),
)
def join_pads(node: Node) -> Node | None:
    """The gradients of slices that make up a whole."""
    parts = _padded_terms(node)
    if len(parts) < 2:
        return None
    axes = {axis for part in parts for axis in range(node.ndim) if part.inputs[0].shape[axis] != node.shape[axis]}
    if len(axes) != 1 or any(part.attributes["interior"][axis] for part in parts for axis in axes):
        return None
    (axis,) = axes
    place: Size = 0
    ordered: list[Node] = []
    by_start = {part.attributes["low"][axis]: part.inputs[0] for part in parts}
    while place in by_start:
        ordered.append(by_start.pop(place))
        place = place + ordered[-1].shape[axis]
    return ops.concatenate(ordered, axis) if place == node.shape[axis] and len(ordered) == len(parts) else None


def _padded_terms(node: Node) -> list[Node]:
    """The terms of a sum, where all are padded; else nothing."""
    terms, stack = [], [node]
    while stack:
        part = stack.pop()
        if is_a(part, "add"):
            stack += part.inputs
        elif is_a(part, "pad"):
            terms.append(part)
        else:
            return []
    return terms


@rule(
    RULES,
    "reverse(reverse(x)) → reverse(x)",
    "reverse",
    example(lambda x: ops.reverse(ops.reverse(x, (0, 1)), 1), floats(3, 4)),
)
def join_reversals(node: Node) -> Node | None:
    """An axis that is turned twice is as before."""
    (inner,) = node.inputs
    if not is_a(inner, "reverse"):
        return None
    axes = tuple(sorted(set(node.attributes["axes"]) ^ set(inner.attributes["axes"])))
    return again(node, *inner.inputs, axes=axes) if axes else inner.inputs[0]
