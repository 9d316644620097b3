"""lexgrad: the whole step as one program, many steps a launch."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from bench.systems import Run, Setup
from bench.workloads import Data, log_loss
from lexgrad import ops
from lexgrad.compile import Program, Rows
from lexgrad.compile.arrays import Precision
from lexgrad.grad import gradient
from lexgrad.graph import Dim, Graph, Node, Type, input_node
from lexgrad.nn.clipping import clip_by_norm
from lexgrad.trace import scan

Inputs = Mapping[str, Node]
Loss = Callable[[Inputs], Node]


class Timed:
    """A round, and how long it took to make its program."""

    def __init__(self, run: Run, compile_seconds: float) -> None:
        self.run = run
        self.compile_seconds = compile_seconds

    def __call__(self, steps: int) -> float | Callable[[], float]:
        """Do a round."""
        return self.run(steps)


def _program(loss: Loss, types: Mapping[str, Type], parameters: tuple[str, ...], setup: Setup, norm: Any) -> Program:
    """The step theta <- theta - rate * gradient of a loss, parameters updated in place."""
    inputs = {name: input_node(name, type) for name, type in types.items()}
    value = loss(inputs)
    slopes = dict(zip(parameters, gradient(value, [inputs[name] for name in parameters]), strict=True))
    if norm is not None:
        slopes = clip_by_norm(slopes, norm)
    new = {name: inputs[name] - inputs["rate"] * slope for name, slope in slopes.items()}
    graph = Graph(inputs, {"loss": value, **new}, "step")
    return Program(graph, cast(Precision, setup.precision), setup.threads, {name: name for name in parameters})


def _types(data: Data, varying: tuple[str, ...]) -> dict[str, Type]:
    types = {}
    for name, value in data.items():
        array = np.asarray(value)
        shape = array.shape[1:] if name in varying else array.shape
        types[name] = Type("float" if array.dtype.kind == "f" else "int", shape)
    return types


def _prepare(loss: Loss, parameters: tuple[str, ...], varying: tuple[str, ...], data: Data, setup: Setup) -> Run:
    begun = time.perf_counter()
    given = {name: value for name, value in data.items() if name != "norm"}
    program = _program(loss, _types(given, varying), parameters, setup, data.get("norm"))
    seconds = time.perf_counter() - begun
    fixed: dict[str, Any] = {
        name: program.prepared(name, value, copy=name in parameters)
        for name, value in given.items()
        if name not in varying
    }
    count = len(data[varying[0]]) if varying else 1

    @functools.cache
    def bound(steps: int) -> Callable[[], Mapping[str, Any]]:
        turns = np.arange(steps) % count
        return program.bind({**fixed, **{name: Rows(data[name], turns) for name in varying}}, steps)

    return Timed(lambda steps: float(bound(steps)()["loss"][-1]), seconds)


def _ffnn_lm(p: Inputs) -> Node:
    batch, words = p["context"].shape
    embedded = ops.reshape(ops.take(p["E"], p["context"]), (batch, words * p["E"].shape[1]))
    hidden = ops.tanh(embedded @ p["W"] + p["b"])
    return ops.mean(ops.cross_entropy(hidden @ p["U"] + p["c"], p["target"]))


def _recurrent(p: Inputs, step: Callable[[Any, Node], tuple[Any, Node]], start: Any) -> Node:
    time, batch = p["tokens"].shape
    _, states = scan(step, start, ops.take(p["E"], p["tokens"]))
    logits = ops.reshape(states, (time * batch, states.shape[2])) @ p["V"] + p["c"]
    return ops.mean(ops.cross_entropy(logits, ops.reshape(p["target"], (time * batch,))))


def _elman_lm(p: Inputs) -> Node:
    def step(h: Node, x: Node) -> tuple[Node, Node]:
        h = ops.tanh(x @ p["W"] + h @ p["U"] + p["b"])
        return h, h

    return _recurrent(p, step, np.zeros((p["tokens"].shape[1], p["U"].shape[0])))


def _lstm_lm(p: Inputs) -> Node:
    hidden = p["U"].shape[0]

    def step(carry: tuple[Node, Node], x: Node) -> tuple[tuple[Node, Node], Node]:
        h, c = carry
        z = x @ p["W"] + h @ p["U"] + p["b"]
        i, f, g, o = (z[:, k * hidden : (k + 1) * hidden] for k in range(4))
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return (h, c), h

    zeros = np.zeros((p["tokens"].shape[1], hidden))
    return _recurrent(p, step, (zeros, zeros))


def _mean_pool(p: Inputs) -> Node:
    pooled = ops.segment_mean(ops.take(p["E"], p["ids"]), p["offsets"])
    return ops.mean(ops.cross_entropy(pooled @ p["W"] + p["b"], p["target"]))


def _xor(p: Inputs) -> Node:
    hidden = ops.tanh(p["x"] @ p["W"] + p["b"])
    return ops.mean(ops.binary_cross_entropy(hidden @ p["u"] + p["c"], p["y"]))


def _sparse_logistic(data: Data, setup: Setup) -> Run:
    """An update after each text. A round is a whole fit: binding texts as rows, first weights 0, every epoch."""
    begun = time.perf_counter()
    columns, words = data["counts"].shape[1], Dim("words")
    types = {
        "w": Type("float", (columns,)),
        "b": Type("float"),
        "ids": Type("int", (words,)),
        "counts": Type("float", (words,)),
        "label": Type("float"),
        "rate": Type("float"),
        "bias_rate": Type("float"),
    }
    x = {name: input_node(name, type) for name, type in types.items()}
    z = ops.sum(x["counts"] * ops.take(x["w"], x["ids"])) + x["b"]
    dw, db = gradient(ops.binary_cross_entropy(z, x["label"]), [x["w"], x["b"]])
    new = {"w": x["w"] - x["rate"] * dw, "b": x["b"] - x["bias_rate"] * db}
    precision = cast(Precision, setup.precision)
    program = Program(Graph(x, new, "step"), precision, setup.threads, {"w": "w", "b": "b"})
    seconds = time.perf_counter() - begun
    counts, labels = data["counts"], data["labels"]

    def fit() -> Mapping[str, Any]:
        first, last = counts.indptr[:-1], counts.indptr[1:]
        inputs = {
            "w": program.prepared("w", np.zeros(columns, np.float32)),
            "b": program.prepared("b", np.zeros((), np.float32)),
            "ids": Rows(counts.indices, first, last),
            "counts": Rows(counts.data, first, last),
            "label": Rows(labels.astype(np.float32), np.arange(len(labels))),
            "rate": program.prepared("rate", data["rate"]),
            "bias_rate": program.prepared("bias_rate", data["bias_rate"]),
        }
        epoch = program.bind(inputs, len(labels))
        for _ in range(data["epochs"]):
            weights = epoch()
        return weights

    def run(steps: int) -> Callable[[], float]:
        for _ in range(steps):
            weights = fit()
        return lambda: log_loss(counts @ weights["w"] + weights["b"], labels)

    return Timed(run, seconds)


_RECURRENT = (("E", "W", "U", "b", "V", "c"), ("tokens", "target"))
PREPARE = {
    "ffnn-lm": functools.partial(_prepare, _ffnn_lm, ("E", "W", "b", "U", "c"), ("context", "target")),
    "elman-lm": functools.partial(_prepare, _elman_lm, *_RECURRENT),
    "lstm-lm": functools.partial(_prepare, _lstm_lm, *_RECURRENT),
    "mean-pool": functools.partial(_prepare, _mean_pool, ("E", "W", "b"), ("ids", "target")),
    "sparse-logistic": _sparse_logistic,
    "xor": functools.partial(_prepare, _xor, ("W", "b", "u", "c"), ()),
}
