"""lg.grad, lg.value_and_grad and lg.check_gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.eager import GradientCheck, GradientError
from lexgrad.errors import InputError
from lexgrad.evaluate import evaluate
from lexgrad.graph import Type, check


def loss(params: Any, x: Any, y: Any) -> Any:
    return lg.mean(lg.square(x @ params["W"] + params["b"][0] - y))


PARAMS = {"W": np.array([1.0, -2.0]), "b": [np.float64(0.5)]}
X, Y = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([0.0, 1.0])


def by_hand() -> tuple[float, Any, float]:
    error = X @ PARAMS["W"] + 0.5 - Y
    return float(np.mean(error**2)), X.T @ error, float(np.sum(error))


def test_value_and_gradient_of_a_tree() -> None:
    value, gradient = lg.value_and_grad(loss)(PARAMS, X, Y)
    expected, dW, db = by_hand()
    assert value == pytest.approx(expected, rel=1e-14)
    assert isinstance(value, float)
    np.testing.assert_allclose(gradient["W"], dW, rtol=1e-14)
    assert gradient["b"] == [pytest.approx(db, rel=1e-14)]
    assert list(gradient) == ["W", "b"]


def test_the_gradient_in_several_arguments() -> None:
    def f(a: Any, b: Any, c: Any) -> Any:
        return a * b**2 + c

    assert lg.grad(f, (0, 1))(2.0, 3.0, 1.0) == (9.0, 12.0)
    assert lg.grad(f, [-1])(2.0, 3.0, 1.0) == (1.0,)
    assert lg.grad(f, 1)(2.0, 3.0, 1.0) == 12.0
    assert lg.grad(f, (1, 1))(2.0, 3.0, 1.0) == (12.0, 12.0)


def test_dataclasses_come_back_as_dataclasses() -> None:
    @dataclass
    class Params:
        w: Any
        b: Any

    gradient = lg.grad(lambda p: p.w * p.b)(Params(2.0, 3.0))
    assert gradient == Params(3.0, 2.0)


def test_derivatives_nest_to_any_order() -> None:
    def f(x: Any) -> Any:
        return lg.sin(x) * x**2

    x = 0.7
    first, second, third = lg.grad(f), lg.grad(lg.grad(f)), lg.grad(lg.grad(lg.grad(f)))
    s, c = np.sin(x), np.cos(x)
    assert first(x) == pytest.approx(2 * x * s + x * x * c)
    assert second(x) == pytest.approx(2 * s + 4 * x * c - x * x * s)
    assert third(x) == pytest.approx(6 * c - 6 * x * s - x * x * c)


def test_a_hessian_times_a_vector() -> None:
    a = np.array([[2.0, 1.0], [1.0, 3.0]])
    v = np.array([1.0, -1.0])
    product = lg.grad(lambda x: lg.sum(lg.grad(lambda x: 0.5 * x @ (a @ x))(x) * v))(np.array([0.3, 0.4]))
    np.testing.assert_allclose(product, a @ v, rtol=1e-14)


def test_inside_a_trace_it_adds_to_the_graph() -> None:
    graph = check(lg.trace(lambda x: lg.grad(lambda t: lg.tanh(t) * x)(x), Type("float")))
    assert evaluate(graph, {"x": 0.5})["out"] == pytest.approx(0.5 * (1 - np.tanh(0.5) ** 2))


def test_what_the_function_captured_can_be_differentiated_further() -> None:
    # d/dw of d/dx (w x²) at x = 3 is 2x.
    w = lg.variable(5.0, "w")
    slope = lg.grad(lambda x: w * x**2)(lg.variable(3.0))
    slope.backward()
    assert (slope.value, w.grad) == (30.0, 6.0)
    assert lg.grad(lambda x: w * x**2)(3.0) == 30.0
    assert lg.grad(lambda w: lg.grad(lambda x: w * x**2)(3.0))(5.0) == 6.0


def test_with_variables_it_gives_variables() -> None:
    x = lg.variable(0.5, "x")
    value, slope = lg.value_and_grad(lambda t: t**3)(x)
    assert isinstance(value, lg.Variable)
    assert isinstance(slope, lg.Variable)
    assert (value.value, slope.value) == (0.125, 0.75)
    slope.backward()
    assert x.grad == pytest.approx(3.0)
    v = lg.variable([1.0, 2.0])
    gradient = lg.grad(lambda t: lg.sum(2 * t * t))(v)
    assert gradient.value.tolist() == [4.0, 8.0]


def test_names_carry_over() -> None:
    assert lg.grad(loss).__name__ == "loss"


def test_what_cannot_be_differentiated() -> None:
    with pytest.raises(InputError, match="cannot differentiate in argument 3: 1 arguments were given"):
        lg.grad(lambda x: x, 3)(1.0)
    with pytest.raises(InputError, match="returns one float scalar; it returns a tree"):
        lg.grad(lambda x: (x, x))(1.0)
    with pytest.raises(InputError, match="a scalar only"):
        lg.grad(lambda x: x * 2)(np.ones(2))
    with pytest.raises(InputError, match=r"floats only; got x: int\[\]: write 3\.0 for 3"):
        lg.grad(lambda x: x * 2.0)(3)


def test_checking_gradients() -> None:
    result = lg.check_gradients(loss, PARAMS, X, Y, order=2)
    assert isinstance(result, GradientCheck)
    assert result.order == 2
    assert result.difference < 1e-6
    lg.check_gradients(lambda x: {"a": lg.softmax(x), "ids": lg.argmax(x)}, np.array([0.1, 0.7]), order=3)


def test_a_kink_is_seen() -> None:
    with pytest.raises(GradientError, match="finite differences"):
        lg.check_gradients(lg.relu, np.array([0.0, 1.0]))


def test_a_nan_is_no_agreement() -> None:
    with pytest.raises(GradientError, match="nan"):
        lg.check_gradients(lg.log, np.array([-1.0]))


def test_there_must_be_something_to_check() -> None:
    with pytest.raises(InputError, match="there is no float argument"):
        lg.check_gradients(lambda ids: ids + 1, np.array([1]))
    with pytest.raises(InputError, match="there is no float output"):
        lg.check_gradients(lg.argmax, np.array([1.0, 2.0]))
