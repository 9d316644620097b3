"""The workloads: data, sizes, first weights and batch order, declared once for every system.

A system (``bench/systems``) gets a workload's data and returns a function that does a round of steps and gives the loss
of the last one; so a system that does less arithmetic, or another one, shows in the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Workload:
    """One thing to measure.

    Attributes:
        name: what it is called at the command line.
        about: one line: the model, its sizes, the update.
        steps: updates in a round.
        make: data, first weights and sizes; a function of nothing, so that every system gets the same.
        unit: what the time of a round is divided by, for the report.
    """

    name: str
    about: str
    steps: int
    make: Callable[[], Data]
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


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            "ffnn-lm",
            "feed-forward language model, V 10 000, 3 words x d 100, H 200, batch 256, SGD",
            8,
            ffnn_lm,
        ),
        Workload("mean-pool", "mean-pooled embeddings, V 100 000, d 100, 64 texts of 40 words, SGD", 200, mean_pool),
        Workload("xor", "2-4-1 network on XOR, tanh, SGD", 2000, xor),
    )
}
