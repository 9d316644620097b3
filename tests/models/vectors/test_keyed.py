"""Vectors by word, against the formulas in NumPy."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.errors import InputError
from lexgrad.models.vectors import nearest
from lexgrad.models.vectors.keyed import KeyedVectors, UnknownWord
from lexgrad.models.vectors.nearest import Nearest, largest
from lexgrad.models.vectors.opening import vectors_of
from lexgrad.text.vectors import read_vectors

WORDS = ["king", "queen", "man", "woman", "apple", "nothing"]
MATRIX = np.array([[4, 1, 0], [4, -1, 0], [1, 2, 0], [1, -2, 0], [0, 0.1, 2], [0, 0, 0]], np.float32)


@pytest.fixture
def vectors() -> KeyedVectors:
    return KeyedVectors(WORDS, MATRIX)


def test_lookup(vectors: KeyedVectors) -> None:
    assert len(vectors) == 6
    assert vectors.width == 3
    assert "king" in vectors
    assert "King" not in vectors
    assert vectors["king"].tolist() == [4, 1, 0]
    assert vectors[["man", "king"]].shape == (2, 3)
    assert vectors.known("King") == "king"


def test_unknown_words_come_with_spellings_that_are_known(vectors: KeyedVectors) -> None:
    with pytest.raises(UnknownWord, match=r"no vector of 'kign' \(did you mean 'king'\?\)") as caught:
        vectors["kign"]
    assert isinstance(caught.value, InputError)
    assert isinstance(caught.value, KeyError)
    assert caught.value.near == ["king"]
    with pytest.raises(UnknownWord, match=r"'Woman' \(did you mean 'woman'\?\)"):
        vectors.most_similar("Woman")
    with pytest.raises(UnknownWord, match=r"no vector of 'zzzz'$"):
        vectors.similarity("king", "zzzz")


def test_unknown_words_may_have_a_vector_all_the_same() -> None:
    made = KeyedVectors(WORDS, MATRIX, unknown=lambda word: MATRIX[0] if word.startswith("k") else None)
    assert made["kings"].tolist() == [4, 1, 0]
    assert "kings" not in made
    assert made.most_similar("kings", n=1)[0][0] == "king"
    assert made.known("kings") == "kings"
    with pytest.raises(UnknownWord):
        made["queens"]


def test_similarity_is_the_cosine(vectors: KeyedVectors) -> None:
    expected = (4 * 1 + 1 * 2) / np.sqrt(17 * 5)
    assert vectors.similarity("king", "man") == pytest.approx(expected, abs=1e-6)
    assert vectors.similarity("king", "king") == pytest.approx(1)
    assert vectors.similarity("king", "nothing") == 0


def test_most_similar_adds_unit_vectors(vectors: KeyedVectors) -> None:
    unit = MATRIX / np.maximum(np.linalg.norm(MATRIX, axis=1, keepdims=True), 1e-9)
    query = unit[0] + unit[3] - unit[2]
    cosines = unit @ query / np.linalg.norm(query)
    found = vectors.most_similar(["king", "woman"], ["man"], n=9)
    assert [word for word, _ in found] == ["queen", "nothing", "apple"]
    assert dict(found)["queen"] == pytest.approx(cosines[1], abs=1e-6)
    assert vectors.analogy("man", "king", "woman") == found[:1]
    assert vectors.most_similar(MATRIX[0], n=1)[0][0] == "king"
    assert vectors.doesnt_match(["king", "queen", "apple"]) == "apple"


def test_mistakes(vectors: KeyedVectors) -> None:
    mistakes: list[tuple[Callable[[], object], str]] = [
        (lambda: vectors.most_similar([]), "needs a word"),
        (lambda: vectors.most_similar("king", n=0), "n is at least 1"),
        (lambda: vectors.most_similar(np.zeros(2, np.float32)), "a vector of 3 numbers"),
        (lambda: vectors.doesnt_match([]), "needs words"),
        (lambda: KeyedVectors(["a"], MATRIX), "a row a word"),
        (lambda: "a" in KeyedVectors(["a", "a"], MATRIX[:2]), "'a' is there twice"),
    ]
    for mistake, message in mistakes:
        with pytest.raises(InputError, match=message):
            mistake()


@pytest.mark.parametrize("blocks_of", [4, 1024])
def test_largest_is_sorting(blocks_of: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "BLOCK", blocks_of)
    random = np.random.default_rng(2)
    for size in (1, 5, 200, 1003):
        scores = random.integers(0, 40, size).astype(np.float32)
        for count in (1, 3, 10, 2000):
            expected = np.lexsort((np.arange(size), -scores))[:count]
            assert largest(scores, count).tolist() == expected.tolist()


def test_compiled_cosines_are_the_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    matrix = random.standard_normal((500, 20), dtype=np.float32)
    matrix[7] = 0
    query = random.standard_normal(20, dtype=np.float32)
    plain = Nearest(matrix).cosines(query)
    monkeypatch.setattr(nearest, "COMPILED", 0)
    compiled = Nearest(matrix).cosines(query)
    assert compiled == pytest.approx(plain, abs=1e-6)
    assert compiled[7] == 0


def test_saving_and_loading(vectors: KeyedVectors, tmp_path: Path) -> None:
    for form in ("word2vec", "word2vec-text", "glove"):
        assert vectors.save(tmp_path / "v", form) == []
        again = KeyedVectors.load(tmp_path / "v")
        assert again.words == WORDS
        assert np.array_equal(again.matrix, MATRIX)
    assert pickle.loads(pickle.dumps(vectors)).similarity("king", "man") == vectors.similarity("king", "man")


def test_published_vectors(shared_data: Path) -> None:
    place = shared_data / "vectors" / "glove.6B.100d.sample.txt.gz"
    vectors, read = KeyedVectors.load(place), read_vectors(place)
    assert vectors.words == read.words
    unit = read.matrix / np.linalg.norm(read.matrix, axis=1, keepdims=True)
    cosines = unit @ unit[read.index["he"]]
    best = [read.words[row] for row in np.argsort(-cosines)[1:4]]
    assert [word for word, _ in vectors.most_similar("he", n=3)] == best
    assert vectors.similarity("he", "she") == pytest.approx(unit[read.index["he"]] @ unit[read.index["she"]], abs=1e-6)


def test_the_embeddings_of_any_model() -> None:
    sentences = [["the", "man", "sleeps"], ["the", "boat", "sinks"]]
    tagger = lg.Tagger(network="window", units=4, dimensions=3, epochs=1, character_filters=0)
    tagger.fit(sentences, [["D", "N", "V"], ["D", "N", "V"]])
    found = vectors_of(tagger)
    assert found.words[0] == "<unk>"
    assert {"the", "man", "boat"} <= {*found.words}
    assert np.array_equal(found.matrix, tagger.parameters_["E"])
    bag = lg.LogisticRegression(epochs=1).fit(["a b", "c d"], [0, 1])
    with pytest.raises(InputError, match="a LogisticRegression, which has no word embeddings"):
        vectors_of(bag)
