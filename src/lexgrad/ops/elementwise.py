"""Elementwise arithmetic and functions. Primitives want equal shapes; the functions broadcast as NumPy does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import ShapeError
from lexgrad.graph import Node, Primitive, Rule, Type, apply, register, shape_text
from lexgrad.ops.casting import cast, promote
from lexgrad.ops.lifting import Operand, broadcast_shapes, lift, operation, scalar_constant
from lexgrad.ops.movement import broadcast_to
from lexgrad.ops.samples import Maker, exactly, positive, real, sample, truth


def same_types(first: Type, second: Type | None = None) -> Type:
    """The one type that both operands have.

    Raises:
        ShapeError: they differ.
    """
    if second is not None and first.shape != second.shape:
        raise ShapeError(f"needs equal shapes, got {shape_text(first.shape)} and {shape_text(second.shape)}")
    if second is not None and first.dtype != second.dtype:
        raise ShapeError(f"needs equal dtypes, got {first.dtype} and {second.dtype}")
    return first


def _numbers(x: Type, y: Type | None = None) -> Type:
    common = same_types(x, y)
    if common.dtype == "bool":
        raise ShapeError("needs numbers, got bool; use cast(x, 'float') or cast(x, 'int')")
    return common


def _reals(x: Type, y: Type | None = None) -> Type:
    common = same_types(x, y)
    if common.dtype != "float":
        raise ShapeError(f"needs float, got {common.dtype}; use cast(x, 'float')")
    return common


def _unary(
    name: str,
    evaluate: Callable[..., Any],
    rule: Rule | None,
    notation: str,
    make: Callable[..., Maker] = real,
    typing: Callable[..., Type] = _reals,
    precedence: int = 9,
) -> Primitive:
    def type_of_one(x: Type) -> Type:  # and of one only
        return typing(x)

    samples = (sample(make(3, 2)), sample(make()), sample(make(0)))
    return register(Primitive(name, type_of_one, evaluate, (rule,), None, notation, precedence, samples))


def _binary(
    name: str,
    evaluate: Callable[..., Any],
    rules: tuple[Rule, Rule],
    notation: str,
    precedence: int,
    typing: Callable[..., Type] = _numbers,
    make: Callable[..., Maker] = real,
) -> Primitive:
    def type_of_two(x: Type, y: Type) -> Type:
        return typing(x, y)

    samples = (sample(make(3, 2), make(3, 2)), sample(make(), make()))
    return register(Primitive(name, type_of_two, evaluate, rules, None, notation, precedence, samples))


def numpy_sigmoid(x: NDArray[Any]) -> Any:
    """1 / (1 + exp(-x)) without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def _numpy_softplus(x: NDArray[Any]) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _numpy_relu(x: NDArray[Any]) -> Any:
    return np.maximum(x, 0)


def _power_base_rule(g: Node, out: Node, x: Node, y: Node) -> Node:
    exponent = scalar_constant(y)
    if exponent is None:
        return g * (y * x ** (y - 1.0))
    if exponent == 1.0:
        return g
    if exponent == 0.0:  # 0 * x**(-1) would not be 0 at x = 0
        return g * 0.0
    return g * (exponent * x if exponent == 2.0 else exponent * x ** (exponent - 1.0))


def _power_exponent_rule(g: Node, out: Node, x: Node, y: Node) -> Node:
    safe = select(x > 0.0, x, broadcast_to(1.0, x.shape))
    return g * (out * log(safe))


def _otherwise_zero(condition: Node, g: Node) -> Node:
    return select(condition, g, broadcast_to(0.0, g.shape))


def _zero_otherwise(condition: Node, g: Node) -> Node:
    return select(condition, broadcast_to(0.0, g.shape), g)


