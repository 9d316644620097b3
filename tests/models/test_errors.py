"""Bad input: one line that says what was expected, what came, where, and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from lexgrad.errors import InputError
from lexgrad.models import BagOfNgrams, DeepAveraging, FeedForward, LogisticRegression, SoftmaxRegression, model_named
from lexgrad.models.settings import parse_settings, settings_of

TEXTS, LABELS = ["good film", "bad film", "good", "bad"], ["pos", "neg", "pos", "neg"]
ROWS = np.arange(8.0).reshape(4, 2)


def bad_rows(value: float) -> np.ndarray[Any, Any]:
    rows = ROWS.copy()
    rows[2, 1] = value
    return rows


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (TEXTS, LABELS[:3], "X has 4 examples, y has 3 labels"),
        ([], [], "X is empty"),
        (TEXTS, ["pos"] * 4, "at least two classes; X has only one class, pos"),
        (ROWS, [1] * 4, "only one class, 1"),
        ("good film", ["pos"], "one str: put it in a list"),
        (b"good", ["pos"], "one bytes"),
        (iter(TEXTS), LABELS, "an iterator"),
        (["good", 3, "bad", "x"], LABELS, r"got int \(3\) at place 1"),
        (["good", float("nan"), "bad", "x"], LABELS, r"got float \(nan\) at place 1"),
        (TEXTS, None, "y is None"),
        (TEXTS, ["pos", None, "neg", "neg"], "row 1 of y"),
        (TEXTS, ["pos", float("nan"), "neg", "neg"], "row 1 of y"),
        (TEXTS, [0.5, 1.7, 2.9, 0.1], "Unknown label type"),
        (bad_rows(np.nan), LABELS, r"got NaN in row 2, column 1 \(from 0\)"),
        (bad_rows(-np.inf), LABELS, r"got -inf in row 2, column 1"),
        (csr_array(bad_rows(np.inf)), LABELS, r"got inf in row 2, column 1"),
        (["", "", "", ""], LABELS, "no token"),
    ],
)
@pytest.mark.parametrize("model", [LogisticRegression, FeedForward])
def test_bad_data(model: Any, X: Any, y: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        model(epochs=1).fit(X, y)
    assert "\n" not in str(error.value)


def test_texts_for_a_model_of_numbers_and_the_other_way_round() -> None:
    texts, numbers = LogisticRegression(epochs=1).fit(TEXTS, LABELS), LogisticRegression(epochs=1).fit(ROWS, LABELS)
    with pytest.raises(InputError, match="trained on texts; got numbers"):
        texts.predict(ROWS)
    with pytest.raises(InputError, match="trained on numbers; got texts"):
        numbers.predict(TEXTS)
    with pytest.raises(InputError, match="3 features, but LogisticRegression is expecting 2"):
        numbers.predict(np.zeros((1, 3)))
    assert texts.predict([]).shape == (0,)


@pytest.mark.parametrize(
    ("X", "got"),
    [
        (None, "NoneType"),
        ([None, None], "list of NoneType"),
        ([b"good"], "list of bytes"),
        (np.array([["good"], ["bad"]]), r"an array of shape \(2, 1\)"),
        (np.zeros(3), r"numbers of shape \(3,\)"),
    ],
)
def test_what_is_no_text_for_a_model_of_texts(X: Any, got: str) -> None:
    model = DeepAveraging(epochs=1, dimensions=2, units=2).fit(TEXTS, LABELS)
    with pytest.raises(InputError, match=f"DeepAveraging reads texts; got {got}: give it a list"):
        model.predict(X)


def test_a_series_of_polars() -> None:
    polars = pytest.importorskip("polars")
    model = DeepAveraging(epochs=1, dimensions=2, units=2).fit(polars.Series(TEXTS), polars.Series(LABELS))
    assert model.predict(polars.Series(TEXTS)).tolist() == model.predict(TEXTS).tolist()
    with pytest.raises(InputError, match=r"got an array of shape \(2,\)"):
        model.predict(polars.Series([1, 2]))


@pytest.mark.parametrize("model", [DeepAveraging, BagOfNgrams])
def test_half_of_a_surrogate_pair(model: Any) -> None:
    with pytest.raises(InputError, match="half of a surrogate pair"):
        model(epochs=1).fit(["good", "bad \ud800", "good film", "bad film"], LABELS)


def test_labels_that_do_not_go_with_the_texts() -> None:
    model = LogisticRegression(epochs=1)
    with pytest.raises(InputError, match="X has 4 examples, y has 1 labels"):
        model.fit(TEXTS, LABELS[:1])
    model.fit(TEXTS, LABELS, dev=[TEXTS, LABELS])
    for measure in (model.evaluate, model.score):
        with pytest.raises(InputError, match="X has 4 examples, y has 3 labels"):
            measure(TEXTS, LABELS[:3])
    with pytest.raises(InputError, match=r"dev is \(texts, labels\), or a table"):
        model.fit(TEXTS, LABELS, dev=TEXTS)


def test_an_unknown_label_when_evaluating() -> None:
    model = LogisticRegression(epochs=1).fit(TEXTS, LABELS)
    with pytest.raises(InputError, match=r"label 'poss' at place 1 .*did you mean 'pos'"):
        model.evaluate(["a", "b"], ["pos", "poss"])
    with pytest.raises(InputError, match="label 'poss'"):
        LogisticRegression(epochs=1).fit(TEXTS, LABELS, dev=(["a"], ["poss"]))
    with pytest.raises(InputError, match="2 texts but 1 labels"):
        LogisticRegression(epochs=1).fit(TEXTS, LABELS, dev=(["a", "b"], ["pos"]))
    with pytest.raises(InputError, match="dev set is empty"):
        LogisticRegression(epochs=1).fit(TEXTS, LABELS, dev=([], []))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"epochs": 0}, "'epochs' of LogisticRegression is at least 1; got 0"),
        ({"epochs": 2.5}, "takes int; got 2.5"),
        ({"batch": True}, "takes int; got True"),
        ({"learning_rate": float("nan")}, "got nan"),
        ({"learning_rate": float("inf")}, "is a finite number; got inf"),
        ({"learning_rate": -1.0}, "at least 0"),
        ({"ngrams": (1, "2")}, "whole numbers"),
        ({"precision": "fp16"}, "fp32, fp64, bf16"),
        ({"class_weight": {"good": 2.0}}, "names 'good', which is no class"),
        ({"class_weight": {"pos": -1}}, "at least 0; got -1"),
        ({"class_weight": [1, 2]}, "takes None or dict or str"),
        ({"seed": -1}, "at least 0"),
        ({"tokens": "word"}, "did you mean 'words'"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LogisticRegression(**settings).fit(TEXTS, LABELS)


def test_settings_from_text() -> None:
    texts = {
        "epochs": "5",
        "ngrams": "1,2",
        "optimizer": "sgd",
        "learning_rate": "1",
        "clip_norm": "none",
        "class_weight": "{'pos': 2}",
        "standardize": "true",
    }
    assert parse_settings(LogisticRegression, texts) == {
        "epochs": 5,
        "ngrams": (1, 2),
        "optimizer": "sgd",
        "learning_rate": 1.0,
        "clip_norm": None,
        "class_weight": {"pos": 2},
        "standardize": True,
    }
    assert parse_settings(FeedForward, {"units": "30", "vectors": "some/file.txt"}) == {
        "units": 30,
        "vectors": "some/file.txt",
    }
    with pytest.raises(InputError, match=r"no setting 'epoch'.*did you mean 'epochs'"):
        parse_settings(SoftmaxRegression, {"epoch": "5"})
    with pytest.raises(InputError, match="takes int"):
        parse_settings(SoftmaxRegression, {"epochs": "many"})


def test_every_setting_explains_itself() -> None:
    for name in ("logistic", "softmax", "ffnn"):
        for setting in settings_of(model_named(name)).values():
            assert 5 < len(setting.help) < 120
    with pytest.raises(InputError, match="did you mean 'logistic'"):
        model_named("logistics")
