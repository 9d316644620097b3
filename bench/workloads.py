"""The workloads: data, sizes, first weights and batch order, declared once for every system.

A system (``bench/systems``) gets a workload's data and returns a function that does a round and gives the loss that it
ends with; so a system that does less arithmetic, or another one, shows in the loss.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Data = Mapping[str, Any]
SST2 = Path(__file__).resolve().parents[2] / "shared" / "data" / "csv" / "sst2_train.csv"


class MissingDataError(Exception):
    """The text that a workload trains on is not there."""


@dataclass(frozen=True)
class Workload:
    """One thing to measure.

    Attributes:
        name: what it is called at the command line.
        about: one line: the model, its sizes, the update.
        steps: updates in a round, or fits.
        make: data, first weights and sizes, the same for every system; its arguments are sizes.
        small: arguments of ``make`` that leave nothing to measure, for trying things.
        unit: what the time of a round is divided by.
    """

    name: str
    about: str
    steps: int
    make: Callable[..., Data]
    small: Mapping[str, int] = field(default_factory=dict)
    unit: str = "step"


def _normal(generator: np.random.Generator, *shape: int, scale: float = 0.05) -> NDArray[np.float32]:
    return generator.normal(0.0, scale, shape).astype(np.float32)


def ffnn_lm(vocabulary: int = 10_000, words: int = 3, d: int = 100, hidden: int = 200, batch: int = 256) -> Data:
    """A feed-forward language model: e = embeddings of the last words, h = tanh(eW + b), ŷ = softmax(hU + c)."""
    generator = np.random.default_rng(0)
    batches = 8
    return {
        "E": _normal(generator, vocabulary, d),
        "W": _normal(generator, words * d, hidden),
        "b": np.zeros(hidden, np.float32),
        "U": _normal(generator, hidden, vocabulary),
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
        "E": _normal(generator, vocabulary, d, scale=0.1),
        "W": _normal(generator, d, gates * hidden, scale=0.1),
        "U": _normal(generator, hidden, gates * hidden, scale=0.1),
        "b": np.zeros(gates * hidden, np.float32),
        "V": _normal(generator, hidden, vocabulary, scale=0.1),
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


def mean_pool(vocabulary: int = 100_000, d: int = 100, batch: int = 64, length: int = 40, classes: int = 2) -> Data:
    """A classifier on the mean of a text's embeddings."""
    generator = np.random.default_rng(0)
    batches = 8
    return {
        "E": _normal(generator, vocabulary, d),
        "W": _normal(generator, d, classes),
        "b": np.zeros(classes, np.float32),
        "ids": generator.zipf(1.3, (batches, batch * length)) % vocabulary,
        "offsets": np.arange(0, batch * length + 1, length),
        "target": generator.integers(0, classes, (batches, batch)),
        "rate": 0.1,
    }


def sparse_logistic(texts: int = 0) -> Data:
    """Logistic regression on counts of words: SST-2's training texts, shuffled once, or ``texts`` made-up ones.

    One update after each text, in their order, 20 times. What is learned of the bias is a hundredth of what is learned
    of a weight, as scikit-learn has it for sparse rows.

    Raises:
        MissingDataError: SST-2 is not beside the checkout.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    generator = np.random.default_rng(0)
    rows = _made_up(generator, texts) if texts else _sst2()
    rows = [rows[i] for i in generator.permutation(len(rows))]
    counts = CountVectorizer(token_pattern=r"\S+", dtype=np.float32).fit_transform([text for text, _ in rows])
    counts.sort_indices()
    labels = np.array([positive for _, positive in rows], np.int64)
    return {"counts": counts, "labels": labels, "rate": 0.1, "bias_rate": 0.001, "epochs": 20}


def _sst2() -> list[tuple[str, bool]]:
    if not SST2.is_file():
        raise MissingDataError(f"needs SST-2 as {SST2}, with columns text and label (positive or negative)")
    with SST2.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"] == "positive") for row in csv.DictReader(file)]


def _made_up(generator: np.random.Generator, texts: int) -> list[tuple[str, bool]]:
    words = [f"w{i}" for i in range(50)]
    return [(" ".join(generator.choice(words, 6)), bool(generator.integers(2))) for _ in range(texts)]


def log_loss(logits: Any, labels: Any) -> float:
    """The mean loss of labels 0 and 1, as every system's result of ``sparse_logistic`` is judged."""
    z = np.asarray(logits, np.float64)
    return float(np.mean(np.logaddexp(0, z) - labels * z))


def xor() -> Data:
    """The 2-4-1 network of the lectures on the four points of exclusive or."""
    generator = np.random.default_rng(0)
    return {
        "W": _normal(generator, 2, 4, scale=1.0),
        "b": np.zeros(4, np.float32),
        "u": _normal(generator, 4, scale=1.0),
        "c": np.zeros((), np.float32),
        "x": np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32),
        "y": np.array([0, 1, 1, 0], np.float32),
        "rate": 0.5,
    }


_FEW = {"vocabulary": 50, "d": 6, "hidden": 5, "batch": 3}
_RECURRENT = "V 10 000, d = H = 200, batch 20 x 35, SGD, gradient clipped by its norm"
WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            "ffnn-lm",
            "feed-forward language model, V 10 000, 3 words x d 100, H 200, batch 256, SGD",
            8,
            ffnn_lm,
            _FEW,
        ),
        Workload("elman-lm", f"Elman language model, {_RECURRENT}", 4, elman_lm, _FEW | {"time": 4}),
        Workload("lstm-lm", f"LSTM language model, {_RECURRENT}", 4, lstm_lm, _FEW | {"time": 4}),
        Workload(
            "mean-pool",
            "mean-pooled embeddings, V 100 000, d 100, 64 texts of 40 words, SGD",
            200,
            mean_pool,
            {"vocabulary": 50, "d": 6, "batch": 3, "length": 4},
        ),
        Workload(
            "sparse-logistic",
            "logistic regression on SST-2's counts, 20 epochs",
            1,
            sparse_logistic,
            {"texts": 30},
            unit="fit",
        ),
        Workload("xor", "2-4-1 network on XOR, tanh, SGD", 2000, xor),
    )
}
