"""Language models: feed-forward, Elman and LSTM."""

from __future__ import annotations

import numpy as np

from bench.workloads.declared import Data, Workload, normal


def ffnn_lm(vocabulary: int = 10_000, words: int = 3, d: int = 100, hidden: int = 200, batch: int = 256) -> Data:
    """A feed-forward language model: e = embeddings of the last words, h = tanh(eW + b), ŷ = softmax(hU + c)."""
    generator = np.random.default_rng(0)
    batches = 8
    return {
        "E": normal(generator, vocabulary, d),
        "W": normal(generator, words * d, hidden),
        "b": np.zeros(hidden, np.float32),
        "U": normal(generator, hidden, vocabulary),
        "c": np.zeros(vocabulary, np.float32),
        "context": generator.zipf(1.3, (batches, batch, words)) % vocabulary,
        "target": generator.zipf(1.3, (batches, batch)) % vocabulary,
        "rate": 0.1,
    }


def recurrent_lm(
    gates: int, vocabulary: int = 10_000, d: int = 200, hidden: int = 200, batch: int = 20, time: int = 35
) -> Data:
    """A recurrent language model, a word a step, every batch from the state 0: ŷ_t = softmax(h_t V + c).

    Elman (1990), one gate: h_t = tanh(x_t W + h_{t-1} U + b). LSTM (Hochreiter & Schmidhuber, 1997; Gers et al., 2000),
    four gates i, f, g, o side by side in W, U and b: c_t = f c_{t-1} + i g, h_t = o tanh(c_t). The gradient is clipped
    to the norm ``norm`` over all parameters. Tokens are (batches, time, batch).
    """
    generator = np.random.default_rng(0)
    batches = 4
    return {
        "E": normal(generator, vocabulary, d, scale=0.1),
        "W": normal(generator, d, gates * hidden, scale=0.1),
        "U": normal(generator, hidden, gates * hidden, scale=0.1),
        "b": np.zeros(gates * hidden, np.float32),
        "V": normal(generator, hidden, vocabulary, scale=0.1),
        "c": np.zeros(vocabulary, np.float32),
        "tokens": generator.zipf(1.3, (batches, time, batch)) % vocabulary,
        "target": generator.zipf(1.3, (batches, time, batch)) % vocabulary,
        "rate": 0.2,
        "norm": 0.5,
    }


def elman_lm(**sizes: int) -> Data:
    """The Elman network: see ``recurrent_lm``."""
    return recurrent_lm(1, **sizes)


def lstm_lm(**sizes: int) -> Data:
    """The LSTM: see ``recurrent_lm``."""
    return recurrent_lm(4, **sizes)


_FEW = {"vocabulary": 50, "d": 6, "hidden": 5, "batch": 3}
_RECURRENT = "V 10 000, d = H = 200, batch 20 x 35, SGD, gradient clipped by its norm"
WORKLOADS = (
    Workload(
        "ffnn-lm", "feed-forward language model, V 10 000, 3 words x d 100, H 200, batch 256, SGD", 8, ffnn_lm, _FEW
    ),
    Workload("elman-lm", f"Elman language model, {_RECURRENT}", 4, elman_lm, _FEW | {"time": 4}),
    Workload("lstm-lm", f"LSTM language model, {_RECURRENT}", 4, lstm_lm, _FEW | {"time": 4}),
)
