"""Metrics of classification: accuracy, precision, recall, F1, confusion matrix and loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support


def classification_metrics(
    labels: NDArray[np.integer[Any]], probabilities: NDArray[np.floating[Any]], classes: Sequence[Any] | NDArray[Any]
) -> dict[str, Any]:
    """Measure predicted probabilities against true labels; everything in the result can be written as JSON.

    Args:
        labels: true classes (n,), as positions in ``classes``.
        probabilities: (n, K), rows summing to 1; the prediction is the most probable class.
        classes: the K names.

    Returns:
        A dict with
        accuracy: share of right predictions;
        macro_f1: mean of the F1 of the classes that occur among the labels or the predictions (as scikit-learn);
        loss: mean of -log p(label) in nats (finite: probabilities are kept above the smallest normal float64);
        n: number of texts;
        classes: name -> {"precision", "recall", "f1", "n"}; 0 where nothing was predicted or nothing is there;
        confusion_matrix: rows are the true classes, columns the predicted ones, in the order of ``classes``.
    """
    names = [str(name) for name in classes]
    n, numbers = len(labels), np.arange(len(names))
    if n == 0:
        none = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "n": 0}
        return {
            "accuracy": 0.0,
            "macro_f1": 0.0,
            "loss": 0.0,
            "n": 0,
            "classes": {name: dict(none) for name in names},
            "confusion_matrix": np.zeros((len(names), len(names)), int).tolist(),
        }
    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, counts = precision_recall_fscore_support(labels, predicted, labels=numbers, zero_division=0)
    present = np.union1d(labels, predicted)
    chosen = np.maximum(probabilities[np.arange(n), labels].astype(np.float64), np.finfo(np.float64).tiny)
    return {
        "accuracy": float(np.mean(predicted == labels)),
        "macro_f1": float(f1[present].mean()),
        "loss": float(-np.log(chosen).mean()),
        "n": n,
        "classes": {
            name: {"precision": float(p), "recall": float(r), "f1": float(f), "n": int(c)}
            for name, p, r, f, c in zip(names, precision, recall, f1, counts, strict=True)
        },
        "confusion_matrix": confusion_matrix(labels, predicted, labels=numbers).tolist(),
    }
