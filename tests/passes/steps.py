"""Graphs of whole training steps: every model and optimiser of the library, a language model, and a small network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.graph import Dim, Graph, Node, Type, input_node
from lexgrad.models import FeedForward, LogisticRegression, SoftmaxRegression, TextCNN
from lexgrad.models.classifiers.base import TextClassifier
from lexgrad.models.classifiers.fitting import training_objective
from lexgrad.models.features.arrays import ArrayEncoder
from lexgrad.models.features.encoder import Encoder
from lexgrad.models.features.words import WordEncoder
from lexgrad.models.fitting import training_step
from lexgrad.nn.losses import classification_loss
from lexgrad.nn.optimisers import optimiser
from lexgrad.train.step import Objective, build_step, step_input

Array = NDArray[Any]
BATCH = Dim("batch")
MANY = 1900
"""So many words that a batch is sure to read few of them."""


class Words(WordEncoder):
    """Many more words than are read, without a tokenizer."""

    def __init__(self, length: int | None, width: int = 900, dimensions: int = 2) -> None:
        self.length, self.dimensions, self.vectors, self.tokenizer, self.width = length, dimensions, None, None, width


def _dense() -> Encoder:
    return ArrayEncoder("dense", 5, None, None)


def _sparse(width: int = 900) -> Encoder:
    return ArrayEncoder("sparse", width, None, None)


Case = tuple[TextClassifier, Encoder, int]


def _words(classes: int, width: int = 900, **settings: Any) -> Case:
    length = 3 if settings.get("pool") == "concat" else None
    return FeedForward(units=4, dimensions=2, **settings), Words(length, width), classes


def _filters(width: int = 900, **settings: Any) -> Case:
    usual: dict[str, Any] = {"kernels": (2, 3), "filters": 3, "dimensions": 4, "dropout": 0.0}
    return TextCNN(**{**usual, **settings}), Words(None, width, 4), 3


MODELS: dict[str, Case] = {
    "logistic": (LogisticRegression(optimizer="sgd"), _dense(), 2),
    "logistic sparse": (LogisticRegression(optimizer="sgd"), _sparse(), 2),
    "logistic sparse l2": (LogisticRegression(optimizer="sgd", l2=0.1), _sparse(), 2),
    "softmax": (SoftmaxRegression(optimizer="sgd"), _dense(), 3),
    "softmax sparse": (SoftmaxRegression(optimizer="sgd"), _sparse(), 3),
    "ffnn": (FeedForward(units=4, optimizer="sgd"), _dense(), 2),
    "ffnn deep x0": (FeedForward(layers=3, units=(4, 3), bias="x0", optimizer="sgd"), _dense(), 3),
    "ffnn sparse x0": (FeedForward(units=4, bias="x0", optimizer="sgd"), _sparse(), 3),
    "ffnn relu": (FeedForward(units=4, activation="relu", optimizer="sgd"), _dense(), 3),
    "ffnn sigmoid": (FeedForward(units=4, activation="sigmoid", optimizer="sgd"), _dense(), 2),
    "mean": _words(3, optimizer="sgd"),
    "mean l2": _words(3, optimizer="sgd", l2=0.1),
    "mean clipped": _words(3, optimizer="sgd", clip_norm=0.1),
    "mean clipped values": _words(3, optimizer="sgd", clip_value=0.01),
    "mean dropout": _words(3, optimizer="sgd", dropout=0.3, clip_norm=0.1, l2=0.1),
    "max": _words(2, optimizer="sgd", pool="max"),
    "concat": _words(3, optimizer="sgd", pool="concat"),
    "frozen": _words(3, optimizer="sgd", fine_tune=False),
    **{f"mean {name}": _words(3, optimizer=name, clip_norm=0.1, l2=0.1)
       for name in ("momentum", "nesterov", "adagrad", "adadelta", "adam", "adamw")},
    "many adagrad": _words(3, MANY, optimizer="adagrad", l2=0.0, clip_norm=0.1),
    "many adagrad l2": _words(3, MANY, optimizer="adagrad", l2=0.1, clip_norm=0.1),
    "many adam": _words(3, MANY, optimizer="adam", l2=0.0),
    "many clipped values": _words(3, MANY, optimizer="sgd", clip_value=0.01, clip_norm=0.1),
    "many max adagrad": _words(3, MANY, optimizer="adagrad", l2=0.0, pool="max"),
    "many logistic adagrad": (LogisticRegression(optimizer="adagrad", l2=0.0), _sparse(MANY), 2),
    **{f"lazy {name}": _words(3, MANY, optimizer=name, l2=0.1, clip_norm=0.1, lazy=True)
       for name in ("sgd", "momentum", "nesterov", "adagrad", "adadelta", "adam", "adamw")},
    "lazy concat": _words(3, MANY, optimizer="adam", l2=0.1, pool="concat", lazy=True),
    "lazy max": _words(3, MANY, optimizer="adam", clip_norm=0.1, pool="max", lazy=True),
    "lazy logistic": (LogisticRegression(optimizer="adam", lazy=True), _sparse(MANY), 2),
    "lazy softmax": (SoftmaxRegression(optimizer="adam", lazy=True), _sparse(MANY), 3),
    "lazy few": _words(3, optimizer="adam", l2=0.1, clip_norm=0.1, lazy=True),
    "lazy filters": _filters(MANY, dropout=0.3, max_norm=0.5, padding="valid"),
    "lazy filters twice": _filters(MANY, optimizer="adam", fixed_copy=True, units=3, l2=0.1, clip_norm=0.1),
    "filters": _filters(optimizer="sgd", lazy=False, max_norm=None),
    "filters pooled": _filters(optimizer="sgd", lazy=False, stride=2, window_pool="max", padding="same"),
    "filters averaged": _filters(optimizer="sgd", lazy=False, pool="mean", window_pool="mean", activation="tanh"),
    "lazy x0": (FeedForward(units=4, bias="x0", optimizer="adam", lazy=True), _sparse(MANY), 3),
}  # fmt: skip


def model_step(case: str, weighted: bool = False) -> Graph:
    """The training step of a model of the library."""
    model, encoder, classes = MODELS[case]
    objective = training_objective(model, encoder, classes, weighted=weighted)
    return training_step(model, objective, model.constrained).graph


def language_model(clip: float | None = None, words: int = 900) -> Graph:
    """A feed-forward language model: three words in, the next one out (Bengio et al. 2003)."""
    shapes: dict[str, tuple[int, ...]] = {"E": (words, 4), "W": (12, 6), "b": (6,), "U": (6, words), "c": (words,)}
    p = {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}
    ids, labels = input_node("ids", Type("int", (BATCH, 3))), input_node("labels", Type("int", (BATCH,)))
    x = ops.reshape(ops.take(p["E"], ids), (BATCH, 12))
    logits = ops.tanh(x @ p["W"] + p["b"]) @ p["U"] + p["c"]
    loss = classification_loss(logits, labels)
    return _step(loss, p, {"ids": ids, "labels": labels}, clip)


def convolution(activation: str = "relu", optimizer: str = "sgd", filters: int = 5) -> Graph:
    """Filters over three words each, and the maximum of each over all of a text (Kim 2014)."""
    shapes: dict[str, tuple[int, ...]] = {"E": (MANY, 4), "W": (12, filters), "b": (filters,), "U": (filters, 3)}
    p = {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}
    tokens = Dim("tokens")
    ids, offsets = input_node("ids", Type("int", (tokens, 3))), input_node("offsets", Type("int", (BATCH + 1,)))
    labels = input_node("labels", Type("int", (BATCH,)))
    windows = ops.reshape(ops.take(p["E"], ids), (tokens, 12))
    features = ops.segment_max(getattr(ops, activation)(windows @ p["W"] + p["b"]), offsets)
    loss = classification_loss(features @ p["U"], labels)
    return _step(loss, p, {"ids": ids, "offsets": offsets, "labels": labels}, 0.1, optimizer)


def small_network() -> Graph:
    """2-4-1 with sigmoids and a squared error, as for XOR, written as beginners do."""
    shapes: dict[str, tuple[int, ...]] = {"W1": (2, 4), "b1": (4,), "W2": (4, 1), "b2": (1,)}
    p = {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}
    x, y = input_node("x", Type("float", (4, 2))), input_node("y", Type("float", (4, 1)))
    hidden = 1 / (1 + ops.exp(-(x @ p["W1"] + p["b1"])))
    out = 1 / (1 + ops.exp(-(hidden @ p["W2"] + p["b2"])))
    return _step(ops.mean((out - y) ** 2), p, {"x": x, "y": y}, None)


def _step(
    loss: Node, parameters: Mapping[str, Node], inputs: Mapping[str, Node], clip: float | None, name: str = "sgd"
) -> Graph:
    objective = Objective(loss, None, inputs, parameters, tuple(parameters), step_input())
    return build_step(objective, optimiser(name), clip_norm=clip)


def step_values(graph: Graph, seed: int = 0) -> dict[str, Array]:
    """Values for the inputs of a step: a batch of four, one text of it empty, some words -1."""
    generator = np.random.default_rng(seed)
    sizes = {"batch": 4, "tokens": 7, "batch+1": 5}
    values: dict[str, Array] = {}
    for name, type in graph.input_types.items():
        shape = [sizes[str(size)] if isinstance(size, Dim) else size for size in type.shape]
        if type.dtype == "float":
            values[name] = generator.normal(size=shape)
        elif name == "ids":
            values[name] = generator.integers(-1, 5, shape)
        elif name == "offsets":
            values[name] = np.array([0, 3, 3, 4, 7])
        else:
            values[name] = generator.integers(0, 2, shape)
        if name.endswith(("_mean", "_sum")):  # means of squares, mostly, and so not below 0
            values[name] = np.abs(values[name])
    values["rate"] = np.array(0.3)
    return values
