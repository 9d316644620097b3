"""Classifiers on pooled embeddings."""

from __future__ import annotations

import numpy as np

from bench.workloads.declared import Data, Workload, normal


def mean_pool(vocabulary: int = 100_000, d: int = 100, batch: int = 64, length: int = 40, classes: int = 2) -> Data:
    """A classifier on the mean of a text's embeddings."""
    generator = np.random.default_rng(0)
    batches = 8
    return {
        "E": normal(generator, vocabulary, d),
        "W": normal(generator, d, classes),
        "b": np.zeros(classes, np.float32),
        "ids": generator.zipf(1.3, (batches, batch * length)) % vocabulary,
        "offsets": np.arange(0, batch * length + 1, length),
        "target": generator.integers(0, classes, (batches, batch)),
        "rate": 0.1,
    }


WORKLOADS = (
    Workload(
        "mean-pool",
        "mean-pooled embeddings, V 100 000, d 100, 64 texts of 40 words, SGD",
        200,
        mean_pool,
        {"vocabulary": 50, "d": 6, "batch": 3, "length": 4},
    ),
)
