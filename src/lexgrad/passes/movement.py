"""Movement that moves nothing, or that two steps do where one would; and work done before entries are repeated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lexgrad import ops
from lexgrad.graph import PRIMITIVES, Node, RewriteRule, Shape, Type
from lexgrad.ops.movement import broadcast
from lexgrad.passes.rules import ELEMENTWISE, again, bools, example, floats, is_a, ones_apart, raw, rule

RULES: list[RewriteRule] = []


def _identity(name: str, primitive: str, shown: Callable[[Node], Node], type: Type) -> None:
    """Declare that the primitive can go wherever its result has the operand's type and ``same`` holds."""
    rule(RULES, name, primitive, example(shown, type))(lambda node: node.inputs[0] if _same(node) else None)


def _same(node: Node) -> bool:
    at = _UNMOVED.get(node.primitive.name, _always)
    return node.type == node.inputs[0].type and at(node)


def _always(node: Node) -> bool:
    return True


_UNMOVED: dict[str, Callable[[Node], bool]] = {
    "concatenate": lambda node: len(node.inputs) == 1,
    "pad": lambda node: all(size == 0 for size in node.attributes["low"]),
    "reverse": lambda node: all(node.shape[axis] in (0, 1) for axis in node.attributes["axes"]),
    "slice": lambda node: all(start == 0 for start in node.attributes["starts"]),
    "sum": lambda node: not node.attributes["axes"],
    "transpose": lambda node: node.attributes["axes"] == tuple(range(node.ndim)),
}
"""What has to hold besides equal types for a movement to move nothing."""

_F34 = floats(3, 4)
_identity(
    "broadcast to the same shape → x", "broadcast", lambda x: raw("broadcast", x, shape=(3, 4), axes=(0, 1)), _F34
)
_identity("cast to the same kind → x", "cast", lambda x: raw("cast", x, dtype="float"), _F34)
_identity("concatenate(x) → x", "concatenate", lambda x: raw("concatenate", x, axis=0), _F34)
_identity("pad with nothing → x", "pad", lambda x: raw("pad", x, low=(0, 0), high=(0, 0), interior=(0, 0)), _F34)
_identity("reshape to the same shape → x", "reshape", lambda x: raw("reshape", x, shape=(3, 4)), _F34)
_identity("reverse one entry → x", "reverse", lambda x: raw("reverse", x, axes=(0,)), floats(1, 4))
_identity("slice of all → x", "slice", lambda x: raw("slice", x, starts=(0, 0), stops=(3, 4), steps=(1, 1)), _F34)
_identity("sum over no axis → x", "sum", lambda x: raw("sum", x, axes=()), _F34)
_identity("transpose to the same order → x", "transpose", lambda x: raw("transpose", x, axes=(0, 1)), _F34)


# --- reshape


def _long(shape: Shape) -> list[int]:
    """The axes that are not of size 1."""
    return [axis for axis, size in enumerate(shape) if size != 1]


@rule(
    RULES,
    "reshape(reshape(x)) → reshape(x)",
    "reshape",
    example(lambda x: raw("reshape", ops.reshape(x, (6, 2)), shape=(2, 6)), _F34),
)
def join_reshapes(node: Node) -> Node | None:
    """Row-major order is the same whatever was in between."""
    (inner,) = node.inputs
    return ops.reshape(inner.inputs[0], node.shape) if is_a(inner, "reshape") else None


@rule(
    RULES,
    "reshape(broadcast(x)) → broadcast(x)",
    "reshape",
    example(lambda x: ops.reshape(broadcast(x, (3, 1, 4), (2,)), (3, 4)), floats(4)),
)
def reshape_before_repeating(node: Node) -> Node | None:
    """A scalar has no axes to mind; otherwise only axes of size 1 may come and go."""
    (inner,) = node.inputs
    if not is_a(inner, "broadcast"):
        return None
    (x,) = inner.inputs
    if not x.ndim:
        return broadcast(x, node.shape, ())
    if not ones_apart(inner.shape, node.shape):
        return None
    place = dict(zip(_long(inner.shape), _long(node.shape), strict=True))
    source, axes = ops.squeeze(x), [place[a] for a in inner.attributes["axes"] if inner.shape[a] != 1]
    return broadcast(source, node.shape, axes)


@rule(
    RULES,
    "reshape(transpose(x)) → reshape(x), where axes of size 1 move",
    "reshape",
    example(lambda x: ops.reshape(ops.transpose(x), (4,)), floats(4, 1)),
)
def reshape_in_place_of_transpose(node: Node) -> Node | None:
    """Entries do not move in memory when an axis of size 1 does."""
    (inner,) = node.inputs
    if not is_a(inner, "transpose"):
        return None
    long = [axis for axis in inner.attributes["axes"] if inner.inputs[0].shape[axis] != 1]
    return ops.reshape(inner.inputs[0], node.shape) if long == sorted(long) else None


# --- transpose


@rule(
    RULES,
    "transpose(transpose(x)) → transpose(x)",
    "transpose",
    example(lambda x: ops.transpose(ops.transpose(x, (1, 2, 0)), (1, 2, 0)), floats(2, 3, 4)),
)
def join_transposes(node: Node) -> Node | None:
    """One order after the other is an order; back and forth is none."""
    (inner,) = node.inputs
    if not is_a(inner, "transpose"):
        return None
    return ops.transpose(inner.inputs[0], tuple(inner.attributes["axes"][axis] for axis in node.attributes["axes"]))


