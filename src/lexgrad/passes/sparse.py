"""Sparse gradients: rows that were read from a table go into its update as rows, and no dense gradient is made.

The gradient of ``take`` is a scatter of rows. Sums, differences and scalars are linear, so the rows can be carried
through them into the optimiser's update, exactly: SGD's p - η scatter(r at i) is add_rows(p, -η r at i), with the L2
penalty and with clipping too, and momentum's decayed velocity has rows added to it. What is not linear, squares and
quotients and norms, needs rows with one id added up first: see :mod:`lexgrad.passes.combined`.
"""

from __future__ import annotations

from collections.abc import Mapping

from lexgrad import ops
from lexgrad.graph import Dim, Node, RewriteRule, Size
from lexgrad.ops.lifting import scalar_constant
from lexgrad.passes.pattern import pattern_rule
from lexgrad.passes.rules import again, example, floats, ints, is_a, rule

FEW = 8
"""Rows that are as well added one by one."""

_ROWS = {"r": floats(2, 4), "q": floats(2, 4), "i": ints(2), "j": ints(2)}
_SCATTER = {"scatter_add": {"size": 3}}


def _given(letters: Mapping[str, Node]) -> bool:
    """A parameter: rows can be added to it in place."""
    return letters["x"].primitive.name == "input"


RULES: list[RewriteRule] = [
    pattern_rule("x + scatter_add(r, i) → add_rows(x, r, i)", alone=True, types=_ROWS, attributes=_SCATTER),
    pattern_rule("x - scatter_add(r, i) → add_rows(x, -r, i)", alone=True, types=_ROWS, attributes=_SCATTER),
    pattern_rule("scatter_add(r, i) - x → add_rows(-x, r, i)", alone=True, types=_ROWS, attributes=_SCATTER),
    # To a parameter rows are added even where the norm, say, needs the dense gradient besides.
    pattern_rule("x + s * scatter_add(r, i) → add_rows(x, s * r, i)", when=_given, types=_ROWS, attributes=_SCATTER),
    pattern_rule("x - s * scatter_add(r, i) → add_rows(x, -(s * r), i)", when=_given, types=_ROWS, attributes=_SCATTER),
    pattern_rule("s * scatter_add(r, i) → scatter_add(s * r, i)", alone=True, types=_ROWS, attributes=_SCATTER),
    pattern_rule("-scatter_add(r, i) → scatter_add(-r, i)", alone=True, types=_ROWS, attributes=_SCATTER),
    pattern_rule("x + add_rows(y, r, i) → add_rows(x + y, r, i)", alone=True, types=_ROWS),
    pattern_rule("x - add_rows(y, r, i) → add_rows(x - y, -r, i)", alone=True, types=_ROWS),
    pattern_rule("add_rows(y, r, i) - x → add_rows(y - x, r, i)", alone=True, types=_ROWS),
    pattern_rule("s * add_rows(y, r, i) → add_rows(s * y, s * r, i)", alone=True, types=_ROWS),
    pattern_rule("-add_rows(y, r, i) → add_rows(-y, -r, i)", alone=True, types=_ROWS),
]


def followed(ids: Node, places: Node) -> Node:
    """``ids[places]``, and -1 where a place is -1; of places that follow others, ``ids`` follow the first ones."""
    if is_a(places, "select"):
        below, nothing, found = places.inputs
        if scalar_constant(nothing) == -1 and is_a(found, "take") and is_a(below, "less"):
            first, second = found.inputs
            if below.inputs[0] is second and scalar_constant(below.inputs[1]) == 0:
                return followed(followed(ids, first), second)
    return ops.where(places < 0, -1, ops.take(ids, places))


@rule(
    RULES,
    "take(take(x, i), j) → take(x, i[j])",
    "take",
    example(lambda x, i, j: ops.take(ops.take(x, i), j), floats(3, 4), ints(5), ints(2)),
    counts=True,
)
def join_takes(node: Node, users: Mapping[Node, int]) -> Node | None:
    """Numbers are looked up in place of rows."""
    inner, places = node.inputs
    if not is_a(inner, "take") or users.get(inner) != 1 or inner.inputs[1].ndim != 1 or inner.inputs[0].ndim < 2:
        return None
    return ops.take(inner.inputs[0], followed(inner.inputs[1], places))