ADD = _binary("add", np.add, (lambda g, out, x, y: g, lambda g, out, x, y: g), "{0} + {1}", 2)
SUBTRACT = _binary("subtract", np.subtract, (lambda g, out, x, y: g, lambda g, out, x, y: -g), "{0} - {1}", 2)
MULTIPLY = _binary("multiply", np.multiply, (lambda g, out, x, y: g * y, lambda g, out, x, y: g * x), "{0} * {1}", 3)
DIVIDE = _binary(
    "divide",
    np.divide,
    (lambda g, out, x, y: g / y, lambda g, out, x, y: -(g * (out / y))),
    "{0} / {1}",
    3,
    _reals,
    positive,
)
POWER = _binary("power", np.power, (_power_base_rule, _power_exponent_rule), "{0} ** {1}", 5, _reals, positive)
MAXIMUM = _binary(
    "maximum",
    np.maximum,
    (
        lambda g, out, x, y: _otherwise_zero(x >= y, g),
        lambda g, out, x, y: _zero_otherwise(x >= y, g),
    ),
    "max({0}, {1})",
    9,
)
MINIMUM = _binary(
    "minimum",
    np.minimum,
    (
        lambda g, out, x, y: _otherwise_zero(y >= x, g),
        lambda g, out, x, y: _zero_otherwise(y >= x, g),
    ),
    "min({0}, {1})",
    9,
)

NEGATIVE = _unary("negative", np.negative, lambda g, out, x: -g, "-{0}", typing=_numbers, precedence=4)
EXP = _unary("exp", np.exp, lambda g, out, x: g * out, "exp({0})")
LOG = _unary("log", np.log, lambda g, out, x: g / x, "log({0})", positive)
SQRT = _unary("sqrt", np.sqrt, lambda g, out, x: g / (2.0 * out), "sqrt({0})", positive)
SIN = _unary("sin", np.sin, lambda g, out, x: g * cos(x), "sin({0})")
COS = _unary("cos", np.cos, lambda g, out, x: -(g * sin(x)), "cos({0})")
TANH = _unary("tanh", np.tanh, lambda g, out, x: g * (1.0 - out * out), "tanh({0})")
SIGMOID = _unary("sigmoid", numpy_sigmoid, lambda g, out, x: g * (out * (1.0 - out)), "σ({0})")
SOFTPLUS = _unary("softplus", _numpy_softplus, lambda g, out, x: g * sigmoid(x), "softplus({0})")
# The lectures' convention: ReLU' is 1 from 0 up. PyTorch and JAX take 0 at 0.
RELU = _unary("relu", _numpy_relu, lambda g, out, x: _otherwise_zero(x >= 0.0, g), "ReLU({0})")
ABSOLUTE = _unary("absolute", np.abs, lambda g, out, x: g * sign(x), "|{0}|", typing=_numbers)
SIGN = _unary("sign", np.sign, None, "sign({0})", typing=_numbers)
STOP_GRADIENT = _unary("stop_gradient", np.array, None, "stop_gradient({0})", typing=same_types)


def _select_type(condition: Type, x: Type, y: Type) -> Type:
    if condition.dtype != "bool":
        raise ShapeError(f"needs a bool condition, got {condition.dtype}")
    if condition.shape != x.shape:
        raise ShapeError(f"condition {shape_text(condition.shape)} and values {shape_text(x.shape)} differ in shape")
    return same_types(x, y)


SELECT = register(
    Primitive(
        "select",
        _select_type,
        np.where,
        (
            None,
            lambda g, out, condition, x, y: _otherwise_zero(condition, g),
            lambda g, out, condition, x, y: _zero_otherwise(condition, g),
        ),
        notation="where({0}, {1}, {2})",
        samples=(sample(truth(3, 2), real(3, 2), real(3, 2)), sample(exactly(True), real(), real())),
    )
)


def select(condition: Node, x: Node, y: Node) -> Node:
    """``x`` where ``condition`` holds, else ``y``; all of one shape. ``where`` is the same with broadcasting."""
    return apply(SELECT, condition, x, y)


def agree(*operands: Operand) -> tuple[Node, ...]:
    """Operands lifted, brought to one dtype (bool < int < float) and broadcast to one shape."""
    nodes = promote(*lift(*operands))
    if len({node.shape for node in nodes}) == 1:
        return nodes
    shape = broadcast_shapes(*(node.shape for node in nodes))
    return tuple(broadcast_to(node, shape) for node in nodes)


