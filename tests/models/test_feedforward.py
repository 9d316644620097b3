"""Feed-forward networks: XOR, layers, biases, outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lexgrad.errors import InputError
from lexgrad.models import FeedForward

XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
LABELS = np.array([0, 1, 1, 0])
RANDOM = np.random.default_rng(1)


def xor(**settings: Any) -> FeedForward:
    usual: dict[str, Any] = {"units": 4, "batch": 4, "epochs": 400, "learning_rate": 0.1, "schedule": "constant"}
    return FeedForward(**{**usual, **settings}).fit(XOR, LABELS)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
@pytest.mark.parametrize("bias", ["vector", "x0"])
def test_two_layers_learn_xor(seed: int, output: str, bias: str) -> None:
    model = xor(seed=seed, output=output, bias=bias)
    assert model.predict(XOR).tolist() == LABELS.tolist()
    assert model.history_[-1]["loss"] < 0.1


def test_one_layer_can_not() -> None:
    """No line separates XOR: the best a single layer can do is a loss of ln 2, three right at most."""
    model = xor(layers=1, precision="fp64")
    assert model.score(XOR, LABELS) <= 0.75
    assert model.history_[-1]["loss"] == pytest.approx(np.log(2), abs=0.02)


def test_layers_without_a_non_linearity_are_one_layer() -> None:
    assert xor(layers=3, activation="identity").score(XOR, LABELS) <= 0.75


@pytest.mark.parametrize("bias", ["vector", "x0"])
@pytest.mark.parametrize(
    ("layers", "units", "sizes"), [(1, 100, []), (2, 5, [5]), (3, (5, 4), [5, 4]), (4, 3, [3, 3, 3])]
)
def test_shapes(bias: str, layers: int, units: Any, sizes: list[int]) -> None:
    model = FeedForward(layers=layers, units=units, bias=bias, epochs=1).fit(XOR, [0, 1, 2, 0])
    widths = [2, *sizes, 3]
    expected: dict[str, tuple[int, ...]] = {}
    for layer in range(1, layers + 1):
        expected[f"W{layer}"] = (widths[layer - 1] + (bias == "x0"), widths[layer])
        if bias == "vector":
            expected[f"b{layer}"] = (widths[layer],)
    assert {name: array.shape for name, array in model.parameters_.items()} == expected


def test_x0_is_a_bias_vector_in_other_clothes() -> None:
    """From the same weights, one epoch of SGD gives the same network."""
    settings: dict[str, Any] = {"epochs": 3, "optimizer": "sgd", "learning_rate": 0.3, "units": 3, "batch": 2}
    rows, labels = RANDOM.normal(size=(10, 2)), np.arange(10) % 2
    start = {"W1": RANDOM.normal(size=(2, 3)), "W2": RANDOM.normal(size=(3, 1))}

    class Given(FeedForward):
        def initial(self, name: str, shape: tuple[int, ...], encoder: Any) -> Any:
            if name.startswith("b"):
                return np.zeros(shape)
            return np.vstack([start[name], np.zeros((shape[0] - len(start[name]), shape[1]))])

    vector = Given(bias="vector", precision="fp64", **settings).fit(rows, labels)
    x0 = Given(bias="x0", precision="fp64", **settings).fit(rows, labels)
    for layer in (1, 2):
        weights = np.vstack([vector.parameters_[f"W{layer}"], vector.parameters_[f"b{layer}"]])
        np.testing.assert_allclose(x0.parameters_[f"W{layer}"], weights, rtol=1e-10, atol=1e-12)


def test_adding_a_layer_changes_no_other_initial_weight() -> None:
    one = FeedForward(learning_rate=0.0, epochs=1, layers=3, units=4).fit(XOR, LABELS)
    two = FeedForward(learning_rate=0.0, epochs=1, layers=4, units=4).fit(XOR, LABELS)
    np.testing.assert_array_equal(one.parameters_["W1"], two.parameters_["W1"])
    np.testing.assert_array_equal(one.parameters_["W2"], two.parameters_["W2"])


def test_output_by_the_number_of_classes() -> None:
    assert FeedForward(epochs=1).fit(XOR, LABELS).decision_function(XOR).shape == (4,)
    assert FeedForward(epochs=1).fit(XOR, [0, 1, 2, 0]).decision_function(XOR).shape == (4, 3)
    softmax = FeedForward(epochs=1, output="softmax").fit(XOR, LABELS)
    assert softmax.parameters_["W2"].shape[1] == 2
    assert softmax.decision_function(XOR).shape == (4,)
    with pytest.raises(InputError, match="tells two classes apart"):
        FeedForward(output="sigmoid").fit(XOR, [0, 1, 2, 0])


def test_dropout_is_for_training_only_and_seeded() -> None:
    rows, labels = RANDOM.normal(size=(30, 5)), np.arange(30) % 2
    plain = FeedForward(epochs=2, units=20).fit(rows, labels)
    dropped = FeedForward(epochs=2, units=20, dropout=0.5).fit(rows, labels)
    again = FeedForward(epochs=2, units=20, dropout=0.5).fit(rows, labels)
    assert not np.array_equal(plain.parameters_["W1"], dropped.parameters_["W1"])
    np.testing.assert_array_equal(again.parameters_["W1"], dropped.parameters_["W1"])
    np.testing.assert_array_equal(dropped.predict_proba(rows), dropped.predict_proba(rows))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": 3, "units": (4,)}, "units gives 1 hidden layers, but layers=3 has 2"),
        ({"dropout": 1.0}, "below 1"),
        ({"features": "counts", "vectors": "x.txt"}, "vectors are for features='embeddings'"),
        ({"activation": "tan"}, "did you mean 'tanh'"),
        ({"pool": "median"}, "mean, max, concat"),
        ({"units": (4, 2.5)}, "whole numbers"),
        ({"layers": 0}, "at least 1"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FeedForward(**settings).fit(XOR, LABELS)


def test_overfits_eight_examples() -> None:
    rows, labels = RANDOM.normal(size=(8, 6)), np.array([0, 1, 2, 3, 0, 1, 2, 3])
    model = FeedForward(epochs=200, batch=8, learning_rate=0.05).fit(rows, labels)
    assert model.score(rows, labels) == 1.0
    assert model.history_[-1]["loss"] < 0.01
