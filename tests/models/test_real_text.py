"""What the defaults reach on real text. They were chosen by cross-validation on the training files alone."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexgrad.models import FeedForward, LogisticRegression, SoftmaxRegression


def read(file: Path) -> tuple[list[str], list[str]]:
    with file.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    return [row["text"] for row in rows], [row["label"] for row in rows]


@pytest.mark.parametrize(
    ("model", "name", "metric", "bar"),
    [
        (LogisticRegression, "sst2", "accuracy", 0.815),
        (LogisticRegression, "sms", "macro_f1", 0.97),
        (SoftmaxRegression, "emergency", "accuracy", 0.58),
        (SoftmaxRegression, "trec6", "accuracy", 0.86),
        (FeedForward, "trec6", "accuracy", 0.86),
    ],
)
def test_the_defaults_reach(model: Any, name: str, metric: str, bar: float, shared_data: Path) -> None:
    trained = model().fit(*read(shared_data / "csv" / f"{name}_train.csv"))
    assert trained.evaluate(*read(shared_data / "csv" / f"{name}_test.csv"))[metric] >= bar


def test_same_seed_same_numbers_on_real_text(shared_data: Path) -> None:
    texts, labels = read(shared_data / "csv" / "sms_dev.csv")
    first, second = (FeedForward(epochs=2, dropout=0.2, threads=n).fit(texts, labels) for n in (1, 2))
    for name, array in first.parameters_.items():
        np.testing.assert_array_equal(second.parameters_[name], array)
