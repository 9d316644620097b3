"""Training from restartable tables: what streams is what a list gives, and spilling to disk changes nothing."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexgrad.errors import InputError
from lexgrad.models import FeedForward, LogisticRegression
from lexgrad.models.features import encoder, ngrams
from lexgrad.text import packed
from lexgrad.text.readers import open_table
from lexgrad.train import Progress

RANDOM = np.random.default_rng(8)
WORDS = ["good", "bad", "film", "plot", "a", "the", "very", "dull", "fine"]
TEXTS = [" ".join(RANDOM.choice(WORDS, RANDOM.integers(1, 8))) for _ in range(25)]
LABELS = ["pos" if text.count("good") > text.count("bad") else "neg" for text in TEXTS]
MODELS = [LogisticRegression(epochs=3, ngrams=(1, 2)), FeedForward(epochs=3, dimensions=4, units=3)]


@pytest.fixture
def table(tmp_path: Path) -> Any:
    file = tmp_path / "train.csv"
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["text", "label"])
        writer.writerows(zip(TEXTS, LABELS, strict=True))
    return open_table(file)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_table_gives_the_weights_that_lists_give(model: Any, table: Any) -> None:
    lists = type(model)(**model.get_params()).fit(TEXTS, LABELS, dev=(TEXTS, LABELS))
    streamed = type(model)(**model.get_params()).fit(table, dev=table)
    for name, array in lists.parameters_.items():
        np.testing.assert_array_equal(streamed.parameters_[name], array)
    assert streamed.evaluate(table) == lists.evaluate(TEXTS, LABELS)
    np.testing.assert_array_equal(streamed.predict_proba(table), lists.predict_proba(TEXTS))


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_chunks_and_disk_change_no_bit(model: Any, table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = type(model)(**model.get_params()).fit(table)
    spilled = []

    class Small(packed.ArrayBuilder):
        def __init__(self, dtype: Any, limit_bytes: int = 0) -> None:
            super().__init__(dtype, 64)

        def finish(self) -> Any:
            spilled.append(self.spilled)
            return super().finish()

    monkeypatch.setattr(packed, "ArrayBuilder", Small)
    monkeypatch.setattr("lexgrad.text.numbering.ArrayBuilder", Small)
    monkeypatch.setattr("lexgrad.models.features.sparse_builder.ArrayBuilder", Small)
    for module in (encoder, ngrams):
        monkeypatch.setattr(module, "CHUNK", 4, raising=False)
    small = type(model)(**model.get_params()).fit(table)
    assert any(spilled)
    for name, array in whole.parameters_.items():
        np.testing.assert_array_equal(small.parameters_[name], array)


def test_a_table_brings_its_own_labels(table: Any) -> None:
    with pytest.raises(InputError, match="brings its own labels"):
        LogisticRegression().fit(table, LABELS)


def test_a_source_is_gone_through_a_few_times_and_never_held(table: Any) -> None:
    class Counting:
        source, has_labels = "counting", True
        passes = 0

        def texts(self) -> Iterator[str]:
            Counting.passes += 1
            return iter(TEXTS)

        def labels(self) -> Iterator[str]:
            return iter(LABELS)

        def fingerprint(self) -> str:
            return "fixed"

    model = LogisticRegression(epochs=2).fit(Counting())
    assert Counting.passes == 1  # in which the tokens are learned and the texts encoded
    np.testing.assert_array_equal(
        model.parameters_["w"], LogisticRegression(epochs=2).fit(TEXTS, LABELS).parameters_["w"]
    )


def test_progress_hears_everything(table: Any) -> None:
    heard: list[str] = []

    class Watch(Progress):
        def on_data(self, what: str, examples: int, fraction: float | None = None, unit: str = "texts") -> None:
            heard.append(f"data {what} {examples}")

        def on_start(self, *, epochs: int, steps: int, examples: int, first_epoch: int, first_step: int) -> None:
            heard.append(f"start {epochs} {steps} {examples} {first_epoch} {first_step}")

        def on_epoch(self, epoch: int, epochs: int) -> None:
            heard.append(f"epoch {epoch}/{epochs}")

        def on_steps(self, *, losses: Any, examples: int, tokens: int, step: int, steps: int) -> None:
            heard.append(f"step {step}/{steps} {examples}")

        def on_dev(self, epoch: int, metrics: Any, best: bool) -> None:
            heard.append(f"dev {metrics['n']} {best}")

        def on_epoch_end(self, row: Any) -> None:
            heard.append(f"row {row['epoch']}")

        def on_end(self, *, epochs: int, stopped_early: bool) -> None:
            heard.append(f"end {epochs} {stopped_early}")

    FeedForward(epochs=1, batch=20).fit(table, dev=table, progress=Watch())
    assert heard == [
        "data reading 25",
        "start 1 2 25 1 0",
        "epoch 1/1",
        "step 1/2 20",
        "step 2/2 5",
        "dev 25 True",
        "row 1",
        "end 1 False",
    ]
