"""Recurrent classifiers of texts."""

from __future__ import annotations

import numpy as np

from bench.workloads import sst2
from bench.workloads.declared import Data, Workload, normal


def lstm_classifier(d: int = 300, hidden: int = 150, batch: int = 50, count: int = 32, texts: int = 0) -> Data:
    """An LSTM over the words of a text, whose last state a softmax tells apart; the gates are as in ``lstm-lm``."""
    generator = np.random.default_rng(0)
    data = sst2.batches(batch, count, texts)
    return {
        **data,
        "E": normal(generator, data["vocabulary"], d, scale=0.1),
        "W": normal(generator, d, 4 * hidden, scale=0.08),
        "U": normal(generator, hidden, 4 * hidden, scale=0.08),
        "b": np.zeros(4 * hidden, np.float32),
        "V": normal(generator, hidden, 2, scale=0.1),
        "c": np.zeros(2, np.float32),
        "rate": 0.1,
    }


WORKLOADS = (
    Workload(
        "lstm-classifier",
        "LSTM classifier on SST-2's texts, d 300, H 150, batch 50 of every length, SGD",
        32,
        lstm_classifier,
        {"d": 6, "hidden": 5, "batch": 3, "count": 1, "texts": 30},
    ),
)
