"""Temperature and threshold: what is best on the dev set, by brute force; kept, used, and refused where impossible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from lexgrad.errors import InputError
from lexgrad.models import LogisticRegression, SoftmaxRegression, load
from lexgrad.models.classifiers.decision import Decision, best_temperature, best_threshold, probabilities
from lexgrad.train.metrics import calibration_error

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(120, 3))
Y = (X[:, 0] + RANDOM.normal(size=120) > 0.9).astype(int)
DEV = (X[60:], Y[60:])


@pytest.fixture(autouse=True)
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXGRAD_ENGINE", "interpreter")


def fitted(**settings: Any) -> LogisticRegression:
    settings = {"epochs": 3, "learning_rate": 0.5, "batch": 8} | settings
    return LogisticRegression(**settings).fit(X[:60], Y[:60], dev=DEV)


@pytest.mark.parametrize("accuracy", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_is_better(seed: int, accuracy: bool) -> None:
    random = np.random.default_rng(seed)
    chances = np.round(random.random(40), 1 + seed % 2)  # with ties
    labels = (random.random(40) < 0.3).astype(np.int64)

    def score(threshold: float) -> float:
        answers = (chances >= threshold).astype(int)
        return float(accuracy_score(labels, answers) if accuracy else f1_score(labels, answers, average="macro"))

    found = best_threshold(chances, labels, accuracy=accuracy)
    every = [*(np.arange(0.005, 1, 0.01)), found]
    assert score(found) == pytest.approx(max(map(score, every)))


def test_of_equal_thresholds_the_one_nearest_to_a_half() -> None:
    assert best_threshold(np.array([0.1, 0.9]), np.array([0, 1]), accuracy=False) == 0.5
    assert best_threshold(np.array([0.1, 0.3, 0.4]), np.array([0, 1, 1]), accuracy=False) == pytest.approx(0.2)


def test_the_temperature_that_made_the_labels_is_found() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(20000, 3)) * 3
    draws = probabilities(logits / 2.5).cumsum(axis=1) > random.random((20000, 1))
    labels = draws.argmax(axis=1)
    found = best_temperature(logits, labels)
    assert found == pytest.approx(2.5, rel=0.03)
    assert calibration_error(labels, Decision(found).probabilities(logits)) < 0.01
    assert calibration_error(labels, probabilities(logits)) > 0.1


def test_calibration_error_by_hand() -> None:
    # Two answers of confidence 0.9, one right: gap 0.4; one of 0.6, right: gap 0.4; weighted by 2/3 and 1/3.
    chances = np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4]])
    assert calibration_error(np.array([0, 0, 0]), chances) == pytest.approx(0.4)
    assert calibration_error(np.array([0]), np.array([[1.0, 0.0]])) == 0.0


def test_what_was_found_is_used_and_kept(tmp_path: Path) -> None:
    model = fitted(calibrate=True, threshold="dev", monitor="macro_f1")
    plain, decision, held = fitted(monitor="macro_f1"), model.decision_, X[60:]
    assert decision.temperature != 1.0
    assert decision.threshold is not None
    assert model.report_["threshold"] == decision.threshold
    np.testing.assert_allclose(
        model.decision_function(held) * decision.temperature, plain.decision_function(held), rtol=1e-6
    )
    assert model.evaluate(*DEV)["loss"] < plain.evaluate(*DEV)["loss"]
    assert model.evaluate(*DEV)["macro_f1"] >= plain.evaluate(*DEV)["macro_f1"]
    assert np.array_equal(model.predict(held), (model.predict_proba(held)[:, 1] >= decision.threshold).astype(int))
    assert model.evaluate(*DEV)["macro_f1"] == pytest.approx(f1_score(Y[60:], model.predict(held), average="macro"))
    model.save(tmp_path / "run")
    again = load(tmp_path / "run")
    assert isinstance(again, LogisticRegression)
    assert again.decision_ == decision
    assert np.array_equal(again.predict_proba(held), model.predict_proba(held))
    plain.save(tmp_path / "plain")
    assert "decision" not in (tmp_path / "plain" / "config.json").read_text()


def test_a_given_threshold_needs_no_dev_set() -> None:
    model = LogisticRegression(epochs=2, threshold=0.9).fit(X, Y)
    assert model.predict(X).mean() < (model.predict_proba(X)[:, 1] > 0.5).mean()
    assert model.decision_ == Decision(1.0, 0.9)


@pytest.mark.parametrize(
    ("settings", "classes", "message"),
    [
        ({"calibrate": True}, 2, "calibrate=True is found on a dev set"),
        ({"threshold": "dev"}, 2, "threshold='dev' is found on a dev set"),
        ({"threshold": 0.5}, 3, "threshold is for two classes; SoftmaxRegression got 3"),
        ({"threshold": 1.5}, 2, "'threshold' of SoftmaxRegression is between 0 and 1; got 1.5"),
        ({"threshold": "test"}, 2, "is one of dev, or a number; got 'test'"),
        ({"class_weight": "blanced"}, 2, r"is one of balanced, or a dict such as .*did you mean 'balanced'"),
    ],
)
def test_mistakes(settings: dict[str, Any], classes: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SoftmaxRegression(epochs=1, **settings).fit(X, np.arange(120) % classes)
