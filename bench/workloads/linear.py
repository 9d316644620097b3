"""Linear classifiers on counts of words."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.workloads import sst2
from bench.workloads.declared import Data, Workload


def sparse_logistic(texts: int = 0) -> Data:
    """Logistic regression on counts of words: SST-2's training texts, shuffled once, or ``texts`` made-up ones.

    One update after each text, in their order, 20 times. What is learned of the bias is a hundredth of what is learned
    of a weight, as scikit-learn has it for sparse rows.

    Raises:
        MissingDataError: SST-2 is not beside the checkout.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    generator = np.random.default_rng(0)
    rows = sst2.made_up(generator, texts) if texts else sst2.read()
    rows = [rows[i] for i in generator.permutation(len(rows))]
    counts = CountVectorizer(token_pattern=r"\S+", dtype=np.float32).fit_transform([text for text, _ in rows])
    counts.sort_indices()
    labels = np.array([positive for _, positive in rows], np.int64)
    return {"counts": counts, "labels": labels, "rate": 0.1, "bias_rate": 0.001, "epochs": 20}


def log_loss(logits: Any, labels: Any) -> float:
    """The mean loss of labels 0 and 1, as every system's result of ``sparse_logistic`` is judged."""
    z = np.asarray(logits, np.float64)
    return float(np.mean(np.logaddexp(0, z) - labels * z))


WORKLOADS = (
    Workload(
        "sparse-logistic",
        "logistic regression on SST-2's counts, 20 epochs",
        1,
        sparse_logistic,
        {"texts": 30},
        unit="fit",
    ),
)