@rule(
    RULES,
    "take(x, i) @ W → take(x @ W, i), where x has no more rows, and W no more columns",
    "matmul",
    example(lambda x, i, W: ops.take(x, i) @ W, floats(3, 4), ints(5), floats(4, 2)),
)
def multiply_before_taking(node: Node) -> Node | None:
    """A row is multiplied once, however often it is looked up: windows of words that overlap, say."""
    rows, W = node.inputs
    if not is_a(rows, "take") or rows.ndim != 2 or W.ndim != 2 or rows.inputs[1].ndim != 1:
        return None
    x, ids = rows.inputs
    wide = isinstance(W.shape[1], int) and isinstance(x.shape[1], int) and W.shape[1] <= x.shape[1]
    return ops.take(x @ W, ids) if wide and at_most(x.shape[0], ids.shape[0]) else None


def at_most(first: Size, second: Size) -> bool:
    """Whether a size is at most another, for any values of their names."""
    more = second - first
    return all(count >= 0 for _, count in more.terms) if isinstance(more, Dim) else more >= 0


@rule(
    RULES,
    "scatter_add(scatter_add(r, i), j) → scatter_add(r, j[i])",
    "scatter_add",
    example(lambda r, i, j: ops.scatter_add(ops.scatter_add(r, i, 3), j, 4), floats(2, 4), ints(2), ints(3)),
    counts=True,
)
def join_scatters(node: Node, users: Mapping[Node, int]) -> Node | None:
    """Rows go where they go in the end."""
    inner, places = node.inputs
    if not is_a(inner, "scatter_add") or users.get(inner) != 1 or places.ndim != 1 or inner.ndim < 2:
        return None
    return again(node, inner.inputs[0], followed(places, inner.inputs[1]))


@rule(
    RULES,
    "scatter_add(add_rows(x, r, i), j) → add_rows(scatter_add(x, j), r, j[i])",
    "scatter_add",
    example(
        lambda x, r, i, j: ops.scatter_add(ops.add_rows(x, r, i), j, 4), floats(3, 4), floats(2, 4), ints(2), ints(3)
    ),
    counts=True,
)
def scatter_sum(node: Node, users: Mapping[Node, int]) -> Node | None:
    """As above, where rows come from several places."""
    inner, places = node.inputs
    if not is_a(inner, "add_rows") or users.get(inner) != 1 or places.ndim != 1 or inner.ndim < 2:
        return None
    x, rows, ids = inner.inputs
    return ops.add_rows(again(node, x, places), rows, followed(places, ids))


@rule(
    RULES,
    "add_rows(y, add_rows(x, r, i), j) → add_rows(add_rows(y, x, j), r, j[i])",
    "add_rows",
    example(
        lambda y, x, r, i, j: ops.add_rows(y, ops.add_rows(x, r, i), j),
        floats(4, 4),
        floats(3, 4),
        floats(2, 4),
        ints(2),
        ints(3),
    ),
    counts=True,
)
def add_sum(node: Node, users: Mapping[Node, int]) -> Node | None:
    """As above, into a table."""
    y, inner, places = node.inputs
    if not is_a(inner, "add_rows") or users.get(inner) != 1 or places.ndim != 1 or inner.ndim < 2:
        return None
    x, rows, ids = inner.inputs
    return ops.add_rows(again(node, y, x, places), rows, followed(places, ids))


@rule(
    RULES,
    "add_rows(y, scatter_add(r, i), j) → add_rows(y, r, j[i])",
    "add_rows",
    example(
        lambda y, r, i, j: ops.add_rows(y, ops.scatter_add(r, i, 3), j), floats(4, 4), floats(2, 4), ints(2), ints(3)
    ),
    counts=True,
)
def add_scattered(node: Node, users: Mapping[Node, int]) -> Node | None:
    """As above, of rows from one place."""
    y, inner, places = node.inputs
    if not is_a(inner, "scatter_add") or users.get(inner) != 1 or places.ndim != 1 or inner.ndim < 2:
        return None
    return again(node, y, inner.inputs[0], followed(places, inner.inputs[1]))


