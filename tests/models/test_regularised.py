"""What keeps classifiers from learning texts by heart: words left out, labels smoothed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.evaluate import Interpreter
from lexgrad.graph import Graph, Node, Type, input_node
from lexgrad.models import GRUClassifier, LogisticRegression, TextCNN
from lexgrad.nn.layers import undropped

TEXTS = ["good", "", "not good at all", "bad", "not bad", "really very good", "really bad", "a good one"]
LABELS = ["+", "-", "-", "-", "+", "+", "-", "+"]
SMALL: dict[str, Any] = {"dimensions": 4, "batch": 4, "epochs": 2}
MODELS = [TextCNN(kernels=2, filters=3, **SMALL), GRUClassifier(units=3, **SMALL)]


def test_as_many_words_as_asked_are_left_out_each_for_itself() -> None:
    ids, step = input_node("ids", Type("int", (2000,))), input_node("step", Type("int"))

    def drop(x: Node, rate: float | None = None) -> Node:
        assert rate is not None
        return ops.dropout(x, rate, 7, step)

    model = TextCNN(word_dropout=0.3)
    run = Interpreter(Graph({"ids": ids, "step": step}, {"read": model.read(ids, drop)}))
    words = np.arange(2000)
    first, second = (run(ids=words, step=np.array(i))["read"] for i in (0, 1))
    for read in (first, second):
        assert set(read - words) == {0} | set((-1 - words)[read == -1])
        assert np.mean(read == -1) == pytest.approx(0.3, abs=0.04)
    assert np.mean((first == -1) & (second == -1)) == pytest.approx(0.09, abs=0.03)
    assert TextCNN().read(ids, undropped) is ids


@pytest.mark.parametrize("model", MODELS, ids=["cnn", "gru"])
def test_words_are_left_out_while_training_alone(model: Any) -> None:
    plain = type(model)(**model.get_params() | {"dropout": 0.0}).fit(TEXTS, LABELS)
    dropped = type(model)(**model.get_params() | {"dropout": 0.0, "word_dropout": 0.5}).fit(TEXTS, LABELS)
    assert not np.array_equal(plain.parameters_["E"], dropped.parameters_["E"])
    np.testing.assert_array_equal(dropped.predict_proba(TEXTS), dropped.predict_proba(TEXTS))


def test_smoothed_labels_keep_a_model_from_being_certain() -> None:
    settings: dict[str, Any] = {"l2": 0.0, "epochs": 300, "batch": 2, "learning_rate": 0.1}
    certain = LogisticRegression(**settings).fit(["good", "bad"], ["+", "-"])
    smoothed = LogisticRegression(label_smoothing=0.2, **settings).fit(["good", "bad"], ["+", "-"])
    assert certain.predict_proba(["good"]).max() > 0.97
    assert smoothed.predict_proba(["good"]).max() == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(
    "model", [TextCNN(word_dropout=1.0), GRUClassifier(word_dropout=1.0), LogisticRegression(label_smoothing=1.0)]
)
def test_shares_are_below_1(model: Any) -> None:
    with pytest.raises(InputError, match=r"'(word_dropout|label_smoothing)' of \w+ is below 1; got 1.0"):
        model.fit(TEXTS, LABELS)
