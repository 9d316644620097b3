"""Recurrent cells, worked by hand, and the two kinds of gated recurrent unit."""

from __future__ import annotations

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.graph import Graph
from lexgrad.ops import constant

RNG = np.random.default_rng(6)
X, H = RNG.normal(size=(2, 3)), RNG.normal(size=(2, 4))


def value(node: lg.Node) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return lg.evaluate(Graph({}, {"out": node}), {})["out"]


def weights(gates: int) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], ...]:
    return tuple(RNG.normal(size=shape) for shape in ((3, 4 * gates), (4, 4 * gates), 4 * gates, 4 * gates))


def sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def test_elman() -> None:
    W_x, W_h, b, _ = weights(1)
    np.testing.assert_allclose(value(lg.rnn_cell(H, X, W_x, W_h, b)), np.tanh(X @ W_x + H @ W_h + b))
    np.testing.assert_allclose(
        value(lg.rnn_cell(H, X, W_x, W_h, activation=lg.sigmoid)), value(lg.sigmoid(constant(X @ W_x + H @ W_h)))
    )


def test_an_lstm_of_one_unit() -> None:
    h, c = lg.lstm_cell(([0.5], [2.0]), [1.0], [[0.0, 1.0, 2.0, 3.0]], [[1.0, 1.0, 1.0, 1.0]], [0.1, 0.2, 0.3, 0.4])
    i, f, g, o = 0.6, 1.7, 2.8, 3.9
    cell = sigmoid(f) * 2.0 + sigmoid(i) * np.tanh(g)
    assert value(c)[0] == pytest.approx(cell)
    assert value(h)[0] == pytest.approx(sigmoid(o) * np.tanh(cell))


def test_a_gru_of_one_unit_resets_after_or_before_the_product() -> None:
    W_x, W_h, b_x, b_h = [[1.0, 2.0, 3.0]], [[-1.0, 0.5, 2.0]], [0.1, 0.2, 0.3], [0.0, 0.1, -0.5]
    r, z = sigmoid(1.1 - 0.7), sigmoid(2.2 + 0.35 + 0.1)
    after = np.tanh(3.3 + r * (1.4 - 0.5))
    before = np.tanh(3.3 + r * 0.7 * 2.0 - 0.5)
    for reset_after, n in ((True, after), (False, before)):
        found = lg.gru_cell([0.7], [1.0], W_x, W_h, b_x, b_h, reset_after=reset_after)
        assert value(found)[0] == pytest.approx((1 - z) * n + z * 0.7)


@pytest.mark.parametrize("reset_after", [True, False])
def test_without_biases_they_are_zero(reset_after: bool) -> None:
    W_x, W_h, b, _ = weights(3)
    plain = lg.gru_cell(H, X, W_x, W_h, reset_after=reset_after)
    zeros = lg.gru_cell(H, X, W_x, W_h, 0 * b, 0 * b, reset_after=reset_after)
    np.testing.assert_array_equal(value(plain), value(zeros))


@pytest.mark.parametrize("reset_after", [True, False])
def test_both_kinds_have_right_gradients(reset_after: bool) -> None:
    lg.check_gradients(
        lambda h, x, W_x, W_h, b_x, b_h: lg.gru_cell(h, x, W_x, W_h, b_x, b_h, reset_after), H, X, *weights(3), order=2
    )
