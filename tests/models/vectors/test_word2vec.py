"""Training word vectors: they are learned, the same for every number of threads, and resumed exactly."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.errors import InputError, NonFiniteError
from lexgrad.models import Word2Vec
from lexgrad.models.vectors import training
from lexgrad.models.vectors.keyed import UnknownWord
from lexgrad.models.vectors.subwords import Subwords, fnv1a
from lexgrad.text.corpus import Corpus
from lexgrad.train.progress import Interrupted, Progress
from lexgrad.train.run import Run

TOPICS = [["cat", "dog", "mouse", "horse", "cow"], ["rose", "tulip", "daisy", "lily", "poppy"]]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    random = np.random.default_rng(0)
    return [" ".join(random.choice(TOPICS[i % 2], size=8)) for i in range(400)]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of a few hundred tokens, so that a small corpus has several."""
    monkeypatch.setattr(training, "PIECE", 500)


def small(**settings: Any) -> Word2Vec:
    usual: dict[str, Any] = {"dimensions": 12, "window": 3, "epochs": 3, "sample": 0.0, "tokens": "spaces"}
    return Word2Vec(**(usual | settings))


def bits(model: Word2Vec) -> tuple[bytes, bytes]:
    return model.vectors_.tobytes(), model.context_.tobytes()


@pytest.mark.parametrize("settings", [{}, {"cbow": True, "epochs": 15}, {"subwords": (3, 4), "buckets": 50}], ids=str)
def test_words_of_a_topic_become_neighbours(texts: list[str], settings: dict[str, Any]) -> None:
    model = small(epochs=10, learning_rate=0.1, **{k: v for k, v in settings.items() if k != "epochs"}).fit(texts)
    for topic in TOPICS:
        for word in topic:
            assert {other for other, _ in model.vectors.most_similar(word, n=4)} == set(topic) - {word}
    losses = [row["loss"] for row in model.history_]
    assert losses[-1] < losses[0]


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("settings", [{}, {"subwords": (3, 3), "buckets": 40}], ids=str)
def test_same_seed_same_vectors_on_any_number_of_threads(texts: list[str], settings: dict[str, Any]) -> None:
    one, three = (small(threads=threads, **settings).fit(texts) for threads in (1, 3))
    assert bits(one) == bits(three)
    assert one.history_[-1]["loss"] == three.history_[-1]["loss"]
    assert bits(small(seed=1, **settings).fit(texts)) != bits(one)


def test_vectors_begin_small_and_contexts_at_zero(texts: list[str]) -> None:
    model = small(epochs=1, learning_rate=0.0).fit(texts)
    assert not model.context_.any()
    assert 0.9 / 24 < np.abs(model.vectors_).max() <= 1 / 24
    assert model.history_[0]["loss"] == pytest.approx(
        (1 + 5 * 0.9) * np.log(2), rel=0.01
    )  # a tenth of noise is the word itself


@pytest.mark.usefixtures("short")
def test_resumed_is_uninterrupted(texts: list[str], tmp_path: Path) -> None:
    class Stop(Progress):
        def __init__(self, after: int) -> None:
            self.left = after

        def on_steps(self, **_: Any) -> None:
            self.left -= 1
            if not self.left:
                signal.raise_signal(signal.SIGINT)

    whole = small().fit(texts, run=Run.create(tmp_path / "whole"))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # programs in the background ignore Ctrl-C
    try:
        with pytest.raises(Interrupted, match="epoch 2 after 1 steps"):
            small().fit(texts, run=Run.create(tmp_path / "run"), progress=Stop(8))
    finally:
        signal.signal(signal.SIGINT, before)
    resumed = small(threads=2).fit(texts, run=Run.resume(tmp_path / "run"))
    assert bits(resumed) == bits(whole)
    assert [row["loss"] for row in resumed.history_] == [row["loss"] for row in whole.history_]
    with pytest.raises(InputError, match="started with window=3"):
        small(window=2).fit(texts, run=Run.resume(tmp_path / "run"))
    with pytest.raises(InputError, match="other training data"):
        small().fit(texts[1:], run=Run.resume(tmp_path / "run"))


