"""How well words were tagged: per word, per unknown word, per sentence, per tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.train.metrics import classification_metrics

CONFUSIONS = 20  # how many are listed


def tagging_metrics(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.floating[Any]],
    classes: Sequence[str],
    unknown: NDArray[np.bool_],
    offsets: NDArray[np.int64],
) -> dict[str, Any]:
    """Measure predicted tags against true ones; everything in the result can be written as JSON.

    Args:
        labels: (tokens,) true tags as positions in ``classes``, which may go beyond those that were predicted: tags
            that training did not have.
        probabilities: (tokens, K), rows summing to 1; the prediction is the most probable tag.
        classes: at least K names.
        unknown: (tokens,) which words training did not have.
        offsets: (sentences + 1,) where each sentence's words begin, and the end of the last.

    Returns:
        What ``lexgrad.train.metrics.classification_metrics`` returns, a word being an example (``loss``: of the words
        whose tag training had), and
        unknown_accuracy: of the words that training did not have, None where there are none;
        unknown_words: how many they are;
        sentence_accuracy: share of sentences all of whose words have the right tag;
        sentences: how many there are;
        confusions: the commonest mistakes, ``{"true", "predicted", "n"}`` each, at most 20.
    """
    possible = probabilities.shape[1]
    padded = np.pad(np.asarray(probabilities, np.float64), ((0, 0), (0, len(classes) - possible)))
    metrics = classification_metrics(labels, padded, classes)
    learned = labels < possible
    metrics["loss"] = classification_metrics(labels[learned], padded[learned], classes)["loss"]
    right = probabilities.argmax(axis=1) == labels if len(labels) else np.zeros(0, bool)
    wrong = np.add.reduceat(np.append(~right, False), offsets[:-1]) if len(offsets) > 1 else np.zeros(0, int)
    wrong = np.where(np.diff(offsets) > 0, wrong, 0)
    return {
        **metrics,
        "unknown_accuracy": float(right[unknown].mean()) if unknown.any() else None,
        "unknown_words": int(unknown.sum()),
        "sentence_accuracy": float(np.mean(wrong == 0)) if len(wrong) else 0.0,
        "sentences": len(wrong),
        "confusions": _confusions(metrics["confusion_matrix"], [str(name) for name in classes]),
    }


def _confusions(matrix: list[list[int]], names: Sequence[str]) -> list[dict[str, Any]]:
    counts = np.array(matrix)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:CONFUSIONS]
    places = [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, counts.shape), strict=True)]
    return [{"true": names[i], "predicted": names[j], "n": int(counts[i, j])} for i, j in places if counts[i, j]]
