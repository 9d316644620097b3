"""The worked examples of the lectures on the engine, errata included; docs/worked-examples.md shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.evaluate import evaluate
from lexgrad.grad import differentiate
from lexgrad.graph import Graph, Type, check, input_node


def test_c_times_a_plus_2b_and_its_five_derivatives() -> None:
    a, b, c = lg.variables(a=3.0, b=1.0, c=-2.0)
    d = 2 * b
    e = a + d
    L = c * e
    L.backward()
    assert (d.value, e.value, L.value) == (2.0, 5.0, -10.0)
    assert (e.grad, d.grad, c.grad, a.grad, b.grad) == (-2.0, -2.0, 5.0, -2.0, -4.0)


def test_c_times_a_plus_2b_as_a_graph() -> None:
    graph = check(differentiate(lg.trace(lambda a, b, c: c * (a + 2 * b), *[Type("float")] * 3)))
    values = evaluate(graph, {"a": 3.0, "b": 1.0, "c": -2.0})
    assert {name: float(value) for name, value in values.items()} == {
        "out": -10.0, "d_a": -2.0, "d_b": -4.0, "d_c": 5.0,
    }  # fmt: skip


Y, A2, W2, Z1, X1 = 1.0, 2.5, 1.5, 3.0, 4.2


def factors(y: float, a2: float, w2: float, z1: float, x1: float) -> list[float]:
    """The five factors of ∂L/∂W₁₁ at these values, each from the engine's rule where it is defined there."""
    return [
        -(y / a2 + (y - 1) / (1 - a2)),  # the cross-entropy of y and a², whose log needs a² in (0, 1)
        a2 * (1 - a2),  # σ' in terms of its output, which a sigmoid reaches in (0, 1) only
        lg.grad(lambda a1: w2 * a1)(1.0),
        lg.grad(lg.relu)(z1),
        lg.grad(lambda W: W * x1)(1.0),
    ]


def test_the_five_factors_of_the_two_layer_network() -> None:
    found = factors(Y, A2, W2, Z1, X1)
    assert found == pytest.approx([-0.4, -3.75, 1.5, 1.0, 4.2])
    assert found[0] * found[1] == pytest.approx(A2 - Y)


def test_their_product_is_9_45_and_not_minus_22_125() -> None:
    # Erratum 1: the slide's -22.125 does not follow from its own factors. a² = 2.5 is taken as a given number; no
    # sigmoid gives it.
    assert np.prod(factors(Y, A2, W2, Z1, X1)) == pytest.approx(9.45)
    assert pytest.approx(9.45) == (A2 - Y) * W2 * 1.0 * X1


@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("W1", [0.5, 0.01, -0.3])
def test_in_a_network_that_can_be_reached_the_product_is_the_derivative(W1: float, y: float) -> None:
    def loss(w: Any) -> Any:
        a2 = lg.sigmoid(W2 * lg.relu(w * X1) - 0.2)
        return -(y * lg.log(a2) + (1 - y) * lg.log(1 - a2))

    z1 = W1 * X1
    a2 = 1 / (1 + np.exp(-(W2 * max(z1, 0.0) - 0.2)))
    expected = np.prod(factors(y, a2, W2, z1, X1))
    assert lg.grad(loss)(W1) == pytest.approx(expected, rel=1e-12)
    assert expected == pytest.approx((a2 - y) * W2 * (z1 >= 0) * X1)


def test_relu_has_slope_1_at_0_as_the_lectures_say() -> None:
    assert [lg.grad(lg.relu)(z) for z in (-1.0, 0.0, 1.0)] == [0.0, 1.0, 1.0]


def softmax(z: Any) -> Any:
    return evaluate(lg.trace(lg.softmax, Type("float", (len(z),))), {"x": z})["out"]


def test_softmax_of_six_numbers() -> None:
    # Erratum 2: the slide's probabilities belong to the z with two minus signs, which were lost.
    np.testing.assert_allclose(
        softmax([0.6, 1.1, -1.5, 1.2, 3.2, -1.1]), [0.055, 0.090, 0.0067, 0.10, 0.74, 0.010], rtol=0.03
    )
    np.testing.assert_allclose(
        softmax([0.6, 1.1, 1.5, 1.2, 3.2, 1.1]), [0.045, 0.075, 0.112, 0.083, 0.611, 0.075], atol=0.0005
    )


def test_the_loss_of_a_sequence_has_a_log() -> None:
    # Erratum 3: J = (1/T) Σ -log ŷ_t[x_{t+1}].
    logits, words = np.array([[2.0, 0.5, 0.1], [0.3, 1.7, 0.2]]), np.array([0, 2])
    J = lg.trace(lambda z: lg.mean(lg.cross_entropy(z, words)), logits)
    estimates = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = -np.mean(np.log(estimates[[0, 1], words]))
    assert evaluate(J, {"z": logits})["out"] == pytest.approx(expected, rel=1e-14)


def test_a_shared_bias_cancels_in_the_softmax() -> None:
    # Erratum 4: b has to be one number a class.
    x, W = np.array([1.0, -2.0]), np.array([[0.3, 0.1, -0.5], [0.2, 0.9, 0.4]])

    def loss(b: Any) -> Any:
        return lg.cross_entropy(x @ W + b, 1)

    assert loss(lg.variable(0.0)).value == pytest.approx(loss(lg.variable(100.0)).value, abs=1e-12)
    assert lg.grad(loss)(0.7) == pytest.approx(0.0, abs=1e-15)
    probabilities = np.exp(x @ W) / np.exp(x @ W).sum()
    np.testing.assert_allclose(lg.grad(loss)(np.zeros(3)), probabilities - np.eye(3)[1], rtol=1e-12)