@pytest.mark.usefixtures("short")
def test_what_is_told_and_recorded(texts: list[str], tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []

    class Listener(Progress):
        def on_start(self, **start: Any) -> None:
            told.append(start)

        def on_steps(self, **step: Any) -> None:
            told.append(step)

    model = small(epochs=1, min_count=1).fit(texts, run=Run.create(tmp_path / "run"), progress=Listener())
    start, *steps = told
    assert start == {"epochs": 1, "steps": 7, "examples": 400, "first_epoch": 1, "first_step": 0}
    assert sum(step["tokens"] for step in steps) == 3200
    assert sum(step["examples"] for step in steps) == 400
    row = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    assert row == model.history_[0]
    assert row["pairs"] > 3200
    assert model.report_["words"] == 10


def test_saved_and_loaded(texts: list[str], tmp_path: Path) -> None:
    model = small(subwords=(3, 4), buckets=50).fit([*texts, "naïve naïve naïve naïve naïve"])
    model.save(tmp_path / "model")
    loaded = lg.load(tmp_path / "model")
    assert isinstance(loaded, Word2Vec)
    assert bits(loaded) == bits(model)
    assert loaded.vocabulary_ == model.vocabulary_
    assert loaded.counts_.tolist() == model.counts_.tolist()
    assert loaded.history_ == model.history_
    np.testing.assert_array_equal(loaded.vectors["tulips"], model.vectors["tulips"])


def test_held_out_loss_leaves_the_vectors_alone(texts: list[str]) -> None:
    model = small().fit(texts)
    before = bits(model)
    measured = model.evaluate(["cat dog unknown", "rose tulip"])
    assert bits(model) == before
    assert measured["missing"] == 1
    assert measured["words"] == 4
    assert measured["pairs"] == 4
    assert 0 < measured["loss"] < 6 * np.log(2)
    with pytest.raises(InputError, match="no word of X has a vector"):
        model.evaluate(["nothing known"])


def test_unknown_words(texts: list[str]) -> None:
    with pytest.raises(UnknownWord, match="'tulip'"):
        small().fit(texts).vectors["tulp"]
    model = small(subwords=(3, 4), buckets=1000, epochs=10, learning_rate=0.1).fit(texts)
    assert model.vectors.similarity("tulips", "tulip") > model.vectors.similarity("tulips", "horse")


def test_ngrams_and_their_hash() -> None:
    hashed = Subwords((3, 4), 100)
    assert hashed.ngrams("her") == ["<he", "<her", "her", "her>", "er>"]
    assert Subwords((1, 1), 100).ngrams("ab") == ["a", "b"]
    assert fnv1a("") == 2166136261
    assert fnv1a("a") == 0xE40C292C  # of the hash's published table
    assert len(hashed.rows("her")) == 5


def test_lock_free_learns_too(texts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "PIECE", 500)
    model = small(lock_free=True, threads=2, epochs=10, learning_rate=0.1).fit(texts)
    assert {word for word, _ in model.vectors.most_similar("cat", n=4)} == set(TOPICS[0]) - {"cat"}


@pytest.mark.parametrize(
    ("corpus", "settings", "message"),
    [
        ([], {}, "an empty one"),
        (["", " "], {}, "has no words"),
        (["a b c d"], {}, "no word occurs 5 times or more"),
        ("one text", {}, "expected a list of texts"),
        (["a a a a a b"], {"subwords": (6, 3)}, "shortest and a longest"),
        (["a a a a a b"], {"dimensions": 0}, "at least 1"),
        (["a a a a a b"], {"tokens": "bpe"}, "one of lower, words, spaces"),
    ],
)
def test_bad_input(corpus: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        small(**settings).fit(corpus)


def test_labels_and_rates_that_are_too_high(texts: list[str]) -> None:
    with pytest.raises(InputError, match="no labels"):
        small().fit(texts, [0] * len(texts))
    with pytest.raises(NonFiniteError, match="learning rate"):
        small(learning_rate=1e30).fit(texts)


def test_a_single_word_has_no_pairs() -> None:
    model = small(min_count=1).fit(["alone"])
    assert model.vocabulary_ == ["alone"]
    assert model.history_[-1]["pairs"] == 0


def test_files_as_lists_of_words(texts: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(texts))
    as_file = small(epochs=1).fit(Corpus.open(tmp_path / "a.txt"))
    as_words = small(epochs=1).fit([text.split() for text in texts])
    assert bits(as_file) == bits(as_words) == bits(small(epochs=1).fit(texts))