def real_valued(x: Operand) -> Node:
    """``x`` as a float node."""
    (node,) = lift(x)  # what is no number is an error of the caller, not of cast
    return cast(node, "float")


@operation
def add(x: Operand, y: Operand) -> Node:
    """x + y."""
    return apply(ADD, *agree(x, y))


@operation
def subtract(x: Operand, y: Operand) -> Node:
    """x - y."""
    return apply(SUBTRACT, *agree(x, y))


@operation
def multiply(x: Operand, y: Operand) -> Node:
    """x * y, element by element."""
    return apply(MULTIPLY, *agree(x, y))


@operation
def divide(x: Operand, y: Operand) -> Node:
    """x / y as real numbers."""
    return apply(DIVIDE, *agree(real_valued(x), real_valued(y)))


@operation
def power(x: Operand, y: Operand) -> Node:
    """x ** y as real numbers; the derivative in y is taken as 0 where x <= 0."""
    return apply(POWER, *agree(real_valued(x), real_valued(y)))


@operation
def maximum(x: Operand, y: Operand) -> Node:
    """The larger of x and y; where they are equal the gradient goes to x."""
    return apply(MAXIMUM, *agree(x, y))


@operation
def minimum(x: Operand, y: Operand) -> Node:
    """The smaller of x and y; where they are equal the gradient goes to x."""
    return apply(MINIMUM, *agree(x, y))


@operation
def where(condition: Operand, x: Operand, y: Operand) -> Node:
    """``x`` where ``condition`` holds, else ``y``; broadcasts."""
    test, first, second = lift(condition, x, y)
    first, second = agree(first, second)
    shape = broadcast_shapes(test.shape, first.shape)
    return apply(SELECT, *(broadcast_to(node, shape) for node in (test, first, second)))


@operation
def negative(x: Operand) -> Node:
    """-x."""
    return apply(NEGATIVE, *lift(x))


@operation
def exp(x: Operand) -> Node:
    """e to the power x."""
    return apply(EXP, real_valued(x))


@operation
def log(x: Operand) -> Node:
    """The natural logarithm."""
    return apply(LOG, real_valued(x))


@operation
def sqrt(x: Operand) -> Node:
    """The square root."""
    return apply(SQRT, real_valued(x))


@operation
def sin(x: Operand) -> Node:
    """The sine; radians."""
    return apply(SIN, real_valued(x))


@operation
def cos(x: Operand) -> Node:
    """The cosine; radians."""
    return apply(COS, real_valued(x))


@operation
def tanh(x: Operand) -> Node:
    """The hyperbolic tangent; its derivative is 1 - tanh²."""
    return apply(TANH, real_valued(x))


@operation
def sigmoid(x: Operand) -> Node:
    """σ(x) = 1 / (1 + exp(-x)); its derivative is σ(1 - σ)."""
    return apply(SIGMOID, real_valued(x))


@operation
def softplus(x: Operand) -> Node:
    """log(1 + exp(x)), stable for any x; its derivative is σ(x). -softplus(-x) is log σ(x)."""
    return apply(SOFTPLUS, real_valued(x))


@operation
def relu(x: Operand) -> Node:
    """max(x, 0). Its derivative is 0 below 0 and 1 from 0 up, as the lectures say; PyTorch takes 0 at 0."""
    return apply(RELU, real_valued(x))


@operation
def absolute(x: Operand) -> Node:
    """|x|; its derivative at 0 is taken as 0."""
    return apply(ABSOLUTE, *lift(x))


@operation
def sign(x: Operand) -> Node:
    """-1, 0 or 1; no derivative."""
    return apply(SIGN, *lift(x))


@operation
def stop_gradient(x: Operand) -> Node:
    """x itself, as a constant to whoever differentiates."""
    return apply(STOP_GRADIENT, *lift(x))
