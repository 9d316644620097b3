"""Sums and their kin: of what is repeated, of one entry, one after the other."""

from __future__ import annotations

from lexgrad import ops
from lexgrad.graph import Node, RewriteRule
from lexgrad.ops.lifting import scalar_constant
from lexgrad.ops.movement import broadcast
from lexgrad.passes.rules import again, example, floats, ints, is_a, raw, rule

RULES: list[RewriteRule] = []


@rule(
    RULES,
    "sum(broadcast(x)) → sum(x) * size",
    "sum",
    example(lambda x: ops.sum(broadcast(x, (3, 4, 5), (1,)), (0, 1)), floats(4)),
)
def sum_before_repeating(node: Node) -> Node | None:
    """The same number added n times is n times the number."""
    (inner,) = node.inputs
    if not is_a(inner, "broadcast"):
        return None
    (x,) = inner.inputs
    summed, kept = node.attributes["axes"], inner.attributes["axes"]
    times = ops.size([inner.shape[axis] for axis in summed if axis not in kept])
    left = [axis for axis in range(inner.ndim) if axis not in summed]
    total = ops.sum(x, [i for i, axis in enumerate(kept) if axis in summed])
    small = total * ops.cast(times, node.type.dtype)
    return broadcast(small, node.shape, [left.index(axis) for axis in kept if axis not in summed])


def _reduces_ones(node: Node) -> bool:
    return bool(node.attributes["axes"]) and all(node.inputs[0].shape[axis] == 1 for axis in node.attributes["axes"])


for _name in ("sum", "logsumexp"):
    rule(
        RULES,
        f"{_name} over axes of size 1 → reshape",
        _name,
        example(lambda x, name=_name: raw(name, x, axes=(1,)), floats(3, 1)),
    )(lambda node: ops.reshape(node.inputs[0], node.shape) if _reduces_ones(node) else None)


@rule(
    RULES,
    "max over an axis of size 1 → reshape",
    "max",
    example(lambda x: ops.max(x, 1), floats(3, 1)),
)
def max_of_one(node: Node) -> Node | None:
    """The largest of one."""
    (x,) = node.inputs
    return ops.reshape(x, node.shape) if x.shape[node.attributes["axis"]] == 1 else None


@rule(
    RULES,
    "sum(sum(x)) → sum(x)",
    "sum",
    example(lambda x: ops.sum(ops.sum(x, 1), 0), floats(3, 4, 2)),
)
def join_sums(node: Node) -> Node | None:
    """Axes that are summed one after the other, at once."""
    (inner,) = node.inputs
    if not is_a(inner, "sum"):
        return None
    gone = inner.attributes["axes"]
    left = [axis for axis in range(inner.inputs[0].ndim) if axis not in gone]
    return ops.sum(inner.inputs[0], sorted({*gone, *(left[axis] for axis in node.attributes["axes"])}))


@rule(
    RULES,
    "sum of all of reshape(x) or transpose(x) → sum of all of x",
    "sum",
    example(lambda x: ops.sum(ops.reshape(x, (2, 6))), floats(3, 4)),
)
def sum_in_any_order(node: Node) -> Node | None:
    """Order and shape do not matter to the sum of everything."""
    (inner,) = node.inputs
    if len(node.attributes["axes"]) < inner.ndim or not (is_a(inner, "reshape") or is_a(inner, "transpose")):
        return None
    return ops.sum(inner.inputs[0])


@rule(
    RULES,
    "segment_repeat(broadcast(s)) → broadcast(s)",
    "segment_repeat",
    example(lambda s, cuts: ops.segment_repeat(broadcast(s, (2, 4), ()), cuts, 3), floats(), ints(3)),
)
def repeat_a_scalar(node: Node) -> Node | None:
    """What is equal for every text is equal for every row."""
    (x, _) = node.inputs
    return broadcast(x.inputs[0], node.shape, ()) if is_a(x, "broadcast") and not x.inputs[0].ndim else None


@rule(
    RULES,
    "put_along(x at i) → x * put_along(1 at i), for one entry along the axis",
    "put_along",
    example(lambda x, i: ops.put_along(x, i, 1, 4), floats(3, 1), ints(3, 1)),
)
def put_ones(node: Node) -> Node | None:
    """One-hot rows, of which a common factor can be taken: s softmax - put(s) = s (softmax - one-hot)."""
    x, index = node.inputs
    axis = node.attributes["axis"]
    if x.shape[axis] != 1 or scalar_constant(x) == 1 or x.type.dtype != "float":
        return None
    others = [i for i in range(node.ndim) if i != axis]
    factor = broadcast(ops.reshape(x, tuple(x.shape[i] for i in others)), node.shape, others)
    return factor * again(node, ops.broadcast_to(1.0, x.shape), index)
