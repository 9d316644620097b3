"""Stable forms: what people write as the formula stands in the book, computed so that nothing overflows.

The softmax is kept as exp(x - logsumexp(x)), and the gradient of softmax cross-entropy becomes
s * (exp(x - logsumexp(x)) - put_along(1 at label)), which is (ŷ - y) / n as the lectures write it: the put_along of
ones is the one-hot y, and takes no memory where it is computed entry by entry.

These are identities of real numbers. Where the naive form overflows or loses all digits the new one does not: that is
the point of it, and the only difference. Naive forms are best rewritten *before* they are differentiated.
"""

from __future__ import annotations

from lexgrad import ops
from lexgrad.graph import Node, RewriteRule
from lexgrad.ops.movement import broadcast
from lexgrad.passes.pattern import pattern_rule
from lexgrad.passes.rules import example, floats, is_a, ones_apart, raw, rule

_AXES = {"sum": {"axes": (1,)}}

RULES: list[RewriteRule] = [
    pattern_rule("log(sum(exp(x))) → logsumexp(x)", attributes=_AXES),
    pattern_rule("log(exp(x)) → x"),
    pattern_rule("log(sigmoid(x)) → -softplus(-x)"),
    pattern_rule("log(1 - sigmoid(x)) → -softplus(x)"),
    pattern_rule("log(1 + exp(x)) → softplus(x)"),
    pattern_rule("log(exp(x) / y) → x - log(y)"),
    pattern_rule("1 / (1 + exp(-x)) → sigmoid(x)"),
    pattern_rule("1 / (1 + exp(x)) → sigmoid(-x)"),
    pattern_rule("exp(x) / (1 + exp(x)) → sigmoid(x)"),
    pattern_rule("(exp(x) - exp(-x)) / (exp(x) + exp(-x)) → tanh(x)"),
    # Where σ(x) is needed anyway, 1 - σ(x) is the cheaper of the two.
    pattern_rule("1 - sigmoid(x) → sigmoid(-x)", alone=True),
]


@rule(
    RULES,
    "exp(x) / sum(exp(x)) → exp(x - logsumexp(x))",
    "divide",
    example(lambda x: ops.exp(x) / ops.sum(ops.exp(x), -1, keepdims=True), floats(3, 4)),
)
def softmax(node: Node) -> Node | None:
    """The softmax along any axes, its sum written with ``keepdims`` or broadcast."""
    above, below = node.inputs
    if not is_a(above, "exp") or not is_a(below, "broadcast"):
        return None
    (x,), (source,) = above.inputs, below.inputs
    total = source
    while is_a(total, "reshape"):
        total = total.inputs[0]
    if not is_a(total, "sum") or not is_a(total.inputs[0], "exp") or total.inputs[0].inputs[0] is not x:
        return None
    kept = [axis for axis in range(x.ndim) if axis not in total.attributes["axes"]]
    repeated = [axis for axis in below.attributes["axes"] if x.shape[axis] != 1]
    if not ones_apart(total.shape, source.shape) or repeated != [axis for axis in kept if x.shape[axis] != 1]:
        return None
    x = _unshifted(x, kept)
    return ops.exp(x - broadcast(raw("logsumexp", x, axes=total.attributes["axes"]), x.shape, kept))


def _unshifted(x: Node, kept: list[int]) -> Node:
    """``z`` where x is z - broadcast(m) along the axes that are summed, as with the largest entry taken away before.

    exp(z - m) / Σ exp(z - m) is exp(z) / Σ exp(z), and logsumexp looks after what is large by itself.
    """
    if is_a(x, "subtract") and is_a(x.inputs[1], "broadcast") and set(x.inputs[1].attributes["axes"]) <= set(kept):
        return x.inputs[0]
    return x
