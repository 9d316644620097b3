"""Classifiers on pooled embeddings."""

from __future__ import annotations

import numpy as np

from bench.workloads import sst2
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


def dan_adam(**sizes: int) -> Data:
    """With Adam, by which the model is trained unless told otherwise: see ``dan``."""
    return {**dan(**sizes), "rate": 0.001, "optimizer": "adam"}


def dan(d: int = 300, units: int = 300, batch: int = 50, count: int = 32, texts: int = 0) -> Data:
    """A deep averaging network (Iyyer et al. 2015): a text's mean embedding, two ReLU layers, a softmax.

    No word is left out of the mean, for that would be another word for every system.
    """
    generator = np.random.default_rng(0)
    data = sst2.batches(batch, count, texts)
    return {
        **data,
        "E": normal(generator, data["vocabulary"], d, scale=0.1),
        "W1": normal(generator, d, units, scale=0.08),
        "b1": np.zeros(units, np.float32),
        "W2": normal(generator, units, units, scale=0.08),
        "b2": np.zeros(units, np.float32),
        "W3": normal(generator, units, 2, scale=0.08),
        "b3": np.zeros(2, np.float32),
        "rate": 0.02,
    }


def bow(d: int = 100, epochs: int = 25, texts: int = 0) -> Data:
    """A bag of words and hashed pairs of words, fastText's model: whole fits, from texts to weights.

    Each system goes ``epochs`` times through SST-2's training texts, as its users would have it; what it has learned
    is judged by the loss on the texts that it was trained on.
    """
    generator = np.random.default_rng(0)
    rows = sst2.made_up(generator, texts) if texts else sst2.read()
    rows = [rows[i] for i in generator.permutation(len(rows))]
    return {
        "rows": [text for text, _ in rows],
        "labels": np.array([int(positive) for _, positive in rows]),
        "d": d,
        "epochs": epochs,
        "buckets": 1 << 18 if not texts else 100,
    }


WORKLOADS = (
    Workload(
        "dan",
        "deep averaging network on SST-2's texts, d 300, two layers of 300 units, batch 50, SGD",
        128,
        dan,
        {"d": 6, "units": 5, "batch": 3, "count": 1, "texts": 30},
    ),
    Workload(
        "dan-adam",
        "the same, Adam (of embeddings, the rows read)",
        128,
        dan_adam,
        {"d": 6, "units": 5, "batch": 3, "count": 1, "texts": 30},
    ),
    Workload(
        "bow",
        "bag of words and hashed pairs on SST-2, d 100, 25 epochs, from texts to weights",
        1,
        bow,
        {"d": 6, "epochs": 5, "texts": 30},
        unit="fit",
    ),
    Workload(
        "mean-pool",
        "mean-pooled embeddings, V 100 000, d 100, 64 texts of 40 words, SGD",
        200,
        mean_pool,
        {"vocabulary": 50, "d": 6, "batch": 3, "length": 4},
    ),
)
