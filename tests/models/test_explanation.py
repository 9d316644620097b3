"""One answer of each kind of model, explained: layers, loss, gradients and the blame of each word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import lexgrad as lg
from lexgrad.errors import InputError
from lexgrad.models.classifiers.base import TextClassifier

TEXTS = ["a lovely film", "lovely and clever", "a dull film", "dull and slow", "clever and warm", "slow , cold , dull"]
TWO = ["good", "good", "bad", "bad", "good", "bad"]
THREE = ["good", "good", "bad", "bad", "fine", "fine"]
SETTINGS: dict[str, Any] = {"epochs": 5, "precision": "fp64", "learning_rate": 0.1}

MODELS: dict[str, tuple[TextClassifier, list[str], str]] = {
    "logistic": (lg.LogisticRegression(**SETTINGS), TWO, "w[3]"),
    "logistic, standardised": (lg.LogisticRegression(standardize=True, features="counts", **SETTINGS), TWO, "w[3]"),
    "softmax": (lg.SoftmaxRegression(**SETTINGS), THREE, "W[3, 1]"),
    "softmax, presence": (lg.SoftmaxRegression(features="presence", ngrams=(1, 2, 3), **SETTINGS), THREE, "b[1]"),
    "ffnn, mean": (lg.FeedForward(units=7, dimensions=5, **SETTINGS), THREE, "W1[0, 0]"),
    "ffnn, max": (lg.FeedForward(units=7, dimensions=5, pool="max", activation="relu", **SETTINGS), TWO, "E[2, 1]"),
    "ffnn, concatenated": (lg.FeedForward(units=7, dimensions=5, pool="concat", **SETTINGS), THREE, "W2[1, 1]"),
    "ffnn, three layers": (lg.FeedForward(layers=3, units=6, bias="x0", dropout=0.2, **SETTINGS), TWO, "W3[0, 0]"),
    "bow": (lg.BagOfNgrams(dimensions=5, buckets=30, ngrams=3, **SETTINGS), THREE, "W[1, 1]"),
    "bow, characters": (lg.BagOfNgrams(dimensions=5, buckets=30, characters=3, **SETTINGS), TWO, "W[1, 1]"),
    "dan": (lg.DeepAveraging(units=4, dimensions=5, **SETTINGS), THREE, "W1[1, 1]"),
    "cnn": (
        lg.TextCNN(filters=4, dimensions=5, kernels=(2,), fixed_copy=True, word_features="length", **SETTINGS),
        TWO,
        "E[2, 1]",
    ),
    "gru": (lg.GRUClassifier(units=4, dimensions=5, bidirectional=True, **SETTINGS), THREE, "U1_back[1, 1]"),
    "ffnn, counts": (lg.FeedForward(units=4, features="counts", **SETTINGS), THREE, "W1[1, 1]"),
}


@pytest.fixture(params=MODELS)
def fitted(request: pytest.FixtureRequest) -> tuple[TextClassifier, str]:
    model, labels, wrt = MODELS[request.param]
    if not hasattr(model, "parameters_"):
        with pytest.MonkeyPatch.context() as patch:  # networks this small are compiled for longer than they learn
            patch.setenv("LEXGRAD_ENGINE", "interpreter")
            model.fit(TEXTS, labels)
            model.predict(TEXTS)
    return model, wrt


TEXT = "lovely and warm , lovely unheard film"


def test_numbers_are_those_of_the_model(fitted: tuple[TextClassifier, str]) -> None:
    model, wrt = fitted
    found = model.explain(TEXT, wrt=wrt)
    chances = model.predict_proba([TEXT])[0]
    np.testing.assert_allclose(list(found.probabilities.values()), chances, rtol=1e-6)
    assert found.predicted == found.label == model.predict([TEXT])[0]
    assert found.loss == pytest.approx(-np.log(chances.max()), rel=1e-6)


def test_the_gradient_is_the_sum_over_paths_and_finite_differences(fitted: tuple[TextClassifier, str]) -> None:
    model, wrt = fitted
    found = model.explain(TEXT, label=model.classes_[0], wrt=wrt).derivation
    assert found.sum == pytest.approx(found.gradient, rel=1e-9, abs=1e-14)
    assert found.check().difference < 1e-8
    assert {step.name for step in found.steps} >= {"L", "y"}


def test_leave_one_out_is_a_prediction_without_the_token(fitted: tuple[TextClassifier, str]) -> None:
    model, _ = fitted
    found = model.explain(TEXT)
    tokens = TEXT.split()
    assert [word.token for word in found.words] == tokens
    assert [word.known for word in found.words] == [token != "unheard" for token in tokens]
    column = list(found.probabilities).index(found.label)
    for i, word in enumerate(found.words):
        without = model.predict_proba([" ".join(tokens[:i] + tokens[i + 1 :])])[0, column]
        assert word.leave_one_out == pytest.approx(found.loss + np.log(without), rel=1e-4, abs=1e-9)


def test_gradient_x_input_adds_up(fitted: tuple[TextClassifier, str]) -> None:
    model, _ = fitted
    found = model.explain(TEXT)
    steps = {step.name: step for step in found.derivation.steps}
    source = steps["e" if "e" in steps else "values"]
    assert source.gradient is not None
    total = float(np.sum(source.value * source.gradient))
    assert sum(word.gradient_x_input for word in found.words) == pytest.approx(total, rel=1e-9, abs=1e-14)
    (unheard,) = (word for word in found.words if not word.known)
    if "e" not in steps:
        assert unheard.gradient_x_input == 0.0


def test_ngrams_have_blame_of_their_own(fitted: tuple[TextClassifier, str]) -> None:
    model, _ = fitted
    found = model.explain("a dull a dull film")
    if model.features == "embeddings":
        assert found.ngrams == ()
        return
    grams = {each.ngram: each.gradient_x_input for each in found.ngrams}
    assert {"a dull", "dull film"} <= set(grams)
    assert list(grams.values()) == sorted(grams.values(), key=lambda blame: -abs(blame))
    assert ("a dull film" in grams) == (max(map(len, map(str.split, grams))) == 3)
    assert "dull film" in str(found)
    assert "dull film" in found.markdown()
    assert "dull film" in found.html()
    assert found.json()["ngrams"][0]["ngram"] in grams


def test_of_a_linear_model_gradient_x_input_is_exact() -> None:
    model, labels, _ = MODELS["logistic"]
    model.fit(TEXTS, labels)
    found = model.explain("lovely clever", label="good")
    steps = {step.name: step for step in found.derivation.steps}
    weights = model.parameters_["w"][steps["ids"].value] * steps["values"].value
    slope = float(np.squeeze(found.derivation.json()["edges"][-1]["value"]))
    assert sum(word.gradient_x_input for word in found.words) == pytest.approx(slope * weights.sum())


def test_a_text_longer_than_the_network_reads() -> None:
    model, labels, _ = MODELS["ffnn, concatenated"]
    model.fit(TEXTS, labels)
    found = model.explain(" ".join(["lovely"] * 9))
    blames = [word.gradient_x_input for word in found.words]
    assert len(blames) == 9
    assert all(blames[:5])
    assert not any(blames[5:])


def test_an_empty_text(fitted: tuple[TextClassifier, str]) -> None:
    model, _ = fitted
    found = model.explain("")
    assert found.words == ()
    assert found.loss > 0


def test_functions_as_features_have_no_words() -> None:
    model = lg.LogisticRegression(features={"length": len, "commas": lambda text: text.count(",")}, epochs=2)
    found = model.fit(TEXTS, TWO).explain("a , b", wrt="w[1]")
    assert found.words == ()
    assert found.derivation.check().difference < 1e-8


def test_mistakes() -> None:
    model, labels, _ = MODELS["softmax"]
    model.fit(TEXTS, labels)
    with pytest.raises(InputError, match=r"no label 'god'.*did you mean 'good'"):
        model.explain("a film", label="god")
    with pytest.raises(InputError, match="nothing called 'W1'"):
        model.explain("a film", wrt="W1[0,0]")
    with pytest.raises(InputError, match="ids says which words"):
        model.explain("a film", wrt="ids[0]")
    numbers = lg.LogisticRegression(epochs=1).fit(np.eye(4), [0, 1, 0, 1])
    with pytest.raises(InputError, match="trained on numbers"):
        numbers.explain("a film")


def test_faces(fitted: tuple[TextClassifier, str]) -> None:
    model, wrt = fitted
    found = model.explain("lovely <b> | film", wrt=wrt)
    text, page, piece = str(found), found.markdown(), found._repr_html_()
    for word in found.words:
        assert " ".join(word.cells) in " ".join(text.split())
    assert "leave-one-out" in text
    assert "\\|" in page
    assert "<b>" not in piece
    assert found.headline.split(";")[0] in text
    assert found.html().count("</body>") == 1
    assert "gradient × input" in found.html()


def test_before_fit() -> None:
    with pytest.raises(NotFittedError):
        lg.SoftmaxRegression().explain("a film")
