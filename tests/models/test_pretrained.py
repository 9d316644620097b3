"""Pretrained vectors: whose is whose, words beyond the training texts, unknown words, coverage, and faulty files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexgrad.errors import InputError
from lexgrad.models import FeedForward, load
from lexgrad.models.features.pretrained import Coverage, vectors_for, with_vectors
from lexgrad.text.tokenizer import Tokenizer

TEXTS = ["the good film", "the bad film", "London was good", "the nato film was bad"]
LABELS = ["+", "-", "+", "-"]


@pytest.fixture(autouse=True)
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of these asks how a step is computed; compiling it would take longest."""
    monkeypatch.setenv("LEXGRAD_ENGINE", "interpreter")


def network(**settings: Any) -> FeedForward:
    return FeedForward(**({"epochs": 1, "units": 4} | settings)).fit(TEXTS, LABELS)


def given(*words: str) -> tuple[list[str], np.ndarray[Any, Any]]:
    return list(words), np.arange(1.0, 2 * len(words) + 1).reshape(-1, 2)


def row(model: FeedForward, word: str) -> np.ndarray[Any, Any]:
    assert model.encoder_.tokenizer is not None
    return np.asarray(model.parameters_["E"][model.encoder_.tokenizer.vocabulary.index(word)])


@pytest.mark.parametrize(
    ("word", "file", "found"),
    [
        ("film", ("Film", "film", "FILM"), 1),
        ("Film", ("film", "FILM"), 0),
        ("film", ("FILM", "Film"), 1),
        ("nato", ("NATO",), 0),
        ("NATO", ("Nato", "nato"), 1),
    ],
)
def test_a_word_may_be_written_otherwise(word: str, file: tuple[str, ...], found: int) -> None:
    words, matrix = given(*file)
    assert np.array_equal(vectors_for(["<unk>", word], (words, matrix), None)[1], matrix[found])


def test_words_that_no_text_had_are_known_where_embeddings_are_fixed() -> None:
    vectors = given("good", "Superb", "New York", "bad", "the", "awful", "superb")
    model = network(vectors=vectors, fine_tune=False)
    assert model.encoder_.tokenizer is not None
    assert model.encoder_.tokenizer.vocabulary[-2:] == ["superb", "awful"], "in the file's order, each once"
    assert np.array_equal(row(model, "superb"), vectors[1][6]), "the vector written as the token is"
    assert np.array_equal(row(model, "awful"), vectors[1][5])
    same, other = model.predict_proba(["superb", "of no vector"])
    assert not np.allclose(same, other)


