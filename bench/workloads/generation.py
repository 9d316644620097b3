"""Generating text: language models that draw a token, read it, and draw the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.workloads.declared import Data, Workload, normal

GREEDY = 40
"""Tokens of the text that is compared: the most probable one at every place, from the state 0 on."""


def generation(gates: int, hidden: int = 200, vocabulary: int = 10_000, layers: int = 2) -> Data:
    """Weights of a recurrent language model of some layers, embeddings as wide as layers, tokens 0 … V-1.

    Parameters are those of ``lexgrad.RNNLM`` (one gate) and ``LSTMLM`` (four: input, forget, candidate, output). A text
    begins behind the last token, the end of a line. Token 0, the unknown one, is never drawn: its bias is −∞.
    """
    generator = np.random.default_rng(0)
    data: dict[str, Any] = {"E": normal(generator, vocabulary, hidden, scale=0.3), "layers": layers}
    for layer in range(1, layers + 1):
        data[f"W{layer}"] = normal(generator, hidden, gates * hidden, scale=0.1)
        data[f"U{layer}"] = normal(generator, hidden, gates * hidden, scale=0.1)
        data[f"b{layer}"] = normal(generator, gates * hidden)
    data["O"] = normal(generator, hidden, vocabulary, scale=0.3)
    data["c"] = normal(generator, vocabulary)
    data["c"][0] = -np.inf
    return data


def lstm_generation(**sizes: int) -> Data:
    """Of an LSTM: see ``generation``."""
    return generation(4, **sizes)


def elman_generation(**sizes: int) -> Data:
    """Of an Elman network: see ``generation``."""
    return generation(1, **sizes)


def wide_generation(**sizes: int) -> Data:
    """Of an LSTM with 650 units a layer: see ``generation``."""
    return generation(4, **{"hidden": 650, **sizes})


def text_loss(data: Data, tokens: Sequence[int]) -> float:
    """The mean of −log P of a text, in fp64: what two systems draw alike has the same."""
    states = [[np.zeros(len(data["U1"]))] * 2 for _ in range(data["layers"])]
    total, token = 0.0, len(data["E"]) - 1
    for following in tokens:
        x = data["E"][token].astype(np.float64)
        for layer, (h, last) in enumerate(states, 1):
            z = x @ data[f"W{layer}"] + h @ data[f"U{layer}"] + data[f"b{layer}"]
            if len(z) == len(h):
                x = c = np.tanh(z)
            else:
                i, f, g, o = np.split(z, 4)
                c = _sigmoid(f) * last + _sigmoid(i) * np.tanh(g)
                x = _sigmoid(o) * np.tanh(c)
            states[layer - 1] = [x, c]
        logits = x @ data["O"] + data["c"]
        top = logits.max()
        total += top + np.log(np.exp(logits - top).sum()) - logits[following]
        token = following
    return float(total / len(tokens))


def _sigmoid(z: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-z))


_FEW = {"vocabulary": 50, "hidden": 6}
_DRAWN = "2 layers, V 10 000, batch 1, temperature 1"
WORKLOADS = (
    Workload("elman-text", f"text drawn from an Elman network, H 200, {_DRAWN}", 2000, elman_generation, _FEW, "token"),
    Workload("lstm-text", f"text drawn from an LSTM, H 200, {_DRAWN}", 2000, lstm_generation, _FEW, "token"),
    Workload("lstm-text-650", f"text drawn from an LSTM, H 650, {_DRAWN}", 400, wide_generation, _FEW, "token"),
)
