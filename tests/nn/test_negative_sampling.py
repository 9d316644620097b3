"""The loss of skip-gram with negative sampling, and the lectures' three gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

import lexgrad as lg
from lexgrad.nn.losses import negative_sampling


def sigma(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def test_the_three_gradients() -> None:
    random = np.random.default_rng(0)
    w, positive, negatives = random.normal(size=6), random.normal(size=6), random.normal(size=(3, 6))
    loss, (by_w, by_positive, by_negatives) = lg.value_and_grad(negative_sampling, (0, 1, 2))(w, positive, negatives)
    far = sigma(negatives @ w)
    assert np.isclose(loss, -(np.log(sigma(w @ positive)) + np.log(1 - far).sum()))
    np.testing.assert_allclose(by_positive, (sigma(positive @ w) - 1) * w)
    np.testing.assert_allclose(by_negatives, far[:, None] * w)
    np.testing.assert_allclose(by_w, (sigma(positive @ w) - 1) * positive + far @ negatives)


def test_several_words_beside_the_same() -> None:
    random = np.random.default_rng(1)
    words, positive, negatives = random.normal(size=(4, 5)), random.normal(size=5), random.normal(size=(2, 5))
    whole = lg.value_and_grad(negative_sampling)(words, positive, negatives)[0]
    each = [lg.value_and_grad(negative_sampling)(w, positive, negatives)[0] for w in words]
    assert np.isclose(whole, sum(each))
