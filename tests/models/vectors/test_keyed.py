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


@pytest.mark.parametrize("width", [1, 7, 16, 300])
def test_the_nearest_are_those_of_all_cosines(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(width)
    matrix = random.standard_normal((500, width), dtype=np.float32)
    matrix[7] = 0
    matrix[8] = matrix[9]
    matrix[10] *= 1e-36  # its bytes say nothing, its numbers do
    queries = random.standard_normal((11, width), dtype=np.float32)
    queries[1] = matrix[9]
    queries[2] = 0
    cosines = _units(queries) @ _units(matrix).T
    for threshold in (0, nearest.LOOKED_THROUGH):
        monkeypatch.setattr(nearest, "LOOKED_THROUGH", threshold)
        for (rows, found), all_of_them in zip(Nearest(matrix).search(queries, 12), cosines, strict=True):
            assert found == pytest.approx(-np.sort(-all_of_them)[:12], abs=1e-12)
            assert found == pytest.approx(all_of_them[rows], abs=1e-12)
            assert len(set(rows.tolist())) == 12
    if width > 1:
        assert next(Nearest(matrix).search(queries[1:2], 2))[0].tolist() == [8, 9]


def _units(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def test_rows_that_are_no_numbers_are_no_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = np.random.default_rng(3).standard_normal((50, 5), dtype=np.float32)
    matrix[[4, 11], 2] = np.nan, np.inf
    for threshold in (0, nearest.LOOKED_THROUGH):
        monkeypatch.setattr(nearest, "LOOKED_THROUGH", threshold)
        with np.errstate(invalid="ignore"):
            (rows, cosines) = next(Nearest(matrix).search(matrix[:1], 48))
        assert not {4, 11} & set(rows.tolist())
        assert np.isfinite(cosines).all()


def test_many_words_at_once_are_one_after_the_other(vectors: KeyedVectors) -> None:
    assert vectors.neighbors(["king", MATRIX[4]], n=3) == [
        vectors.most_similar(each, n=3) for each in ("king", MATRIX[4])
    ]
    assert vectors.neighbors([]) == []


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
