"""Rows with one id, added up first: what is not linear in a sparse gradient is done to the rows that the batch read.

A gradient that is scattered from rows r at ids i has, in row i, the sum of the rows with that id, and zeros elsewhere.
With c = combine_rows(r, i) and u = distinct(i) it is scatter(c at u), where no id comes twice. So its square is
scatter(c² at u), its product and its quotient with a table y are scatter(c y[u] at u) and scatter(c / y[u] at u), and
its norm is that of c: Adagrad, s + g² and θ - η g / (√s + ε), changes the rows that were read, exactly, and no dense
gradient is made for it or for clipping. (Where √s + ε is 0 the dense quotient would be 0 / 0 and not 0.)

What changes rows that were not read, as the decay of Adam's moments and L2 do, stays dense, unless the optimiser is
asked to be lazy (see :mod:`lexgrad.nn.optimisers`): then everything is asked for in rows u, and the rules for ``take``
carry this question down to the gradient's own rows.
"""

from __future__ import annotations

from collections.abc import Mapping

from lexgrad import ops
from lexgrad.graph import Dim, Node, RewriteRule, Size, product
from lexgrad.ops.lifting import scalar_constant
from lexgrad.ops.movement import broadcast
from lexgrad.ops.rows import distinct_from, in_one_axis
from lexgrad.passes.rules import ELEMENTWISE, again, example, floats, ints, is_a, rule

LARGE = 1000
"""Rows of a table from which on it pays not to touch all of it, where the number of rows read is a named size."""

RULES: list[RewriteRule] = []


def far_fewer(ids: Node, rows: object) -> bool:
    """Whether ids are far fewer than a table has rows, as far as that is known when the graph is built."""
    if not isinstance(rows, int):
        return False
    count = product(ids.shape)
    return rows >= LARGE if isinstance(count, Dim) else count < rows


def combined(rows: Node, ids: Node) -> tuple[Node, Node]:
    """The same rows with those of one id added up, and their distinct ids; as they are, if they are distinct."""
    if distinct_from(ids) is not None:
        return rows, ids
    flat = in_one_axis(ids)
    return ops.combine_rows(ops.reshape(rows, (*flat.shape, *rows.shape[ids.ndim :])), flat), ops.distinct(flat)


def _is_sparse(table: Node) -> bool:
    """Whether a table is scattered from far fewer rows than it has."""
    return is_a(table, "scatter_add") and far_fewer(table.inputs[1], table.shape[0])


def _rows_of(x: Node, ids: Node) -> Node:
    """``take(x, ids)``, computed from rows of x's operands; anything where ids are -1."""
    if x.primitive.name in ELEMENTWISE:
        return again(x, *(_rows_of(operand, ids) for operand in x.inputs))
    if is_a(x, "broadcast") and 0 not in x.attributes["axes"]:
        return broadcast(x.inputs[0], (*ids.shape, *x.shape[1:]), x.attributes["axes"])
    return ops.take(x, ids)


def _spread_scalar(x: Node) -> bool:
    return is_a(x, "broadcast") and not x.inputs[0].ndim


@rule(
    RULES,
    "scatter_add(r, i) * y → scatter_add(c * y[u], u), c and u the combined rows",
    "multiply",
    example(lambda r, i, y: ops.scatter_add(r, i, 9) * y, floats(5, 4), ints(5), floats(9, 4)),
)
def multiply_rows(node: Node) -> Node | None:
    """0 times whatever there is, is 0. A number for all entries is left to linear rules: they need no distinct ids."""
    for table, other in (node.inputs, node.inputs[::-1]):
        if _is_sparse(table) and not _spread_scalar(other):
            rows, ids = combined(*table.inputs)
            factor = rows if other is table else _rows_of(other, ids)
            return again(table, rows * factor, ids)
    return None


@rule(
    RULES,
    "scatter_add(r, i) / y → scatter_add(c / y[u], u), c and u the combined rows",
    "divide",
    example(lambda r, i, y: ops.scatter_add(r, i, 9) / y, floats(5, 4), ints(5), floats(9, 4)),
)
def divide_rows(node: Node) -> Node | None:
    """As above."""
    table, other = node.inputs
    if not _is_sparse(table) or _spread_scalar(other):
        return None
    rows, ids = combined(*table.inputs)
    return again(table, rows / _rows_of(other, ids), ids)


def _limit_rows(node: Node) -> Node | None:
    for table, limit in (node.inputs, node.inputs[::-1]):
        number = scalar_constant(limit)
        if _is_sparse(table) and number is not None and (number >= 0) is is_a(node, "minimum"):
            rows, ids = combined(*table.inputs)
            return again(table, again(node, rows, ops.broadcast_to(number, rows.shape)), ids)
    return None


for _primitive, _number in (("minimum", 0.3), ("maximum", -0.3)):
    rule(
        RULES,
        f"{_primitive}(scatter_add(r, i), c) → scatter_add({_primitive}(c, combined rows), u), where 0 stays 0",
        _primitive,
        example(
            lambda r, i, p=_primitive, c=_number: getattr(ops, p)(ops.scatter_add(r, i, 9), c), floats(5, 4), ints(5)
        ),
    )(_limit_rows)


