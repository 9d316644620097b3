"""Logistic and softmax regression against the lectures' closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lexgrad.errors import InputError
from lexgrad.models import LogisticRegression, SoftmaxRegression
from lexgrad.train.shuffle import permutation

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(12, 4))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
CLASSES = np.arange(12) % 3
SGD: dict[str, Any] = {"optimizer": "sgd", "learning_rate": 0.5, "precision": "fp64"}


def softmax(z: NDArray[Any]) -> NDArray[Any]:
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("storage", [np.asarray, csr_array])
def test_one_mini_batch_is_the_closed_form(storage: Any) -> None:
    """∂L/∂w_j is the mean of (ŷ − y) x_j, ∂L/∂b the mean of ŷ − y; from zero weights ŷ = 1/2."""
    x = X.astype(np.float32).astype(float)  # sparse rows are kept in single precision
    model = LogisticRegression(epochs=1, batch=12, **SGD).fit(storage(x), Y)
    np.testing.assert_allclose(model.parameters_["w"], -0.5 * (0.5 - Y) @ x / 12, rtol=1e-12)
    np.testing.assert_allclose(model.parameters_["b"], -0.5 * (0.5 - Y).mean(), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("m", [1, 5, 12])
def test_training_is_the_pseudocode(m: int) -> None:
    w, b = np.zeros(4), 0.0
    for epoch in range(3):
        order = permutation(12, 7, epoch)
        for begin in range(0, 12, m):
            chosen = order[begin : begin + m]
            blame = sigmoid(X[chosen] @ w + b) - Y[chosen]
            w, b = w - 0.5 * blame @ X[chosen] / len(chosen), b - 0.5 * blame.mean()
    model = LogisticRegression(epochs=3, batch=m, seed=7, **SGD).fit(X, Y)
    np.testing.assert_allclose(model.parameters_["w"], w, rtol=1e-11)
    np.testing.assert_allclose(model.parameters_["b"], b, rtol=1e-11)


def test_softmax_regression_is_the_pseudocode_with_a_bias_for_each_class() -> None:
    W, b, one_hot = np.zeros((4, 3)), np.zeros(3), np.eye(3)[CLASSES]
    for epoch in range(3):
        order = permutation(12, 0, epoch)
        for begin in range(0, 12, 5):
            chosen = order[begin : begin + 5]
            blame = softmax(X[chosen] @ W + b) - one_hot[chosen]
            W, b = W - 0.5 * X[chosen].T @ blame / len(chosen), b - 0.5 * blame.mean(axis=0)
    model = SoftmaxRegression(epochs=3, batch=5, **SGD).fit(X, CLASSES)
    np.testing.assert_allclose(model.parameters_["W"], W, rtol=1e-11)
    np.testing.assert_allclose(model.parameters_["b"], b, rtol=1e-11)
    np.testing.assert_allclose(model.predict_proba(X), softmax(X @ W + b), rtol=1e-11)
    np.testing.assert_allclose(model.decision_function(X), X @ W + b, rtol=1e-10)
    assert np.ptp(b) > 0.01


def test_probabilities_belong_to_the_classes_in_order() -> None:
    labels = np.where(Y == 1, "yes", "no")
    model = LogisticRegression(epochs=50, learning_rate=0.1).fit(X, labels)
    assert model.classes_.tolist() == ["no", "yes"]
    scores = model.predict_proba(X)
    np.testing.assert_allclose(scores.sum(axis=1), 1.0)
    np.testing.assert_allclose(scores[:, 1], sigmoid(model.decision_function(X)), rtol=1e-12)
    assert model.predict(X).tolist() == np.where(scores[:, 1] > 0.5, "yes", "no").tolist()
    assert model.score(X, labels) == 1.0


def test_l2_shrinks_weights_and_spares_the_bias() -> None:
    model = LogisticRegression(epochs=1, batch=12, l2=0.3, **SGD).fit(X, Y)
    again = LogisticRegression(epochs=2, batch=12, l2=0.3, **SGD).fit(X, Y)
    w, b = model.parameters_["w"], model.parameters_["b"]
    blame = sigmoid(X @ w + b) - Y
    np.testing.assert_allclose(again.parameters_["w"], w - 0.5 * (blame @ X / 12 + 0.3 * w), rtol=1e-11)
    np.testing.assert_allclose(again.parameters_["b"], b - 0.5 * blame.mean(), rtol=1e-11)


@pytest.mark.parametrize(
    ("setting", "weights"),
    [({0: 3.0, 1: 0.5}, [3.0, 0.5]), ({1: 2.0}, [1.0, 2.0]), ("balanced", 12 / (2 * np.bincount(Y)))],
)
def test_class_weights_scale_each_texts_loss(setting: Any, weights: Any) -> None:
    model = LogisticRegression(epochs=1, batch=12, class_weight=setting, **SGD).fit(X, Y)
    blame = (0.5 - Y) * np.asarray(weights)[Y]
    np.testing.assert_allclose(model.parameters_["w"], -0.5 * blame @ X / 12, rtol=1e-12)


def test_standardized_sparse_rows_are_those_of_the_dense_array() -> None:
    x = np.where(X > 0.3, X, 0.0).astype(np.float32).astype(float)
    x[:, 3] = 2.0  # a column that never varies
    dense = LogisticRegression(standardize=True, epochs=4, **SGD).fit(x, Y)
    sparse = LogisticRegression(standardize=True, epochs=4, **SGD).fit(csr_array(x), Y)
    np.testing.assert_allclose(sparse.parameters_["w"], dense.parameters_["w"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(sparse.predict_proba(csr_array(x)), dense.predict_proba(x), rtol=1e-5)
    by_hand = (x[:, :3] - x[:, :3].mean(0)) / x[:, :3].std(0)
    plain = LogisticRegression(epochs=4, **SGD).fit(by_hand, Y)
    np.testing.assert_allclose(dense.parameters_["w"][:3], plain.parameters_["w"], rtol=1e-9)


def test_more_than_two_classes_are_for_softmax() -> None:
    with pytest.raises(InputError, match=r"3 classes.*use SoftmaxRegression"):
        LogisticRegression().fit(X, CLASSES)
    SoftmaxRegression(epochs=1).fit(X, Y)  # two classes are fine there


def test_single_precision_is_near_double() -> None:
    single = LogisticRegression(epochs=5).fit(X, Y)
    double = LogisticRegression(epochs=5, precision="fp64").fit(X, Y)
    assert single.parameters_["w"].dtype == np.float32
    assert double.parameters_["w"].dtype == np.float64
    np.testing.assert_allclose(single.parameters_["w"], double.parameters_["w"], rtol=1e-3, atol=1e-5)


def test_threads_and_repetition_change_no_bit() -> None:
    first = LogisticRegression(epochs=3, threads=1).fit(X, Y)
    for other in (LogisticRegression(epochs=3, threads=2), LogisticRegression(epochs=3)):
        np.testing.assert_array_equal(first.parameters_["w"], other.fit(X, Y).parameters_["w"])
    assert not np.array_equal(first.parameters_["w"], LogisticRegression(epochs=3, seed=1).fit(X, Y).parameters_["w"])
