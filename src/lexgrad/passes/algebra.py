"""Algebra: neutral elements, signs, constants brought together, scalars moved to where the arrays are small.

What is assumed, here and in the other files: numbers are reals. So terms and factors may be grouped anew (results
differ in the last digits, and by more only at the ends of a format's range), a zero has no sign, and a factor that is
moved past a zero is finite. A rule that would turn a NaN or an infinity of the *user's* data into a number is not among
them: x * 0 is 0 only where x cannot be anything but finite.

Signs and scalars have one direction each, so that rules cannot undo each other: a sign goes outwards, until a sum or
difference takes it up. A scalar goes outwards through what makes arrays smaller or leaves their size (sums, products of
matrices, transposes), and inwards through what makes them larger (rows repeated for each token, scattered into a
table), which leaves it at the smallest array on its way; where two meet they become one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from lexgrad.graph import Node, RewriteRule
from lexgrad.ops.lifting import scalar_constant
from lexgrad.ops.movement import broadcast
from lexgrad.passes.pattern import pattern_rule
from lexgrad.passes.rules import again, bools, example, floats, ints, is_a, rule

_EXACT = frozenset({"broadcast", "concatenate", "negative", "pad", "reshape", "reverse", "slice", "transpose"})


def surely_finite(x: Node) -> bool:
    """Whether no entry can be NaN or infinite, whatever the inputs are."""
    while x.primitive.name in _EXACT and len(x.inputs) == 1:
        (x,) = x.inputs
    return x.type.dtype != "float" or is_a(x, "random_uniform") or (is_a(x, "cast") and surely_finite(x.inputs[0]))


def _finite(letters: Mapping[str, Node]) -> bool:
    return surely_finite(letters["x"])


def _real(letters: Mapping[str, Node]) -> bool:
    return letters["x"].type.dtype == "float"


def _vector(letters: Mapping[str, Node]) -> bool:
    return letters["y"].ndim > 0


def _has_reciprocal(letters: Mapping[str, Node]) -> bool:
    number = scalar_constant(letters["c"])
    return number is not None and number != 0 and math.isfinite(1 / number)


_MATRICES = {"x": floats(3, 4), "y": floats(4, 2)}
_SCALAR = {"broadcast": {"shape": (3, 4), "axes": ()}}
_SLICE = {"slice": {"starts": (1, 0), "stops": (3, 4), "steps": (1, 1)}}
_PAD = {"pad": {"low": (1, 0), "high": (0, 2), "interior": (0, 0)}}
_OUTER = {"broadcast": {"shape": (3, 4), "axes": (1,)}}

NEUTRAL: list[RewriteRule] = [
    pattern_rule("x + 0 → x"),
    pattern_rule("x - 0 → x"),
    pattern_rule("0 - x → -x"),
    pattern_rule("x * 1 → x"),
    pattern_rule("x * -1 → -x"),
    pattern_rule("x / 1 → x"),
    pattern_rule("x / -1 → -x"),
    pattern_rule("x ** 0 → 1"),
    pattern_rule("x ** 1 → x"),
    pattern_rule("x ** 2 → x * x"),
    pattern_rule("x ** -1 → 1 / x"),
    pattern_rule("x * 0 → 0", when=_finite, types={"x": ints(3, 4)}),
    pattern_rule("maximum(x, 0) → relu(x)", when=_real),
    pattern_rule("maximum(0, x) → relu(x)", when=_real),
]
"""Neutral elements and powers. np.power agrees that anything, NaN too, to the power 0 is 1."""

SIGNS: list[RewriteRule] = [
    pattern_rule("-(-x) → x"),
    pattern_rule("x + -y → x - y"),
    pattern_rule("x - -y → x + y"),
    pattern_rule("x + broadcast(-y) → x - broadcast(y)", types={"y": floats(4)}, attributes=_OUTER),
    pattern_rule("x - broadcast(-y) → x + broadcast(y)", types={"y": floats(4)}, attributes=_OUTER),
    pattern_rule("-(x - y) → y - x", alone=True),
    pattern_rule("-x * y → -(x * y)"),
    pattern_rule("broadcast(-y) * x → -(broadcast(y) * x)", when=_vector, types={"y": floats(4)}, attributes=_OUTER),
    # The sign of a scalar costs nothing, so that is where a sign waits.
    pattern_rule("-(s * x) → -s * x"),
    pattern_rule("x + broadcast(-y) * z → x - broadcast(y) * z", types={"y": floats()}, attributes=_SCALAR),
    pattern_rule("x - broadcast(-y) * z → x + broadcast(y) * z", types={"y": floats()}, attributes=_SCALAR),
    pattern_rule("-x / y → -(x / y)"),
    pattern_rule("x / -y → -(x / y)"),
    pattern_rule("-(c * x) → -c * x"),
    pattern_rule("-x @ y → -(x @ y)", types=_MATRICES),
    pattern_rule("x @ -y → -(x @ y)", types=_MATRICES),
    pattern_rule("sum(-x) → -sum(x)", attributes={"sum": {"axes": (1,)}}),
    pattern_rule("segment_sum(-x, y) → -segment_sum(x, y)", types={"y": ints(3)}),
    pattern_rule("-segment_repeat(x, y) → segment_repeat(-x, y)", alone=True, types={"x": floats(2, 4), "y": ints(3)},
                 attributes={"segment_repeat": {"length": 3}}),
    pattern_rule("-(segment_repeat(x, y) * z) → segment_repeat(-x, y) * z", alone=True,
                 types={"x": floats(2, 4), "y": ints(3)}, attributes={"segment_repeat": {"length": 3}}),
    pattern_rule("reshape(-x) → -reshape(x)", attributes={"reshape": {"shape": (4, 3)}}),
    pattern_rule("transpose(-x) → -transpose(x)", attributes={"transpose": {"axes": (1, 0)}}),
    pattern_rule("slice(-x) → -slice(x)", attributes=_SLICE),
    pattern_rule("-pad(x) → pad(-x)", alone=True, attributes=_PAD),
    pattern_rule("where(z, -x, 0) → -where(z, x, 0)", types={"z": bools(3, 4)}),
    pattern_rule("where(z, 0, -x) → -where(z, 0, x)", types={"z": bools(3, 4)}),
]  # fmt: skip
"""Signs go outwards, until a sum or a difference takes them up."""

CONSTANTS: list[RewriteRule] = [
    pattern_rule("x + x → 2 * x"),
    pattern_rule("c * (d * x) → (c * d) * x"),
    pattern_rule("(d * x) / c → (d / c) * x", when=_has_reciprocal),
    pattern_rule("x + c + d → x + (c + d)"),
    pattern_rule("x - c → x + -c"),
    pattern_rule("c - (d + x) → (c - d) - x"),
    pattern_rule("c + (d - x) → (c + d) - x"),
    pattern_rule("c - (d - x) → (c - d) + x"),
    pattern_rule("x / c → x * (1 / c)", when=_has_reciprocal),
]
"""Constants are brought together, for folding to make one of them. A quotient becomes a product: 1 / c is rounded once
more, and a product costs a tenth."""

SCALARS: list[RewriteRule] = [
    pattern_rule("s * (t * x) → (s * t) * x"),
    pattern_rule("(s * x) * (s * x) → (s * s) * (x * x)"),
    pattern_rule("(s * x) * y → s * (x * y)", alone=True),
    pattern_rule("broadcast(s * y) * x → s * (broadcast(y) * x)", alone=True, types={"y": floats(4)},
                 attributes=_OUTER),
    pattern_rule("(s * x) / y → s * (x / y)", alone=True),
    pattern_rule("b * x + b * y → b * (x + y)"),
    pattern_rule("b * x - b * y → b * (x - y)"),
    pattern_rule("(s * x) @ y → s * (x @ y)", types=_MATRICES),
    pattern_rule("x @ (s * y) → s * (x @ y)", types=_MATRICES),
    pattern_rule("sum(s * x) → s * sum(x)", attributes={"sum": {"axes": (1,)}}),
    pattern_rule("segment_sum(s * x, y) → s * segment_sum(x, y)", types={"y": ints(3)}),
    pattern_rule("take(s * x, y) → s * take(x, y)", types={"y": ints(3)}),
    pattern_rule("s * segment_repeat(x, y) → segment_repeat(s * x, y)", alone=True,
                 types={"x": floats(2, 4), "y": ints(3)}, attributes={"segment_repeat": {"length": 3}}),
    pattern_rule("s * (segment_repeat(x, y) * z) → segment_repeat(s * x, y) * z", alone=True,
                 types={"x": floats(2, 4), "y": ints(3)}, attributes={"segment_repeat": {"length": 3}}),
    pattern_rule("reshape(s * x) → s * reshape(x)", attributes={"reshape": {"shape": (4, 3)}}),
    pattern_rule("transpose(s * x) → s * transpose(x)", attributes={"transpose": {"axes": (1, 0)}}),
    pattern_rule("slice(s * x) → s * slice(x)", attributes=_SLICE),
    pattern_rule("s * pad(x) → pad(s * x)", alone=True, attributes=_PAD),
    pattern_rule("where(z, s * x, 0) → s * where(z, x, 0)", alone=True, types={"z": bools(3, 4)}),
    pattern_rule("where(z, 0, s * x) → s * where(z, 0, x)", alone=True, types={"z": bools(3, 4)}),
]  # fmt: skip
"""Scalars that are known at run time only (a rate, 1 / batch, the factor of clipping) become one for each array."""


@rule(
    SCALARS,
    "x / broadcast(y) → x * broadcast(1 / y)",
    "divide",
    example(lambda x, y: x / broadcast(y, (3, 4), (0,)), floats(3, 4), floats(3)),
)
def multiply_by_reciprocals(node: Node) -> Node | None:
    """Fewer quotients: one for each entry of y, and not one for each of x."""
    x, y = node.inputs
    return x * again(y, 1.0 / y.inputs[0]) if is_a(y, "broadcast") else None


def _scaled(x: Node) -> tuple[float, Node, Node] | None:
    """A constant, the same as a node, and what it multiplies."""
    if not is_a(x, "multiply"):
        return None
    for constant, rest in (x.inputs, x.inputs[::-1]):
        number = scalar_constant(constant)
        if number is not None:
            return number, constant, rest
    return None


@rule(
    CONSTANTS,
    "c * x + -c * y → c * (x - y)",
    "add",
    example(lambda x, y: -0.5 * x + 0.5 * y, floats(3, 4), floats(3, 4)),
)
def take_opposite_factors_out(node: Node) -> Node | None:
    """One factor of a difference, the positive one: n⁻¹ (ŷ - y)."""
    first, second = (_scaled(term) for term in node.inputs)
    if first is None or second is None or first[0] != -second[0]:
        return None
    if first[0] < 0:
        first, second = second, first
    return first[1] * (first[2] - second[2])


RULES = NEUTRAL + SIGNS + CONSTANTS + SCALARS
