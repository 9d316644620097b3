"""Losses: label smoothing by hand, against PyTorch, and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lexgrad.evaluate import Interpreter
from lexgrad.grad import gradient
from lexgrad.graph import Graph, Type, input_node
from lexgrad.nn.losses import classification_loss

LOGITS = np.array([[1.0, -2.0, 0.5], [0.0, 0.0, 3.0], [-1.0, 4.0, 2.0]])
LABELS = np.array([0, 1, 2])
WEIGHTS = np.array([1.0, 2.0, 0.5])


def measured(logits: NDArray[Any], labels: NDArray[Any], smoothing: float) -> dict[str, NDArray[Any]]:
    z, y = input_node("z", Type("float", logits.shape)), input_node("y", Type("int", labels.shape))
    weights = input_node("weights", Type("float", labels.shape))
    loss = classification_loss(z, y, weights, smoothing)
    graph = Graph({"z": z, "y": y, "weights": weights}, {"loss": loss, "d_z": gradient(loss, [z])[0]})
    return Interpreter(graph)(z=logits, y=labels, weights=WEIGHTS)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_smoothed_labels_by_hand(smoothing: float) -> None:
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    q = (1 - smoothing) * np.eye(3)[LABELS] + smoothing / 3
    found = measured(LOGITS, LABELS, smoothing)
    assert float(found["loss"]) == pytest.approx(float(np.mean(WEIGHTS * -(q * np.log(p)).sum(1))), rel=1e-12)
    np.testing.assert_allclose(found["d_z"], WEIGHTS[:, None] * (p - q) / 3, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_sigmoid_is_a_softmax_of_two(smoothing: float) -> None:
    z, labels = np.array([0.3, -1.0, 2.0]), np.array([0, 1, 1])
    two = measured(np.stack([np.zeros(3), z], axis=1), labels, smoothing)
    one = measured(z, labels, smoothing)
    assert float(one["loss"]) == pytest.approx(float(two["loss"]), rel=1e-12)
    np.testing.assert_allclose(one["d_z"], two["d_z"][:, 1], rtol=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_smoothed_labels_against_torch(smoothing: float) -> None:
    torch = pytest.importorskip("torch")
    z = torch.tensor(LOGITS, requires_grad=True)
    losses = torch.nn.functional.cross_entropy(z, torch.tensor(LABELS), reduction="none", label_smoothing=smoothing)
    loss = (losses * torch.tensor(WEIGHTS)).mean()
    loss.backward()
    found = measured(LOGITS, LABELS, smoothing)
    assert float(found["loss"]) == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(found["d_z"], z.grad.numpy(), rtol=1e-9, atol=1e-12)
