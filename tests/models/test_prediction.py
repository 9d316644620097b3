"""Predictions: a text alone and among others, and what a network makes of each word by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from lexgrad.evaluate import Interpreter
from lexgrad.models import (
    BagOfNgrams,
    DeepAveraging,
    FeedForward,
    GRUClassifier,
    LogisticRegression,
    LSTMClassifier,
    RNNClassifier,
    SoftmaxRegression,
    TextCNN,
)
from lexgrad.models.classifiers.prediction import prediction_graph
from lexgrad.models.features.word_rows import LOGITS, WordRows

RANDOM = np.random.default_rng(4)
WORDS = ["good", "bad", "film", "plot", "don't", "the", "very", "dull", "fine", "’s", "schön", "..."]
TEXTS = [" ".join(RANDOM.choice(WORDS, RANDOM.integers(1, 9))) for _ in range(30)]
LABELS = [("pos", "neg", "none")[text.count("good") % 3] for text in TEXTS]
NEW = ["", "good", "never seen before", "a good film", *TEXTS[:7], "film " * 40]
SMALL: dict[str, Any] = {"epochs": 1, "dimensions": 4}

MODELS: list[Any] = [
    LogisticRegression(epochs=1),
    SoftmaxRegression(epochs=1, ngrams=(1, 3), tokens="words"),
    SoftmaxRegression(epochs=1, features="tfidf", standardize=True, min_count=2),
    SoftmaxRegression(epochs=1, features="presence", tokens="characters"),
    FeedForward(**SMALL),
    FeedForward(**SMALL, pool="concat", tokens="spaces"),
    FeedForward(**SMALL, pool="max", tokens="bpe", max_features=270),
    DeepAveraging(**SMALL),
    DeepAveraging(**SMALL, scope=2, tokens="words"),
    BagOfNgrams(**SMALL, buckets=50, ngrams=3),
    BagOfNgrams(**SMALL, buckets=50, characters=3),
    TextCNN(**SMALL, filters=3),
    TextCNN(**SMALL, filters=3, padding="valid", stride=2, pool="mean", word_features=("length",), fixed_copy=True),
    TextCNN(**SMALL, filters=3, kernels=2, window_pool="max", units=5, precision="fp64"),
    RNNClassifier(**SMALL, units=5),
    LSTMClassifier(**SMALL, units=16, bidirectional=True, layers=2, pool="mean"),
    GRUClassifier(**SMALL, units=5, pool="max"),
]


def kinds(model: Any) -> str:
    return f"{model.name} {model.tokens}"


@pytest.fixture(scope="module", params=MODELS, ids=kinds)
def fitted(request: pytest.FixtureRequest) -> Any:
    labels = [label if label == "pos" else "neg" for label in LABELS]
    return request.param.fit(TEXTS, labels if request.param.name == "logistic" else LABELS)


def test_a_text_alone_has_the_bits_it_has_among_others(fitted: Any) -> None:
    alone = np.concatenate([fitted.predict_proba([text]) for text in NEW])
    np.testing.assert_array_equal(fitted.predict_proba(NEW), alone)
    np.testing.assert_array_equal(fitted.predict_proba(NEW[::-1])[::-1], alone)


def test_what_is_known_of_words_gives_what_the_graph_means(fitted: Any) -> None:
    graph = prediction_graph(fitted, fitted.encoder_, len(fitted.classes_))
    meant = Interpreter(graph).run({**fitted.parameters_, **fitted.encoder_.encode(NEW).whole()})[LOGITS]
    np.testing.assert_allclose(fitted.predict_proba(NEW), fitted.decision_.probabilities(meant), atol=2e-6)


def test_another_array_in_the_place_of_any_parameter_is_seen(fitted: Any) -> None:
    text = [TEXTS[0]]
    first = fitted.predict_proba(text)
    for name, kept in fitted.parameters_.items():
        fitted.parameters_[name] = kept + 0.125 * RANDOM.normal(size=kept.shape).astype(kept.dtype)
        graph = prediction_graph(fitted, fitted.encoder_, len(fitted.classes_))
        meant = Interpreter(graph).run({**fitted.parameters_, **fitted.encoder_.encode(text).whole()})[LOGITS]
        np.testing.assert_allclose(
            fitted.predict_proba(text), fitted.decision_.probabilities(meant), atol=2e-6, err_msg=name
        )
        fitted.parameters_[name] = kept
        np.testing.assert_array_equal(fitted.predict_proba(text), first)


def test_texts_from_several_threads_do_not_disturb_each_other(fitted: Any) -> None:
    alone = [fitted.decision_function([text]) for text in NEW]
    copies = [logits.copy() for logits in alone]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda text: fitted.decision_function([text]), NEW * 9))
    np.testing.assert_array_equal(np.concatenate(found), np.concatenate(alone * 9))
    np.testing.assert_array_equal(np.concatenate(alone), np.concatenate(copies))  # no later call has written to them


@pytest.mark.parametrize("precision", ["fp32", "fp64"])
def test_new_parameters_are_seen_and_old_ones_are_kept_from_changing(precision: str) -> None:
    model = TextCNN(**SMALL, filters=3, precision=precision).fit(TEXTS, LABELS)
    first = model.predict_proba(NEW)
    with pytest.raises(ValueError, match="read-only"):
        model.parameters_["K3"] *= 2.0
    kept = model.parameters_["K3"]
    model.parameters_["K3"] = kept * 2
    changed = model.predict_proba(NEW)
    assert (changed != first).any()
    model.parameters_["K3"] = kept
    np.testing.assert_array_equal(model.predict_proba(NEW), first)


def test_rows_are_computed_once_a_word() -> None:
    asked: list[list[int]] = []

    def squares(words: np.ndarray[Any, Any]) -> dict[str, Any]:
        asked.append(words.tolist())
        return {"square": np.stack([words, words * words], axis=1).astype(np.float64)}

    rows = WordRows(squares, most_bytes=5 * 16)

    def found(*words: int) -> list[float]:
        places = rows.places(np.array(words, np.int64))
        return list(rows.tables["square"][places, 1])

    assert found(3, 1, 3) == [9, 1, 9]
    assert found(1, 3, 5000) == [1, 9, 25e6]
    assert asked == [[1, 3], [5000]]
    assert found() == []
    assert found(7, 8, 1) == [49, 64, 1]  # five rows are full
    assert asked[2:] == [[7, 8]]
    assert found(9, 1) == [81, 1]  # and begun anew
    assert asked[3:] == [[1, 9]]
    assert found(1, 2, 3, 4, 5, 6, 7) == [1, 4, 9, 16, 25, 36, 49]  # more than there is room for
    rows.forget()
    assert found(1) == [1]
    assert asked[-1] == [1]
