"""Measures of tagging, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lexgrad.models.tagging.metrics import tagging_metrics

CLASSES = ["A", "B", "C"]
LABELS = np.array([0, 1, 1, 0, 2])  # C is a tag that training did not have
PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3], [0.5, 0.5]])
OFFSETS = np.array([0, 2, 2, 4, 5])


def test_words_unknown_words_and_sentences() -> None:
    unknown = np.array([False, True, True, False, False])
    found = tagging_metrics(LABELS, PROBABILITIES, CLASSES, unknown, OFFSETS)
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert (found["unknown_accuracy"], found["unknown_words"]) == (0.5, 2)
    assert (found["sentence_accuracy"], found["sentences"]) == (2 / 4, 4)  # the empty one has no mistake
    assert found["loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.7]).mean())
    assert found["classes"]["A"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "n": 2}
    assert found["confusion_matrix"] == [[2, 0, 0], [1, 1, 0], [1, 0, 0]]
    assert found["confusions"] == [{"true": "B", "predicted": "A", "n": 1}, {"true": "C", "predicted": "A", "n": 1}]


def test_no_unknown_words_and_no_words() -> None:
    known = np.zeros(5, bool)
    assert tagging_metrics(LABELS, PROBABILITIES, CLASSES, known, OFFSETS)["unknown_accuracy"] is None
    none = tagging_metrics(np.zeros(0, int), np.zeros((0, 2)), ["A", "B"], np.zeros(0, bool), np.array([0]))
    assert (none["accuracy"], none["sentence_accuracy"], none["n"]) == (0.0, 0.0, 0)
