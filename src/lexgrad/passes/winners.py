"""Selection through the maximum over each text: what comes back goes to the winners, and to nothing else.

The gradient of ``segment_max`` is put_along(v, a), where a says for each text and column which row has won: one entry a
text, not one a word. Products with it are sums over the winners. So the gradient of a convolution's weights under
max-over-time pooling, Xᵀ put_along(v, a), is the sum over texts of v times the winning windows, X[a]; that of its
windows is scattered from v W; and the derivative of what lies between, σ'(z) say, is asked for where the winners stand.
No gradient with a row for each word is made, and embeddings that are pooled by the maximum change entry by entry.
"""

from __future__ import annotations

from collections.abc import Mapping

from lexgrad import ops
from lexgrad.graph import Node, RewriteRule
from lexgrad.ops.lifting import scalar_constant
from lexgrad.ops.movement import broadcast
from lexgrad.passes.rules import ELEMENTWISE, again, bools, example, floats, ints, is_a, rule
from lexgrad.passes.sparse import followed

RULES: list[RewriteRule] = []


def _many(put: Node) -> bool:
    """A single entry along the axis is a comparison with its index, which costs nothing where it is read."""
    return bool(put.inputs[1].shape[put.attributes["axis"]] != 1)


def _add_put(node: Node, users: Mapping[Node, int]) -> Node | None:
    x, put = node.inputs
    if is_a(x, "put_along") and is_a(node, "add"):
        x, put = put, x
    if not is_a(put, "put_along") or users.get(put) != 1 or not _many(put):
        return None
    values, places = put.inputs
    return ops.add_along(x, -values if is_a(node, "subtract") else values, places, put.attributes["axis"])


for _primitive, _sign in (("add", "+"), ("subtract", "-")):
    rule(
        RULES,
        f"x {_sign} put_along(v, i) → add_along(x, {_sign.strip('+')}v, i), for many entries along the axis",
        _primitive,
        example(
            lambda x, v, i, p=_primitive: getattr(ops, p)(x, ops.put_along(v, i, 0, 3)),
            floats(3, 4),
            floats(2, 4),
            ints(2, 4),
        ),
        counts=True,
    )(_add_put)


def _winners(node: Node) -> bool:
    """Whether a node is put where the rows stand that win in their texts, of which there are several."""
    return is_a(node, "put_along") and node.ndim == 2 and is_a(node.inputs[1], "segment_argmax") and _many(node)


def _put(values: Node, rows: Node, cuts: Node) -> Node:
    """An example of what is put to winners: the rows decide, and there are three of them."""
    return ops.put_along(values, ops.segment_argmax(rows, cuts), 0, 3)


def _at(y: Node, places: Node) -> Node:
    """``take_along(y, places, 0)``, computed from entries of y's operands; anything where a place is -1."""
    if y.primitive.name in ELEMENTWISE:
        return again(y, *(_at(operand, places) for operand in y.inputs))
    if is_a(y, "broadcast") and 0 not in y.attributes["axes"]:
        return again(y, *y.inputs, shape=places.shape)
    return ops.take_along(y, places, 0)


@rule(
    RULES,
    "put_along(v, a) * y → put_along(v * y[a], a), a the winners",
    "multiply",
    example(lambda v, x, cuts, y: _put(v, x, cuts) * y, floats(2, 4), floats(3, 4), ints(3), floats(3, 4)),
)
def multiply_winners(node: Node) -> Node | None:
    """A derivative in between is asked for where it counts."""
    for put, other in (node.inputs, node.inputs[::-1]):
        if _winners(put):
            values, places = put.inputs
            return again(put, values * _at(other, places), places)
    return None


def _select_winners(node: Node) -> Node | None:
    choice, *branches = node.inputs
    for side, put in enumerate(branches):
        if _winners(put) and scalar_constant(branches[1 - side]) == 0:
            values, places = put.inputs
            chosen = [values, ops.broadcast_to(0.0, values.shape)]
            return again(put, ops.where(_at(choice, places), *(chosen if side == 0 else chosen[::-1])), places)
    return None


rule(
    RULES,
    "where(z, put_along(v, a), 0) → put_along(where(z[a], v, 0), a), a the winners",
    "select",
    example(
        lambda z, v, x, cuts: ops.where(z, _put(v, x, cuts), 0.0), bools(3, 4), floats(2, 4), floats(3, 4), ints(3)
    ),
)(_select_winners)


