"""Language models."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.systems.lexgrad_compiled.stepping import Inputs, prepare
from lexgrad import ops
from lexgrad.graph import Node
from lexgrad.trace import scan


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


_RECURRENT = (("E", "W", "U", "b", "V", "c"), ("tokens", "target"))
PREPARE = {
    "ffnn-lm": functools.partial(prepare, _ffnn_lm, ("E", "W", "b", "U", "c"), ("context", "target")),
    "elman-lm": functools.partial(prepare, _elman_lm, *_RECURRENT),
    "lstm-lm": functools.partial(prepare, _lstm_lm, *_RECURRENT),
}