@rule(
    RULES,
    "sum(scatter_add(r, i)) → sum(r), without rows at -1",
    "sum",
    example(lambda r, i: ops.sum(ops.scatter_add(r, i, 9)), floats(5, 4), ints(5)),
)
def sum_of_rows(node: Node) -> Node | None:
    """What is added up in the end need not be put in its place first."""
    (table,) = node.inputs
    if not _is_sparse(table) or len(node.attributes["axes"]) < table.ndim:
        return None
    rows, ids = table.inputs
    nothing = broadcast(ids < 0, rows.shape, range(ids.ndim))
    return ops.sum(ops.where(nothing, 0.0, rows))


# --- what is asked for in distinct rows only

_LINEAR = ("add", "negative", "subtract")


def _asked(node: Node) -> tuple[Node, Node] | None:
    """The table and the ids of a ``take`` of distinct rows, far fewer than there are; None for any other."""
    table, ids = node.inputs
    return (table, ids) if distinct_from(ids) is not None and far_fewer(ids, table.shape[0]) else None


@rule(
    RULES,
    "take(x + y, u) → take(x, u) + take(y, u), and so for - and signs, u distinct",
    "take",
    example(lambda x, y, i: ops.take(x - y, ops.distinct(i)), floats(9, 4), floats(9, 4), ints(5)),
    counts=True,
)
def ask_operands(node: Node, users: Mapping[Node, int]) -> Node | None:
    """Only what leaves 0 where it was: a row that stands for nothing is 0."""
    asked = _asked(node)
    if asked is None or asked[0].primitive.name not in _LINEAR or users.get(asked[0]) != 1:
        return None
    table, ids = asked
    return again(table, *(ops.take(operand, ids) for operand in table.inputs))


@rule(
    RULES,
    "take(x * y, u) → take(x, u) * y[u], u distinct",
    "take",
    example(lambda x, i: ops.take(2.5 * x, ops.distinct(i)), floats(9, 4), ints(5)),
    counts=True,
)
def ask_factors(node: Node, users: Mapping[Node, int]) -> Node | None:
    """One factor that is 0 where nothing is asked for is enough."""
    asked = _asked(node)
    if asked is None or not is_a(asked[0], "multiply") or users.get(asked[0]) != 1:
        return None
    (x, y), ids = asked[0].inputs, asked[1]
    if is_a(x, "broadcast"):
        x, y = y, x
    return ops.take(x, ids) * (_rows_of(y, ids) if is_a(y, "broadcast") else ops.take(y, ids))


@rule(
    RULES,
    "take(add_rows(x, r, i), u) → take(x, u) + take(scatter_add(r, i), u), u distinct",
    "take",
    example(lambda x, r, i: ops.take(ops.add_rows(x, r, i), ops.distinct(i)), floats(9, 4), floats(5, 4), ints(5)),
    counts=True,
)
def ask_table_and_rows(node: Node, users: Mapping[Node, int]) -> Node | None:
    """The same for a sum that is written as rows added to a table."""
    asked = _asked(node)
    if asked is None or not is_a(asked[0], "add_rows") or users.get(asked[0]) != 1:
        return None
    table, rows, places = asked[0].inputs
    return ops.take(table, asked[1]) + ops.take(ops.scatter_add(rows, places, table.shape[0]), asked[1])


@rule(
    RULES,
    "take(scatter_add(r, i), distinct(i)) → combine_rows(r, i)",
    "take",
    example(lambda r, i: ops.take(ops.scatter_add(r, i, 9), ops.distinct(i)), floats(5, 4), ints(5)),
)
def ask_rows(node: Node) -> Node | None:
    """Each row of the table is asked for where its id stands first; i may also be a part of what u is distinct of."""
    asked = _asked(node)
    if asked is None or not is_a(asked[0], "scatter_add"):
        return None
    (rows, ids), every = asked[0].inputs, distinct_from(asked[1])
    assert every is not None
    if ids is asked[1]:
        return ops.where(broadcast(ids < 0, rows.shape, (0,)), 0.0, rows)
    start = _place_of(ids, every)
    if start is None:
        return None
    flat = in_one_axis(ids)
    places = ops.take_slice(ops.order_met(every), 0, start, start + flat.shape[0])
    return ops.scatter_add(ops.reshape(rows, (*flat.shape, *node.shape[1:])), places, every.shape[0])


def _changed_where_they_are(x: Node, r: Node, i: Node) -> Node:
    words = ops.distinct(i)
    return ops.set_rows(x, ops.add_rows(ops.take(x, words), r, words.inputs[2]), words)


@rule(
    RULES,
    "set_rows(x, add_rows(take(x, u), r, order_met(i)), u) → add_rows(x, r, i), u = distinct(i)",
    "set_rows",
    example(_changed_where_they_are, floats(9, 4), floats(5, 4), ints(5)),
)
def add_where_they_are(node: Node) -> Node | None:
    """Rows to which others are added, and nothing else is done, need not be told apart."""
    table, changed, ids = node.inputs
    every = distinct_from(ids)
    if every is None or not is_a(changed, "add_rows"):
        return None
    before, rows, places = changed.inputs
    if not is_a(before, "take") or before.inputs != (table, ids) or places is not ids.inputs[2]:
        return None
    return ops.add_rows(table, rows, every)


def _place_of(ids: Node, every: Node) -> Size | None:
    """Where ``ids`` begin in the concatenation ``every``, or None if they are no part of it."""
    start: Size = 0
    for part in every.inputs if is_a(every, "concatenate") else (every,):
        if _unshaped(part) is _unshaped(ids):
            return start
        start = start + part.shape[0]
    return None


def _unshaped(ids: Node) -> Node:
    return ids.inputs[0] if is_a(ids, "reshape") else ids
