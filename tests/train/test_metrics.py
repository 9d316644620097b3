"""Metrics against scikit-learn's, and where a class is missing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, precision_recall_fscore_support

from lexgrad.train.metrics import classification_metrics


def test_against_scikit_learn() -> None:
    random = np.random.default_rng(0)
    labels, scores = random.integers(0, 3, 200), random.dirichlet([1, 1, 1], 200)
    scores[labels == 1] = [0.7, 0.1, 0.2]  # the second class is never predicted rightly, and the fourth does not occur
    metrics = classification_metrics(labels, np.pad(scores, [(0, 0), (0, 1)]), ["a", "b", "c", "d"])
    predicted = scores.argmax(1)
    assert metrics["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert metrics["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert metrics["confusion_matrix"] == confusion_matrix(labels, predicted, labels=range(4)).tolist()
    of_classes = precision_recall_fscore_support(labels, predicted, labels=range(4), zero_division=0)
    np.testing.assert_array_equal([[*part.values()] for part in metrics["classes"].values()], np.transpose(of_classes))
    assert metrics["loss"] == pytest.approx(log_loss(labels, scores))
    assert metrics["n"] == 200
    assert sum(part["n"] for part in metrics["classes"].values()) == 200
    json.dumps(metrics)


def test_by_hand() -> None:
    labels = np.array([0, 0, 1, 1])
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.5, 0.5]])
    metrics = classification_metrics(labels, scores, ["no", "yes"])
    assert metrics["confusion_matrix"] == [[1, 1], [1, 1]]
    assert metrics["accuracy"] == 0.5
    assert metrics["classes"]["yes"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "n": 2}
    assert metrics["loss"] == pytest.approx(-np.mean(np.log([0.9, 0.4, 0.8, 0.5])))


def test_a_class_that_does_not_occur_does_not_count_for_macro_f1() -> None:
    metrics = classification_metrics(np.array([0, 1]), np.eye(3)[:2], ["a", "b", "c"])
    assert metrics["macro_f1"] == 1.0
    assert metrics["classes"]["c"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "n": 0}
    assert np.shape(metrics["confusion_matrix"]) == (3, 3)


def test_certain_and_wrong_is_a_finite_loss() -> None:
    loss = classification_metrics(np.array([0]), np.array([[0.0, 1.0]]), ["a", "b"])["loss"]
    assert 700 < loss < 710


def test_nothing_to_measure() -> None:
    metrics = classification_metrics(np.zeros(0, int), np.zeros((0, 2)), ["a", "b"])
    assert (metrics["n"], metrics["accuracy"], metrics["confusion_matrix"]) == (0, 0.0, [[0, 0], [0, 0]])