@rule(
    RULES,
    "x @ put_along(v, a) → transpose(sum(v * transpose(x)[a])), a the winners",
    "matmul",
    example(lambda x, v, y, cuts: x.T @ _put(v, y, cuts), floats(3, 5), floats(2, 4), floats(3, 4), ints(3)),
)
def product_with_winners(node: Node) -> Node | None:
    """The gradient of weights: a sum over texts, and not over words."""
    x, put = node.inputs
    return ops.transpose(_sum_of_winners(put, ops.transpose(x))) if _winners(put) and x.ndim == 2 else None


@rule(
    RULES,
    "transpose(put_along(v, a)) @ x → sum(v * x[a]), a the winners",
    "matmul",
    example(lambda x, v, y, cuts: _put(v, y, cuts).T @ x, floats(3, 5), floats(2, 4), floats(3, 4), ints(3)),
)
def product_with_winners_on_the_left(node: Node) -> Node | None:
    """As above, transposed."""
    left, x = node.inputs
    if not is_a(left, "transpose") or not _winners(left.inputs[0]) or x.ndim != 2:
        return None
    return _sum_of_winners(left.inputs[0], x)


def _sum_of_winners(put: Node, x: Node) -> Node:
    values, places = put.inputs
    chosen = ops.take(x, places)  # (batch, columns, …)
    known = ops.where(places < 0, 0.0, values)
    return ops.sum(chosen * broadcast(known, chosen.shape, (0, 1)), 0)


@rule(
    RULES,
    "put_along(v, a) @ y → scatter_add(v * y, a), a the winners",
    "matmul",
    example(lambda v, x, cuts, y: _put(v, x, cuts) @ y, floats(2, 4), floats(3, 4), ints(3), floats(4, 5)),
)
def product_of_winners(node: Node) -> Node | None:
    """The gradient of what went into a product: each winner sends its own row back."""
    put, y = node.inputs
    if not _winners(put) or y.ndim != 2:
        return None
    values, places = put.inputs
    shape = (*values.shape, y.shape[1])
    places = ops.where(ops.equal(values, 0.0), -1, places)  # behind a ReLU or dropout, say: no row to add
    return ops.scatter_add(broadcast(values, shape, (0, 1)) * broadcast(y, shape, (1, 2)), places, put.shape[0])


@rule(
    RULES,
    "sum(put_along(v, a)) → sum(v), without what is put nowhere",
    "sum",
    example(lambda v, x, cuts: ops.sum(_put(v, x, cuts), 0), floats(2, 4), floats(3, 4), ints(3)),
)
def sum_of_winners(node: Node) -> Node | None:
    """The gradient of a bias."""
    (put,) = node.inputs
    if not _winners(put) or 0 not in node.attributes["axes"]:
        return None
    values, places = put.inputs
    return again(node, ops.where(places < 0, 0.0, values))


@rule(
    RULES,
    "add_rows(x, put_along(v, a), i) → add_along(x, v, i[a]), a the winners",
    "add_rows",
    example(lambda x, v, y, cuts, i: ops.add_rows(x, _put(v, y, cuts), i),
            floats(5, 4), floats(2, 4), floats(3, 4), ints(3), ints(3)),
)  # fmt: skip
def add_winners(node: Node) -> Node | None:
    """Of the rows of a parameter that a text reads, only the winning entries change."""
    x, put, ids = node.inputs
    if not _winners(put) or ids.ndim != 1 or not is_a(x, "input"):
        return None
    values, places = put.inputs
    return ops.add_along(x, values, followed(ids, places), 0)


LATE: list[RewriteRule] = []
"""Rules for what no update of rows has taken in: before, they would hide from it that rows alone change."""


@rule(
    LATE,
    "scatter_add(put_along(v, a), i) → put_along(v, i[a]), a the winners",
    "scatter_add",
    example(lambda v, y, cuts, i: ops.scatter_add(_put(v, y, cuts), i, 5),
            floats(2, 4), floats(3, 4), ints(3), ints(3)),
)  # fmt: skip
def combine_winners(node: Node) -> Node | None:
    """Rows with one id are added up: what has won in them."""
    put, ids = node.inputs
    if not _winners(put) or ids.ndim != 1:
        return None
    values, places = put.inputs
    return ops.put_along(values, followed(ids, places), 0, node.shape[0])