@rule(
    RULES,
    "transpose(broadcast(x)) → broadcast(transpose(x))",
    "transpose",
    example(lambda x: ops.transpose(broadcast(x, (4, 2, 3), (1, 2)), (2, 0, 1)), floats(2, 3)),
)
def transpose_before_repeating(node: Node) -> Node | None:
    """Axes that x does not have need no moving."""
    (inner,) = node.inputs
    if not is_a(inner, "broadcast"):
        return None
    (x,) = inner.inputs
    places = [node.attributes["axes"].index(axis) for axis in inner.attributes["axes"]]
    order = sorted(range(x.ndim), key=places.__getitem__)
    return broadcast(ops.transpose(x, order), node.shape, sorted(places))


@rule(
    RULES,
    "transpose(transpose(x) @ y) → transpose(y) @ x",
    "transpose",
    example(lambda x, y: (x.T @ y).T, floats(4, 3), floats(4, 2)),
)
def transpose_factors(node: Node) -> Node | None:
    """(A B)ᵀ = Bᵀ Aᵀ, where a factor is transposed already."""
    (inner,) = node.inputs
    if not is_a(inner, "matmul") or node.ndim != 2 or node.attributes["axes"] != (1, 0):
        return None
    x, y = inner.inputs
    if x.ndim != 2 or y.ndim != 2 or not (is_a(x, "transpose") or is_a(y, "transpose")):
        return None
    return ops.matmul(ops.transpose(y), ops.transpose(x))


# --- products with one column or row


@rule(
    RULES,
    "column @ row → column * row",
    "matmul",
    example(ops.matmul, floats(3, 1), floats(1, 4)),
)
def multiply_out(node: Node) -> Node | None:
    """A sum of one term is no sum: an outer product is computed entry by entry, where it is read."""
    x, y = node.inputs
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != 1:
        return None
    column, row = ops.reshape(x, x.shape[:1]), ops.reshape(y, y.shape[1:])
    return broadcast(column, node.shape, (0,)) * broadcast(row, node.shape, (1,))


# --- broadcast


@rule(
    RULES,
    "broadcast(broadcast(x)) → broadcast(x)",
    "broadcast",
    example(lambda x: broadcast(broadcast(x, (3, 4), (0,)), (2, 3, 4), (1, 2)), floats(3)),
)
def join_broadcasts(node: Node) -> Node | None:
    """Repeated entries repeated again."""
    (inner,) = node.inputs
    if not is_a(inner, "broadcast"):
        return None
    axes = tuple(node.attributes["axes"][axis] for axis in inner.attributes["axes"])
    return again(node, *inner.inputs, axes=axes)


@rule(
    RULES,
    "broadcast(reshape(x)) → broadcast(x), where axes of size 1 were put in",
    "broadcast",
    example(lambda x: broadcast(ops.reshape(x, (3, 1)), (2, 3, 1), (1, 2)), floats(3)),
)
def broadcast_past_ones(node: Node) -> Node | None:
    """Broadcasting puts in axes of size 1 as well as any others."""
    (inner,) = node.inputs
    if not is_a(inner, "reshape"):
        return None
    (x,) = inner.inputs
    if not ones_apart(x.shape, inner.shape) or 1 in x.shape:
        return None
    axes = [node.attributes["axes"][axis] for axis in _long(inner.shape)]
    return broadcast(x, node.shape, axes)


def _repeated_alike(operands: Sequence[Node]) -> tuple[int, ...] | None:
    """The axes along which operands differ, where all are broadcast and some axis is left over; else None."""
    if not operands or not all(is_a(operand, "broadcast") for operand in operands):
        return None
    axes = sorted({axis for operand in operands for axis in operand.attributes["axes"]})
    return tuple(axes) if len(axes) < operands[0].ndim else None


def compute_before_repeating(node: Node) -> Node | None:
    """f(broadcast(x), broadcast(y)) → broadcast(f(x, y)): what is equal in all rows is computed once."""
    axes = _repeated_alike(node.inputs)
    if axes is None:
        return None
    shape = tuple(node.shape[axis] for axis in axes)
    place = {axis: i for i, axis in enumerate(axes)}
    small = [
        broadcast(operand.inputs[0], shape, [place[axis] for axis in operand.attributes["axes"]])
        for operand in node.inputs
    ]
    return broadcast(again(node, *small), node.shape, axes)


def _of_broadcasts(name: str) -> Callable[[Node, Node, Node], Node]:
    """An example for an elementwise primitive: of a scalar and a vector, both repeated."""

    def made(truth: Node, x: Node, y: Node) -> Node:
        primitive = PRIMITIVES[name]
        count = primitive.samples[0].inputs
        wants_truth = name.startswith("logical")
        operands = [truth if wants_truth or (name == "select" and i == 0) else (x, y)[i % 2] for i in range(len(count))]
        repeated = [broadcast(operand, (3, 4), (1,) if operand.ndim else ()) for operand in operands]
        return raw(name, *repeated, **primitive.samples[0].attributes)

    return made


RULES.extend(
    RewriteRule(
        f"{name} of broadcasts → broadcast of {name}",
        name,
        compute_before_repeating,
        example=example(_of_broadcasts(name), bools(4), floats(4), floats()),
    )
    for name in sorted(ELEMENTWISE)
)