def _rows_of_texts(node: Node) -> Node | None:
    *table, rows, ids = node.inputs
    if not is_a(rows, "segment_repeat") or rows.ndim < 2 or rows.type.dtype != "float":
        return None
    if not table and not is_a(ids, "order_met"):
        return None  # a dense gradient has more to do than to read these rows
    each, cuts = rows.inputs
    numbers = ops.segment_repeat(ops.arange(each.shape[0]), cuts, rows.shape[0])
    return again(node, *table, ops.take(each, numbers), ids)


rule(
    RULES,
    "add_rows(x, segment_repeat(r), i) → add_rows(x, r[segment_repeat(numbers)], i)",
    "add_rows",
    example(
        lambda r, cuts, i: ops.add_rows(ops.broadcast_to(1.0, (5, 4)), ops.segment_repeat(r, cuts, 3), i),
        floats(2, 4),
        ints(3),
        ints(3),
    ),
)(_rows_of_texts)
rule(
    RULES,
    "combine_rows(segment_repeat(r), i) → combine_rows(r[segment_repeat(numbers)], i)",
    "scatter_add",
    example(lambda r, cuts, i: ops.combine_rows(ops.segment_repeat(r, cuts, 3), i), floats(2, 4), ints(3), ints(3)),
)(_rows_of_texts)


def _add_pad(node: Node, users: Mapping[Node, int]) -> Node | None:
    x, padded = node.inputs
    if is_a(x, "pad") and is_a(node, "add") and not is_a(padded, "pad"):
        x, padded = padded, x
    if not is_a(padded, "pad") or users.get(padded) != 1:
        return None
    (rows,), low = padded.inputs, padded.attributes["low"]
    others = (*low[1:], *padded.attributes["high"][1:], *padded.attributes["interior"])
    count = rows.shape[0]
    if any(size != 0 for size in others) or not isinstance(low[0], int) or not isinstance(count, int):
        return None
    if not 0 < count <= FEW or not isinstance(node.shape[0], int) or node.shape[0] < 4 * count:
        return None
    return ops.add_rows(x, -rows if is_a(node, "subtract") else rows, list(range(low[0], low[0] + count)))


for _primitive, _sign in (("add", "+"), ("subtract", "-")):
    rule(
        RULES,
        f"x {_sign} pad(r) → add_rows(x, {_sign.strip('+')}r, places), for a few rows",
        _primitive,
        example(
            lambda x, r, p=_primitive: getattr(ops, p)(x, ops.pad(r, [(2, 2), (0, 0)])), floats(5, 4), floats(1, 4)
        ),
        counts=True,
    )(_add_pad)


@rule(
    RULES,
    "s * put_along(x at i) → put_along(s * x at i)",
    "multiply",
    example(lambda s, x, i: s * ops.put_along(x, i, 0, 5), floats(), floats(2, 4), ints(2, 4)),
    counts=True,
)
def scale_what_is_put(node: Node, users: Mapping[Node, int]) -> Node | None:
    """Scale what is selected, and not the zeros around it."""
    for scalar, put in (node.inputs, node.inputs[::-1]):
        if not is_a(put, "put_along") or put.inputs[0].shape[put.attributes["axis"]] == 1 or users.get(put) != 1:
            continue
        if is_a(scalar, "broadcast") and not scalar.inputs[0].ndim:
            return again(put, scalar.inputs[0] * put.inputs[0], put.inputs[1])
    return None


@rule(
    RULES,
    "-put_along(x at i) → put_along(-x at i)",
    "negative",
    example(lambda x, i: -ops.put_along(x, i, 0, 5), floats(2, 4), ints(2, 4)),
    counts=True,
)
def negate_what_is_put(node: Node, users: Mapping[Node, int]) -> Node | None:
    """As above, for a sign."""
    (put,) = node.inputs
    if not is_a(put, "put_along") or put.inputs[0].shape[put.attributes["axis"]] == 1 or users.get(put) != 1:
        return None
    return again(put, -put.inputs[0], put.inputs[1])
