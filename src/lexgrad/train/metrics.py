"""Metrics of classification: accuracy, precision, recall, F1, confusion matrix and loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15  # of confidence


def classification_metrics(
    labels: NDArray[np.integer[Any]],
    probabilities: NDArray[np.floating[Any]],
    classes: Sequence[Any] | NDArray[Any],
    predicted: NDArray[np.integer[Any]] | None = None,
) -> dict[str, Any]:
    """Measure predicted probabilities against true labels; everything in the result can be written as JSON.

    Args:
        labels: true classes (n,), as positions in ``classes``.
        probabilities: (n, K), rows summing to 1.
        classes: the K names.
        predicted: the classes that are answered (n,); None for the most probable ones.

    Returns:
        A dict with
        accuracy: share of right predictions;
        macro_f1: mean of the F1 of the classes that occur among the labels or the predictions (as scikit-learn);
        loss: mean of -log p(label) in nats (finite: probabilities are kept above the smallest normal float64);
        calibration_error: the expected calibration error of the probabilities; see ``calibration_error``;
        n: number of texts;
        classes: name -> {"precision", "recall", "f1", "n"}; 0 where nothing was predicted or nothing is there;
        confusion_matrix: rows are the true classes, columns the predicted ones, in the order of ``classes``.
    """
    names = [str(name) for name in classes]
    n = len(labels)
    if n == 0:
        none = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "n": 0}
        return {
            "accuracy": 0.0,
            "macro_f1": 0.0,
            "loss": 0.0,
            "calibration_error": 0.0,
            "n": 0,
            "classes": {name: dict(none) for name in names},
            "confusion_matrix": np.zeros((len(names), len(names)), int).tolist(),
        }
    predicted = probabilities.argmax(axis=1) if predicted is None else predicted
    confusions = confusion_matrix(labels, predicted, len(names))
    right, counts, answered = confusions.diagonal(), confusions.sum(axis=1), confusions.sum(axis=0)
    precision, recall = right / np.maximum(answered, 1), right / np.maximum(counts, 1)
    f1 = 2 * right / np.maximum(counts + answered, 1)  # the harmonic mean of precision and recall
    present = counts + answered > 0
    chosen = np.maximum(probabilities[np.arange(n), labels].astype(np.float64), np.finfo(np.float64).tiny)
    return {
        "accuracy": float(np.mean(predicted == labels)),
        "macro_f1": float(f1[present].mean()),
        "loss": float(-np.log(chosen).mean()),
        "calibration_error": calibration_error(labels, probabilities),
        "n": n,
        "classes": {
            name: {"precision": float(p), "recall": float(r), "f1": float(f), "n": int(c)}
            for name, p, r, f, c in zip(names, precision, recall, f1, counts, strict=True)
        },
        "confusion_matrix": confusions.tolist(),
    }


def confusion_matrix(
    labels: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]], classes: int
) -> NDArray[np.int64]:
    """Return how often each true class, a row, was taken for each class, a column: (classes, classes)."""
    pairs = labels.astype(np.int64) * classes + predicted
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def calibration_error(labels: NDArray[np.integer[Any]], probabilities: NDArray[np.floating[Any]]) -> float:
    """Return the expected calibration error: by how much confidence and accuracy differ, on average.

    ECE = Σ_b |B_b|/n · |accuracy(B_b) − confidence(B_b)| over 15 bins of equal width of the probability of the most
    probable class (Guo et al. 2017, "On calibration of modern neural networks", equation 3).

    Args:
        labels: true classes (n,), n of 1 or more.
        probabilities: (n, K), rows summing to 1.

    Returns:
        a number in [0, 1]; NaN where a probability is none.
    """
    confidence = probabilities.max(axis=1)
    if np.isnan(confidence).any():
        return float("nan")
    right = probabilities.argmax(axis=1) == labels
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    gaps = np.bincount(bins, right - confidence.astype(np.float64), minlength=BINS)
    return float(np.abs(gaps).sum() / len(labels))