def test_the_sliding_window_predicts_write_from_sat_down_to() -> None:
    # Erratum 5: the window for w_t is w_{t-M+1:t-1}, here M = 4.
    text = ["Natalie", "sat", "down", "to", "write", "the", "exam"]
    t, M = text.index("write"), 4
    window = list(range(t - M + 1, t))
    assert [text[i] for i in window] == ["sat", "down", "to"]

    generator = np.random.default_rng(1)
    E, W, U = generator.normal(size=(7, 3)), generator.normal(size=(9, 4)), generator.normal(size=(4, 7))
    b = generator.normal(size=4)

    def estimate(E: Any, context: Any) -> Any:
        return lg.softmax(lg.sigmoid(lg.reshape(lg.take(E, context), 9) @ W + b) @ U)

    hidden = 1 / (1 + np.exp(-(E[window].reshape(-1) @ W + b)))
    scores = np.exp(hidden @ U)
    found = evaluate(lg.trace(estimate, E, np.array(window)), {"E": E, "context": window})["out"]
    np.testing.assert_allclose(found, scores / scores.sum(), rtol=1e-13)
    # A row of E is a one-hot vector times E.
    np.testing.assert_allclose(evaluate(lg.trace(lambda i: lg.one_hot(i, 7) @ E, 3), {"i": 3})["out"], E[3], rtol=1e-15)
    # Only the words in the window are blamed.
    gradient = lg.grad(lambda E: -lg.log(estimate(E, np.array(window))[t]))(E)
    assert np.flatnonzero(np.any(gradient != 0, axis=1)).tolist() == window


@pytest.mark.parametrize("z", [-30.0, -2.0, 0.0, 0.7, 30.0])
def test_for_two_classes_the_softmax_is_the_sigmoid(z: float) -> None:
    # Erratum 6: equal, but not the same layer.
    assert softmax([z, 0.0])[0] == pytest.approx(1 / (1 + np.exp(-z)), rel=1e-13)
    assert lg.grad(lambda z: lg.softmax(lg.stack([z, 0.0]))[0])(z) == pytest.approx(lg.grad(lg.sigmoid)(z), rel=1e-9)


def test_descent_subtracts() -> None:
    # Erratum 7: w ← w - η · gradient.
    def loss(w: Any) -> Any:
        return lg.sum(lg.square(w - np.array([1.0, -2.0])))

    w = np.array([0.5, 0.5])
    value, gradient = lg.value_and_grad(loss)(w)
    assert loss(lg.variable(w - 0.1 * gradient)).value < value < loss(lg.variable(w + 0.1 * gradient)).value


def test_the_multilayer_perceptron_by_hand() -> None:
    W1, b1 = np.array([[0.1, -0.2, 0.3], [0.2, 0.4, -0.1]]), np.array([0.0, 0.1, 0.1])
    W2, b2 = np.array([0.5, -0.3, 0.2]), 0.1
    x, y = np.array([1.0, 2.0]), 1.0

    def loss(W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        return lg.binary_cross_entropy(lg.tanh(x @ W1 + b1) @ W2 + b2, y)

    h = np.tanh([0.1 + 0.4, -0.2 + 0.8 + 0.1, 0.3 - 0.2 + 0.1])
    estimate = 1 / (1 + np.exp(-(h @ W2 + b2)))
    value, gradients = lg.value_and_grad(loss, (0, 1, 2, 3))(W1, b1, W2, b2)
    assert value == pytest.approx(-np.log(estimate), rel=1e-14)
    output_blame = estimate - y
    hidden_blame = output_blame * W2 * (1 - h**2)
    expected = (np.outer(x, hidden_blame), hidden_blame, output_blame * h, output_blame)
    for found, by_hand in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(found, by_hand, rtol=1e-13)


KERNEL = np.arange(10.0).reshape(2, 5) / 10 - 0.4
SENTENCE = ["I", "love", "waking", "up", "early"]
WORDS = np.random.default_rng(2).normal(size=(len(SENTENCE), 5))


@pytest.mark.parametrize(("stride", "length"), [(1, 4), (2, 2)])
def test_a_kernel_over_pairs_of_words(stride: int, length: int) -> None:
    x, kernel = input_node("x", Type("float", (5, 5))), input_node("kernel", Type("float", (2, 5)))
    places = range(0, 4, stride)
    feature_map = lg.stack([lg.sum(x[i : i + 2] * kernel) for i in places])
    graph = check(
        differentiate(
            Graph({"x": x, "kernel": kernel}, {"map": feature_map, "best": lg.max(feature_map)}), output="best"
        )
    )
    values = evaluate(graph, {"x": WORDS, "kernel": KERNEL})
    expected = [np.sum(WORDS[i : i + 2] * KERNEL) for i in places]
    assert values["map"].shape == (length,)
    np.testing.assert_allclose(values["map"], expected, rtol=1e-13)
    # Under max-over-time pooling the kernel's gradient is the window that won.
    winner = stride * int(np.argmax(expected))
    np.testing.assert_allclose(values["d_kernel"], WORDS[winner : winner + 2], rtol=1e-13)


def test_max_and_average_pooling() -> None:
    values = np.array([1.0, 4.0, 2.0, 3.0])
    assert evaluate(lg.trace(lambda v: (lg.max(v), lg.mean(v)), values), {"v": values}) == {"out.0": 4.0, "out.1": 2.5}
    assert lg.grad(lg.max)(values).tolist() == [0.0, 1.0, 0.0, 0.0]
    assert lg.grad(lg.mean)(values).tolist() == [0.25] * 4
