"""scikit-learn's conventions: its own checks, clone, pipelines, grid search, cross-validation."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from lexgrad.graph import Graph
from lexgrad.models import DeepAveraging, FeedForward, LogisticRegression, SoftmaxRegression, Tagger, TextCNN, Word2Vec
from lexgrad.models.classifiers import prediction
from lexgrad.models.classifiers.prediction import prediction_graph

FAST: dict[str, Any] = {"epochs": 25, "learning_rate": 0.1}


with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "Estimator .* does not inherit from", UserWarning)
    # In single precision a matrix product of one row and one of many rows differ in the last bits (the BLAS sums in
    # another order), which check_methods_subset_invariance does not allow; so the network is checked in fp64.
    every_check = parametrize_with_checks(
        [LogisticRegression(**FAST), SoftmaxRegression(**FAST), FeedForward(precision="fp64", **FAST)]
    )


@every_check  # type: ignore[untyped-decorator]
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


TEXTS = ["good film", "bad film", "a good one", "a bad one", "very good", "very bad", "good good", "bad bad"] * 3
LABELS = ["yes", "no"] * 12


def test_what_they_are() -> None:
    assert is_classifier(LogisticRegression())
    assert not any(is_classifier(model()) or is_regressor(model()) for model in (Tagger, Word2Vec))


@pytest.mark.parametrize("model", [LogisticRegression, SoftmaxRegression, FeedForward])
def test_clone_and_parameters(model: Any) -> None:
    original = model(epochs=3, ngrams=(1, 2), features=[len, str.split])
    copy = clone(original)
    assert copy is not original
    assert copy.get_params() == original.get_params()
    assert copy.set_params(epochs=5).epochs == 5
    assert repr(model(epochs=3)) == f"{model.__name__}(epochs=3)"


@pytest.mark.parametrize("model", [TextCNN(kernels=(2, 3), filters=4, epochs=3), DeepAveraging(units=9, epochs=3)])
def test_clones_of_networks_over_words(model: Any) -> None:
    copy = clone(model.fit(TEXTS, LABELS))
    assert copy.get_params() == model.get_params()
    assert repr(copy) == repr(model)
    with pytest.raises(NotFittedError):
        copy.predict(TEXTS)
    assert cross_val_score(copy, TEXTS, LABELS, cv=2).shape == (2,)


def test_pipelines() -> None:
    pipeline = make_pipeline(CountVectorizer(), LogisticRegression(**FAST))
    assert pipeline.fit(TEXTS, LABELS).score(TEXTS, LABELS) == 1.0
    scaled = make_pipeline(StandardScaler(), FeedForward(**FAST))
    rows = np.random.default_rng(0).normal(5.0, 3.0, (40, 3))
    assert scaled.fit(rows, rows[:, 0] > 5).score(rows, rows[:, 0] > 5) > 0.9


@pytest.mark.parametrize("model", [LogisticRegression, SoftmaxRegression, FeedForward])
def test_grid_search_and_cross_validation_over_texts(model: Any) -> None:
    search = GridSearchCV(model(epochs=10), {"learning_rate": [0.0, 0.05], "tokens": ["lower"]}, cv=3)
    search.fit(TEXTS, LABELS)
    assert search.best_params_["learning_rate"] == 0.05
    assert search.predict(["good", "bad"]).tolist() == ["yes", "no"]
    assert cross_val_score(model(**FAST), TEXTS, LABELS, cv=3).mean() == 1.0
    assert cross_val_score(model(**FAST), np.array(TEXTS), LABELS, scoring="f1_macro", cv=3).mean() == 1.0


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function", "evaluate"])
def test_before_fit(method: str) -> None:
    with pytest.raises(NotFittedError, match="call fit first"):
        getattr(LogisticRegression(), method)(["text"])


def test_labels_of_any_kind() -> None:
    rows = np.array([[0.0], [1.0], [0.1], [0.9]])
    for labels in ([0, 1, 0, 1], [False, True, False, True], ["a", "b", "a", "b"], np.array([-1, 1, -1, 1])):
        model = LogisticRegression(epochs=100, learning_rate=0.1).fit(rows, labels)
        np.testing.assert_array_equal(model.predict(rows), labels)
        assert model.predict(rows).dtype == np.asarray(labels).dtype


def test_what_predicts_is_made_once_and_follows_every_change(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Graph] = []

    def counted(*given: Any) -> Graph:
        made.append(prediction_graph(*given))
        return made[-1]

    monkeypatch.setattr(prediction, "prediction_graph", counted)
    model = FeedForward(activation="tanh", epochs=3).fit(TEXTS, LABELS)
    first = model.predict_proba(TEXTS)
    np.testing.assert_array_equal(model.predict_proba(TEXTS), first)
    assert len(made) == 1
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(TEXTS), first)
    weights = model.parameters_["W2"].copy()
    model.parameters_["W2"] *= 0  # written to
    assert np.ptp(model.predict_proba(TEXTS), axis=0).max() == 0.0
    model.parameters_["W2"] = weights  # put in its place
    np.testing.assert_array_equal(model.predict_proba(TEXTS), first)
    model.parameters_["W2"] = weights.astype(np.float64)  # of another width
    np.testing.assert_array_equal(model.predict_proba(TEXTS), first)
    model.parameters_["W2"] *= 0
    assert np.ptp(model.predict_proba(TEXTS), axis=0).max() == 0.0
    model.parameters_["W2"] = weights
    assert (model.set_params(activation="relu").predict_proba(TEXTS) != first).any()
    model.activation = "tanh"
    np.testing.assert_array_equal(model.predict_proba(TEXTS), first)
