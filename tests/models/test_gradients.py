"""Every model's gradients: against finite differences, and against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lexgrad.evaluate import Interpreter
from lexgrad.grad import gradient
from lexgrad.graph import Graph, Type, input_node
from lexgrad.models import FeedForward, LogisticRegression, SoftmaxRegression, TextCNN
from lexgrad.models.classifiers.base import TextClassifier
from lexgrad.models.features.arrays import ArrayEncoder
from lexgrad.models.features.encoder import Encoder
from lexgrad.models.features.inputs import BATCH
from lexgrad.models.features.words import WordEncoder
from lexgrad.nn.layers import undropped
from lexgrad.nn.losses import classification_loss

Array = NDArray[Any]
RANDOM = np.random.default_rng(5)
DENSE = RANDOM.normal(size=(4, 5))
SPARSE = np.where(np.abs(DENSE) > 0.7, DENSE, 0.0)
IDS, OFFSETS = np.array([1, 2, 2, 5, 0, 3, 1]), np.array([0, 3, 3, 4, 7])


class Words(WordEncoder):
    """Six words, without a tokenizer."""

    def __init__(self, length: int | None) -> None:
        self.length, self.dimensions, self.vectors, self.tokenizer, self.width = length, 2, None, None, 6


def padded() -> Array:
    ids = np.full((4, 3), -1)
    for row in range(4):
        words = IDS[OFFSETS[row] : OFFSETS[row + 1]]
        ids[row, : len(words)] = words
    return ids


def sparse_batch() -> dict[str, Array]:
    rows, columns = np.nonzero(SPARSE)
    return {"ids": columns, "values": SPARSE[rows, columns], "offsets": np.searchsorted(rows, np.arange(5))}


CASES: dict[str, tuple[TextClassifier, Encoder, dict[str, Array], int]] = {
    "logistic": (LogisticRegression(), ArrayEncoder("dense", 5, None, None), {"x": DENSE}, 2),
    "logistic sparse": (LogisticRegression(), ArrayEncoder("sparse", 5, None, None), sparse_batch(), 2),
    "softmax": (SoftmaxRegression(), ArrayEncoder("dense", 5, None, None), {"x": DENSE}, 3),
    "softmax sparse": (SoftmaxRegression(), ArrayEncoder("sparse", 5, None, None), sparse_batch(), 3),
    "ffnn": (FeedForward(units=4), ArrayEncoder("dense", 5, None, None), {"x": DENSE}, 2),
    "ffnn sparse x0": (FeedForward(units=4, bias="x0"), ArrayEncoder("sparse", 5, None, None), sparse_batch(), 3),
    "ffnn deep x0": (
        FeedForward(layers=3, units=(4, 3), bias="x0"),
        ArrayEncoder("dense", 5, None, None),
        {"x": DENSE},
        3,
    ),
    "ffnn relu": (FeedForward(units=4, activation="relu"), ArrayEncoder("dense", 5, None, None), {"x": DENSE}, 3),
    "ffnn sigmoid": (FeedForward(units=4, activation="sigmoid"), ArrayEncoder("dense", 5, None, None), {"x": DENSE}, 2),
    "mean": (FeedForward(units=4, dimensions=2), Words(None), {"ids": IDS, "offsets": OFFSETS}, 3),
    "max": (FeedForward(units=4, dimensions=2, pool="max"), Words(None), {"ids": IDS, "offsets": OFFSETS}, 2),
    "cnn max": (
        TextCNN(kernels=(2, 3), filters=3, dimensions=2, activation="tanh"),
        Words(None),
        {"ids": IDS, "offsets": OFFSETS},
        3,
    ),
    "cnn mean": (
        TextCNN(kernels=2, filters=3, dimensions=2, activation="sigmoid", pool="mean"),
        Words(None),
        {"ids": IDS, "offsets": OFFSETS},
        2,
    ),
    "concat": (FeedForward(units=4, dimensions=2, pool="concat"), Words(3), {"ids": padded()}, 3),
}


def loss_and_gradients(case: str) -> tuple[Interpreter, dict[str, Array], dict[str, Array]]:
    model, encoder, batch, classes = CASES[case]
    shapes = model.shapes(encoder, classes)
    parameters = {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}
    inputs = {name: input_node(name, type) for name, type in encoder.input_types().items()}
    labels = input_node("labels", Type("int", (BATCH,)))
    loss = classification_loss(model.logits(parameters, inputs, undropped), labels)
    backward = dict(zip((f"d_{name}" for name in parameters), gradient(loss, list(parameters.values())), strict=True))
    graph = Graph({**parameters, **inputs, "labels": labels}, {"loss": loss, **backward})
    random = np.random.default_rng(9)
    values = {name: random.normal(size=shape) for name, shape in shapes.items()}
    return Interpreter(graph), values, {**batch, "labels": np.array([0, 1, classes - 1, 0])}


@pytest.mark.parametrize("case", CASES)
def test_against_finite_differences(case: str) -> None:
    run, values, batch = loss_and_gradients(case)
    out = run(**values, **batch)
    for name, value in values.items():
        direction = np.random.default_rng(11).normal(size=value.shape)
        above = run(**{**values, name: value + 1e-6 * direction}, **batch)["loss"]
        below = run(**{**values, name: value - 1e-6 * direction}, **batch)["loss"]
        slope = float((above - below) / 2e-6)
        assert slope == pytest.approx(float(np.sum(out[f"d_{name}"] * direction)), rel=1e-5, abs=1e-8), name


@pytest.mark.parametrize("case", CASES)
def test_against_torch(case: str) -> None:
    torch = pytest.importorskip("torch")
    run, values, batch = loss_and_gradients(case)
    ours = run(**values, **batch)
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}
    loss = torch_loss(torch, case, tensors, torch.tensor(batch["labels"]))
    loss.backward()
    assert float(ours["loss"]) == pytest.approx(loss.item(), rel=1e-12)
    for name, tensor in tensors.items():
        np.testing.assert_allclose(ours[f"d_{name}"], tensor.grad.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


def torch_loss(torch: Any, case: str, p: dict[str, Any], labels: Any) -> Any:
    model, _, batch, classes = CASES[case]
    if isinstance(model, TextCNN):
        return torch.nn.functional.cross_entropy(torch_features(torch, model, p) @ p["W1"] + p["b1"], labels)
    a = torch_input(torch, model, batch, p)
    if isinstance(model, FeedForward):
        for layer in range(1, model.layers + 1):
            if model.bias == "x0":
                a = torch.cat([a, torch.ones(len(a), 1, dtype=a.dtype)], dim=1) @ p[f"W{layer}"]
            else:
                a = a @ p[f"W{layer}"] + p[f"b{layer}"]
            a = getattr(torch, model.activation)(a) if layer < model.layers else a
    else:
        a = a @ p["w" if "w" in p else "W"] + p["b"]
    if classes == 2:
        return torch.nn.functional.binary_cross_entropy_with_logits(a.reshape(-1), labels.to(a.dtype))
    return torch.nn.functional.cross_entropy(a, labels)


def torch_features(torch: Any, model: TextCNN, p: dict[str, Any]) -> Any:
    """The features of the four texts, a convolution each."""
    rows, g = [], getattr(torch, model.activation)
    for row in range(4):
        words = p["E"][torch.tensor(IDS[OFFSETS[row] : OFFSETS[row + 1]])]
        features = []
        for k in model.sizes():
            padded = torch.nn.functional.pad(words.T, (k - 1, k - 1))[None]
            answers = torch.conv1d(padded, p[f"K{k}"].permute(1, 2, 0), p[f"b_K{k}"])[0]
            features.append(g(answers).amax(1) if model.pool == "max" else g(answers).mean(1))
        rows.append(torch.cat(features))
    return torch.stack(rows)


def torch_input(torch: Any, model: TextClassifier, batch: dict[str, Array], p: dict[str, Any]) -> Any:
    if "x" in batch:
        return torch.tensor(DENSE)
    if "values" in batch:
        return torch.tensor(SPARSE)
    assert isinstance(model, FeedForward)
    texts = []
    for row in range(4):
        words = p["E"][torch.tensor(IDS[OFFSETS[row] : OFFSETS[row + 1]])]
        zero = torch.zeros(2, dtype=torch.float64)
        if model.pool == "concat":
            texts.append(torch.cat([words.reshape(-1), torch.zeros(2 * (3 - len(words)), dtype=torch.float64)]))
        elif model.pool == "mean":
            texts.append(words.mean(dim=0) if len(words) else zero)
        else:
            texts.append(words.max(dim=0).values if len(words) else zero)
    return torch.stack(texts)
