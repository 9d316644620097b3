"""Variables: what a person at a prompt does with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.errors import InputError


def send_back(loss: lg.Node) -> None:
    assert isinstance(loss, lg.Variable)
    loss.backward()


def test_the_first_example() -> None:
    a, b, c = lg.variables(a=3., b=1., c=-2.); L = c*(a + 2*b); L.backward()  # noqa: E702  # fmt: skip
    assert b.grad == -4.0
    assert (a.grad, c.grad, L.grad) == (-2.0, 5.0, 1.0)
    assert L.value == -10.0
    assert repr(b.grad) == "-4.0"


def test_intermediate_variables_have_gradients() -> None:
    a, b, c = lg.variables(a=3.0, b=1.0, c=-2.0)
    d = 2 * b
    e = a + d
    (c * e).backward()
    assert (e.grad, d.grad, e.value, d.value) == (-2.0, -2.0, 5.0, 2.0)


def test_calls_of_backward_do_not_add_up() -> None:
    a = lg.variable(3.0)
    loss = a * a
    loss.backward()
    loss.backward()
    assert a.grad == 6.0
    (a * 5).backward()
    assert a.grad == 5.0


def test_without_a_path_there_is_no_gradient_or_zero() -> None:
    a, b = lg.variables(a=1.0, b=2.0)
    (a * 1.0).backward()
    assert b.grad is None
    (a + 0 * lg.stop_gradient(b)).backward()
    assert b.grad == 0.0


X = np.array([[1.0, -2.0, 3.0], [0.5, 0.25, -1.0]])


@pytest.mark.parametrize(
    "operate",
    [
        lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x / y,
        lambda x, y: x < y, lambda x, y: x >= y,
    ],
)  # fmt: skip
@pytest.mark.parametrize("y", [X + 4.5, [[9.0, 8.0, 7.0]], 3, 2.5, np.float32(2), np.arange(1, 4)])
def test_numpy_stands_on_either_side(operate: Any, y: Any) -> None:
    v = lg.variable(X)
    array = np.asarray(y)
    for found, value in [(operate(v, y), operate(X, array)), (operate(array, v), operate(array, X))]:
        assert isinstance(found, lg.Variable)
        np.testing.assert_allclose(found.value, value, rtol=1e-15)


def test_a_matrix_product_and_its_gradient() -> None:
    w = lg.variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "W")
    x = X[0]
    h = lg.tanh(0.1 * (x @ w) + np.ones(2))
    send_back(lg.sum(h))
    expected = 0.1 * np.outer(x, 1 - np.tanh(0.1 * (x @ w.value) + 1) ** 2)
    np.testing.assert_allclose(np.asarray(w.grad), expected, rtol=1e-14)


def test_indexing() -> None:
    v = lg.variable(X, "v")
    assert v[1, -1].value == -1.0
    np.testing.assert_array_equal(v[:, ::2].value, X[:, ::2])
    np.testing.assert_array_equal(v[[1, 0, 1]].value, X[[1, 0, 1]])
    assert [row.shape for row in v] == [(3,), (3,)]
    send_back(lg.sum(v[[1, 1], [0, 2]] * 3))
    assert v.grad.tolist() == [[0, 0, 0], [3, 0, 3]]  # type: ignore[union-attr]


def test_a_variable_broadcasts_with_numbers() -> None:
    v = lg.variable([1.0, -2.0, 3.0])
    loss = lg.sum(lg.relu(2 * v) ** 3 + lg.maximum(v, 0) - v / 4)
    send_back(loss)
    np.testing.assert_allclose(np.asarray(v.grad), np.array([24 + 1 - 0.25, -0.25, 216 + 1 - 0.25]))


def test_it_is_a_number_to_python_and_an_array_to_numpy() -> None:
    a, v = lg.variable(2.5), lg.variable([1.0, 2.0])
    assert float(a) == 2.5
    assert int(a) == 2
    assert f"{float(a):.1f}" == "2.5"
    assert np.asarray(v).tolist() == [1.0, 2.0]
    assert np.asarray(v, dtype=np.float32).dtype == np.float32
    assert np.array(a).shape == ()
    assert len(v) == 2
    assert ("positive" if a > 0 else "negative") == "positive"
    assert not a < 1
    assert isinstance(a.value, float)


@pytest.mark.parametrize("other", [-10.0, -10, np.float64(-10.0), np.zeros(2), True])
def test_comparing_a_node_with_a_number_by_two_equals_signs_is_no_silent_no(other: Any) -> None:
    a = lg.variable(-10.0)
    with pytest.raises(TypeError, match=r"use lexgrad\.equal\(x, y\), or compare x\.value"):
        a == other  # noqa: B015
    with pytest.raises(TypeError, match=r"lexgrad\.equal"):
        a != other  # noqa: B015
    assert a.value == -10.0
    assert bool(lg.equal(a, -10.0))


def test_nodes_are_compared_by_identity() -> None:
    a, b = lg.variables(a=1.0, b=1.0)
    assert a == a  # noqa: PLR0124
    assert a != b
    assert a != "a"
    assert a is not None
    assert len({a, b, a}) == 2


def test_values_do_not_change_under_a_formula() -> None:
    data = np.ones(2)
    v = lg.variable(data)
    data[0] = 5.0
    assert v.value.tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        v.value[0] = 5.0
    with pytest.raises(ValueError, match="read-only"):
        (v * 2).value[0] = 5.0


def test_kinds_of_numbers() -> None:
    assert lg.variable(np.float32(1.5)).value == 1.5
    assert lg.variable(np.array([250], np.uint8)).type.dtype == "int"
    assert (lg.variable(np.array([250], np.uint8)) * 2).value.tolist() == [500]
    assert lg.variable(True).type.dtype == "bool"


def test_what_cannot_be_a_variable() -> None:
    with pytest.raises(InputError, match=r"variable 'w': expected .*rectangular array"):
        lg.variables(w=[[1.0], [2.0, 3.0]])
    with pytest.raises(InputError, match="expected numbers; got an array of dtype <U4"):
        lg.variable("text")


def test_backward_wants_a_float_scalar() -> None:
    v, n = lg.variable([1.0, 2.0], "v"), lg.variable(3, "n")
    with pytest.raises(InputError, match=r"a scalar only; got multiply: float\[2\]: take its sum or mean first"):
        (v * 2).backward()
    with pytest.raises(InputError, match=r"floats only; got multiply: int\[\]: write 3\.0 for 3"):
        (n * n).backward()


def test_how_they_are_shown() -> None:
    a, b, c = lg.variables(a=3.0, b=1.0, c=-2.0)
    assert repr(a) == "a = 3.0"
    assert repr(lg.variable(2.0)) == "variable = 2.0"
    assert repr(c * (a + 2 * b)) == "c * (a + 2 * b) = -10.0"
    loss = (c * (a + 2 * b)).named("L")
    assert repr(loss) == "L = c * (a + 2 * b) = -10.0"
    assert repr(loss + 1) == "L + 1 = -9.0"
    assert repr(lg.variable([1.0, 0.5], "v")) == "v = [1. , 0.5]"
    assert repr(lg.variable([[1, 2], [3, 4]], "M")) == "M =\n[[1, 2],\n [3, 4]]"
    assert repr(lg.sigmoid(lg.variable([0.0], "z"))) == "σ(z) = [0.5]"
    assert repr(a > b) == "a > b = True"
    assert repr(lg.variable(np.zeros(1000), "long")) == "long = [0., 0., 0., ..., 0., 0., 0.]"


def test_a_long_formula_is_shown_short() -> None:
    x = lg.variable(1.0, "x")
    y = x
    for _ in range(20_000):
        y = y + 1
    assert repr(y) == "… + 1 = 20001.0"
    y.backward()
    assert x.grad == 1.0
    z = x
    for _ in range(300):
        z = z * z
    assert repr(z) == "… * … = 1.0"


def test_every_public_function_takes_variables() -> None:
    v = lg.variable([[0.2, 0.7, 0.1], [0.5, 0.3, 0.2]], "v")
    for function in (lg.softmax, lg.log_softmax, lg.exp, lg.log, lg.sqrt, lg.sin, lg.cos, lg.square, lg.log_sigmoid):
        assert isinstance(function(v), lg.Variable)
    loss = lg.mean(lg.cross_entropy(v, [0, 2]))
    send_back(loss)
    e = np.exp(v.value)
    expected = (e / e.sum(1, keepdims=True) - np.eye(3)[[0, 2]]) / 2
    np.testing.assert_allclose(np.asarray(v.grad), expected, rtol=1e-14)
    embedded = lg.segment_mean(lg.take(v, [0, 1, -1]), [0, 1, 3])
    np.testing.assert_allclose(embedded.value, [v.value[0], v.value[1] / 2])  # type: ignore[attr-defined]
    assert lg.dropout(v, 0.5, 1, 2).shape == (2, 3)
    assert isinstance(lg.where(v > 0.3, v, 0.0), lg.Variable)


def test_an_error_names_the_variables() -> None:
    v, w = lg.variables(v=[1.0, 2.0], w=[1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"add\(v float\[2\], w float\[3\]\): .* at .*test_variables\.py:"):
        v + w


def test_gradient_descent_by_hand() -> None:
    w = lg.variable(0.0, "w")
    for _ in range(50):
        loss = (w - 3.0) ** 2
        loss.backward()
        assert isinstance(w.grad, float)
        w = lg.variable(w.value - 0.1 * w.grad, "w")
    assert abs(w.value - 3.0) < 1e-4
