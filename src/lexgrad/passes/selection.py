"""Choices that are made already, casts on the way to another cast, and what only differentiation asks for."""

from __future__ import annotations

from lexgrad import ops
from lexgrad.graph import Node, RewriteRule
from lexgrad.graph.types import DTYPES
from lexgrad.passes.pattern import pattern_rule
from lexgrad.passes.rules import bools, example, is_a, rule

RULES: list[RewriteRule] = [
    pattern_rule("where(True, x, y) → x"),
    pattern_rule("where(False, x, y) → y"),
    pattern_rule("where(z, x, x) → x", types={"z": bools(3, 4)}),
    pattern_rule("where(logical_not(z), x, y) → where(z, y, x)", types={"z": bools(3, 4)}),
    pattern_rule("logical_not(logical_not(z)) → z", types={"z": bools(3, 4)}),
    # Whatever passes through here is not differentiated any more.
    pattern_rule("stop_gradient(x) → x"),
]


@rule(
    RULES,
    "cast(cast(x)) → cast(x), where the first loses nothing",
    "cast",
    example(lambda x: ops.cast(ops.cast(x, "int"), "float"), bools(3)),
)
def join_casts(node: Node) -> Node | None:
    """bool ⊂ int ⊂ float: a step up this ladder can be left out."""
    (inner,) = node.inputs
    if not is_a(inner, "cast"):
        return None
    ladder = {dtype: i for i, dtype in enumerate(reversed(DTYPES))}
    (x,) = inner.inputs
    return ops.cast(x, node.type.dtype) if ladder[inner.type.dtype] >= ladder[x.type.dtype] else None