def test_of_a_run(tmp_path: Path) -> None:
    first = network(dimensions=3)
    first.save(tmp_path / "run")
    words = first.encoder_.tokenizer.vocabulary
    model = network(vectors=tmp_path / "run", fine_tune=False)
    np.testing.assert_array_equal(row(model, "film"), first.parameters_["E"][words.index("film")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        network(vectors=tmp_path / "empty")


@pytest.mark.parametrize(
    ("settings", "known"),
    [
        ({"fine_tune": True}, 0),
        ({"fine_tune": True, "vector_words": 1}, 1),
        ({"fine_tune": False, "vector_words": 0}, 0),
        ({"fine_tune": False}, 2),
        ({"fine_tune": False, "tokens": "bpe"}, 0),
    ],
)
def test_how_many_of_them(settings: dict[str, Any], known: int) -> None:
    words = ("d", "superb") if "tokens" in settings else ("good", "superb", "awful")
    model = network(vectors=given(*words), **settings)
    assert model.report_["vectors"]["others"] == known


def test_unknown_words_have_the_variance_of_the_pretrained() -> None:
    texts = [" ".join(f"w{i}" for i in range(begin, begin + 50)) for begin in range(0, 2000, 50)]
    labels = [number % 2 for number in range(len(texts))]
    words = [f"w{i}" for i in range(0, 2000, 2)]
    matrix = np.random.default_rng(1).normal(0.0, 0.3, (len(words), 8))
    model = FeedForward(vectors=(words, matrix), fine_tune=False, epochs=1).fit(texts, labels)
    without = np.stack([row(model, f"w{i}") for i in range(1, 2000, 2)])
    a = np.sqrt(3.0) * matrix.std()
    assert np.abs(without).max() <= a * (1 + 1e-6)
    assert np.abs(without).max() > 0.99 * a
    assert without.var() == pytest.approx(matrix.var(), rel=0.05)
    assert np.array_equal(row(model, "<unk>"), np.zeros(8))


def test_coverage_is_counted_reported_and_kept(tmp_path: Path) -> None:
    model = network(vectors=given("good", "the", "superb"), fine_tune=False)
    # the good film / the bad film / london was good / the nato film was bad: 14 tokens, 7 words
    assert model.report_["vectors"] == {"found": 2, "words": 7, "tokens": 5 / 14, "others": 1}
    model.save(tmp_path / "run")
    again = load(tmp_path / "run")
    assert isinstance(again, FeedForward)
    assert again.encoder_.config() == model.encoder_.config()
    assert np.array_equal(again.predict_proba(["superb film"]), model.predict_proba(["superb film"]))
    coverage = Coverage(14230, 16185, 0.9211, 3)
    assert str(coverage) == "vectors: 14,230 of 16,185 words (92.1 % of tokens); 3 more words from the vectors"


def test_rare_words_count_as_tokens_without_a_vector() -> None:
    model = network(vectors=given("good", "london"), min_count=2)
    assert model.report_["vectors"]["words"] == 5
    assert model.report_["vectors"]["tokens"] == pytest.approx(2 / 14)


def test_a_tokenizer_that_knows_every_text_is_given_no_words() -> None:
    tokenizer = Tokenizer.train(TEXTS, kind="bpe")
    with pytest.raises(InputError, match="knows every text"):
        tokenizer.extended(["superb"])


FAULTS = {
    "fasttext-text-3x5.vec": "the heading promises 3 words, the file has 1",
    "w2v-text-2x3-nonascii.vocab": "expected a word and its vector",
}


@pytest.mark.parametrize(
    "name",
    [
        "fasttext-text-1762x10.vec",
        "fasttext-text-291x5-cyrillic.vec",
        "fasttext-text-3x5.vec",
        "glove-text-noheader-5d.txt",
        "glove-text-noheader.txt",
        "glove.6B.100d.sample.txt.gz",
        "w2v-binary-2747x10.bin",
        "w2v-text-20x300.txt",
        "w2v-text-2x3-nonascii.txt",
        "w2v-text-2x3-nonascii.vocab",
    ],
)
def test_every_form_gives_vectors_or_is_refused(shared_data: Path, name: str) -> None:
    path = shared_data / "vectors" / name
    tokenizer = Tokenizer.train(["the one и good", "of in a bad"])
    fault = "none of its words is among" if name.endswith("nonascii.txt") else FAULTS.get(name)
    if fault is not None:
        with pytest.raises(InputError, match=fault) as caught:
            with_vectors(tokenizer, path, None, 50)
        assert str(path) in str(caught.value)
        return
    extended, matrix = with_vectors(tokenizer, path, None, 5)
    assert matrix.shape[0] == extended.size == tokenizer.size + 5
    assert np.isfinite(matrix[tokenizer.size :]).all()
    assert np.isfinite(matrix[: tokenizer.size, 0]).any()


def test_others_of_a_file_are_its_first_words(tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text("a 1 2\ngood 3 4\nb 5 6\nc 7 8\nbad 9 10\n", encoding="utf-8")
    tokenizer = Tokenizer.train(TEXTS)
    extended, matrix = with_vectors(tokenizer, file, None, 2)
    assert extended.vocabulary == [*tokenizer.vocabulary, "a", "b"]
    assert matrix[-2:].tolist() == [[1, 2], [5, 6]]
    assert extended.tokens("a good C") == ["a", "good", "c"]
