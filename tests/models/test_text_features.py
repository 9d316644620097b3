"""What texts become: n-grams as scikit-learn counts them, a user's functions, embeddings learned or given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from lexgrad.errors import InputError
from lexgrad.models import FeedForward, LogisticRegression, SoftmaxRegression
from lexgrad.models.features.ngrams import NgramEncoder

TEXTS = [
    "a good film , a very good film",
    "a bad film",
    "good acting and a good plot",
    "bad acting , bad plot , bad film",
    "",
    "not good at all",
]
LABELS = ["pos", "neg", "pos", "neg", "neg", "neg"]
SPLIT = r"\S+"


def fitted(**settings: Any) -> LogisticRegression:
    return LogisticRegression(**{"epochs": 2, "ngrams": (1,), **settings}).fit(TEXTS, LABELS)


@pytest.mark.parametrize("orders", [(1,), (1, 2), (2,), (1, 2, 3)])
@pytest.mark.parametrize("features", ["counts", "presence", "tfidf"])
def test_ngrams_are_scikit_learns(features: str, orders: tuple[int, ...]) -> None:
    span = (min(orders), max(orders))
    theirs: Any = {
        "counts": CountVectorizer(token_pattern=SPLIT, ngram_range=span),
        "presence": CountVectorizer(token_pattern=SPLIT, ngram_range=span, binary=True),
        "tfidf": TfidfVectorizer(token_pattern=SPLIT, ngram_range=span),
    }[features]
    expected = theirs.fit_transform(TEXTS).toarray()
    encoder = fitted(features=features, ngrams=orders).encoder_
    assert isinstance(encoder, NgramEncoder)
    assert encoder.tokenizer is not None
    ours = encoder.encode(TEXTS).rows.to_scipy().toarray()
    names = encoder.feature_names()
    assert sorted(names) == sorted(theirs.vocabulary_)
    order = [theirs.vocabulary_[name] for name in names]
    np.testing.assert_allclose(ours, expected[:, order], rtol=1e-6)
    unseen = ["a good dragon", "xyzzy"]
    np.testing.assert_allclose(
        encoder.encode(unseen).rows.to_scipy().toarray(), theirs.transform(unseen).toarray()[:, order], rtol=1e-6
    )


def test_fewer_ngrams() -> None:
    names = set(fitted(min_count=3).encoder_.feature_names())
    assert names == {"a", "bad", "film", "good", ","}
    assert fitted(max_features=4).encoder_.width == 4
    with pytest.raises(InputError, match="no n-gram is left"):
        fitted(min_count=99)


def test_standardized_ngrams_have_mean_0_without_being_dense() -> None:
    model = fitted(features="counts", standardize=True, precision="fp64", optimizer="sgd")
    counts = fitted(features="counts").encoder_.encode(TEXTS).rows.to_scipy().toarray()
    deviations = counts.std(0)
    dense = (counts - counts.mean(0)) / np.where(deviations > 0, deviations, 1)
    expected = dense @ model.parameters_["w"] + model.parameters_["b"]
    np.testing.assert_allclose(model.decision_function(TEXTS), expected, rtol=1e-5, atol=1e-7)


def exclamations(text: str) -> int:
    return text.count("!")


def spelled(text: str) -> list[float]:
    return [float(len(text)), float(text.count(" "))]


def words(text: str) -> dict[str, int]:
    return {word: text.split().count(word) for word in text.split()}


@pytest.mark.parametrize(
    ("features", "columns"),
    [
        (len, ["len"]),
        ([exclamations, spelled], ["exclamations", "spelled[0]", "spelled[1]"]),
        ({"size": len, "loud": exclamations}, ["size", "loud"]),
        ([lambda text: 1.0, lambda text: len(text) + 1], ["f0", "f1"]),
    ],
)
def test_own_functions(features: Any, columns: list[str]) -> None:
    model = LogisticRegression(features=features, epochs=3).fit(TEXTS, LABELS)
    assert list(model.encoder_.columns) == columns
    assert model.parameters_["w"].shape == (len(columns),)
    assert model.predict(TEXTS).shape == (6,)


def test_own_functions_are_standardized_unless_told_otherwise() -> None:
    encoder = LogisticRegression(features=spelled, epochs=1).fit(TEXTS, LABELS).encoder_
    x = encoder.encode(TEXTS).x
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(x.std(0), 1)
    raw = LogisticRegression(features=spelled, epochs=1, standardize=False).fit(TEXTS, LABELS).encoder_
    np.testing.assert_array_equal(raw.encode(TEXTS).x[1], [10, 2])


def test_functions_that_give_dicts_are_sparse_columns() -> None:
    model = SoftmaxRegression(features=[words, len], epochs=2).fit(TEXTS, LABELS)
    rows = model.encoder_.encode(["good good dragon"]).rows
    names = list(model.encoder_.columns)
    found = {names[column]: value for column, value in zip(rows.ids, rows.values, strict=True)}
    assert found == {"words[good]": 2.0, "len": 16.0}


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (lambda text: float("nan") if "plot" in text else 1.0, "got nan in row 2, column f0"),
        (lambda text: {"a": float("inf")}, r"got inf in row 0, column f0\[a\]"),
        (lambda text: "good", r"'f0' must give numbers; got str \('good'\)"),
        (lambda text: [len(text)] * len(text.split()), "vectors of different lengths"),
        ([], "at least one"),
        ([len, 3], "'f1' is not a function"),
        (7, "a name, a function, a list or a dict"),
        ("tfdif", "did you mean 'tfidf'"),
    ],
)
def test_functions_that_go_wrong(features: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        LogisticRegression(features=features).fit(TEXTS, LABELS)


def test_nan_when_predicting_names_its_row() -> None:
    model = LogisticRegression(features=lambda text: np.nan if text == "bad" else 1.0, epochs=1).fit(TEXTS, LABELS)
    with pytest.raises(InputError, match="NaN in row 1, column 0"):
        model.predict(["good", "bad"])


# ---- embeddings ----


def network(**settings: Any) -> FeedForward:
    usual: dict[str, Any] = {"epochs": 2, "dimensions": 3, "units": 4}
    return FeedForward(**{**usual, **settings}).fit(TEXTS, LABELS)


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_an_unknown_word_is_the_zero_vector(pool: str) -> None:
    model = network(pool=pool)
    np.testing.assert_array_equal(model.parameters_["E"][0], 0)
    assert model.predict_proba(["xyzzy", ""])[0] == pytest.approx(model.predict_proba([""])[0])


def test_concatenation_pads_to_the_longest_and_cuts_what_is_longer() -> None:
    model = network(pool="concat")
    assert model.encoder_.length == 8
    assert model.parameters_["W1"].shape == (24, 4)
    long = TEXTS[3] + " bad plot and more"
    np.testing.assert_array_equal(model.predict_proba([long]), model.predict_proba([" ".join(long.split()[:8])]))
    inputs, tokens = model.encoder_.encode([long, "good"]).batch()
    assert inputs["ids"].shape == (2, 8)
    assert inputs["ids"][1].tolist()[1:] == [-1] * 7
    assert tokens == 9


GIVEN = (["good", "bad", "zebra"], np.array([[1.0, 2.0, 3.0], [-1.0, -2.0, -3.0], [9.0, 9.0, 9.0]]))


def test_given_vectors_start_the_embeddings_and_stay_when_frozen() -> None:
    model = network(vectors=GIVEN, fine_tune=False, dimensions=None)
    assert model.encoder_.tokenizer is not None
    row = model.encoder_.tokenizer.vocabulary.index
    np.testing.assert_array_equal(model.parameters_["E"][row("good")], [1, 2, 3])
    np.testing.assert_array_equal(model.parameters_["E"][row("bad")], [-1, -2, -3])
    assert np.abs(model.parameters_["E"][row("film")]).max() > 0
    tuned = network(vectors=GIVEN, dimensions=None, learning_rate=0.1)
    assert not np.array_equal(tuned.parameters_["E"][row("good")], [1, 2, 3])


def test_vectors_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text("good 1 2 3\nbad -1 -2 -3\n", encoding="utf-8")
    given, read = network(vectors=GIVEN), network(vectors=file)
    np.testing.assert_allclose(given.parameters_["E"][1:3], read.parameters_["E"][1:3])


@pytest.mark.parametrize(
    ("vectors", "dimensions", "message"),
    [
        (GIVEN, 5, "vectors of width 3, but dimensions=5"),
        ((["good"], np.zeros((2, 3))), None, "one row a word"),
        ((["zebra"], np.zeros((1, 3))), None, "none of the 1 words"),
        ((["good"], np.array([[np.nan, 1.0]])), None, "the vector of 'good'"),
        (3, None, "a path, WordVectors"),
    ],
)
def test_vectors_that_do_not_fit(vectors: Any, dimensions: int | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        network(vectors=vectors, dimensions=dimensions)


@pytest.mark.parametrize("pool", ["mean", "max", "concat"])
@pytest.mark.parametrize("features", ["embeddings", "counts"])
def test_overfits_eight_texts(features: str, pool: str) -> None:
    texts = [f"{colour} {thing}" for colour in ("red", "green") for thing in ("cat", "dog", "cow", "owl")]
    labels = ["a", "b", "c", "d", "b", "a", "d", "c"]  # neither word alone says which
    model = FeedForward(
        features=features, pool=pool, epochs=400, batch=8, learning_rate=0.02, init_std=0.5, schedule="constant"
    )
    assert model.fit(texts, labels).score(texts, labels) == 1.0
