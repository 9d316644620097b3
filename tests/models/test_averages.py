"""Deep averaging networks and bags of hashed n-grams: steps by hand, words left out, hashes, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from lexgrad.errors import InputError
from lexgrad.models import BagOfNgrams, DeepAveraging, LSTMClassifier, load
from lexgrad.models.features.hashed import HashedEncoder, character_ngrams, fnv1a
from lexgrad.text.tokenizer import Tokenizer
from lexgrad.train import Interrupted, Progress, loop
from lexgrad.train.run import Run

Array = NDArray[Any]
TEXTS = ["good", "", "not good at all", "bad", "not bad", "really very good", "really bad", "a good one"]
LABELS = ["+", "-", "-", "-", "+", "+", "-", "+"]
SMALL: dict[str, Any] = {"dimensions": 6, "batch": 4, "epochs": 3}


def test_a_step_of_an_average_by_hand() -> None:
    start = {"E": [[0, 0], [1.0, 2.0], [3.0, -2.0]], "W1": [[0.5, 0.0], [0.0, -0.5]], "b1": [0.0, 0.0]}

    class Given(DeepAveraging):
        def initial(self, name: str, shape: tuple[int, ...], encoder: Any) -> Array:
            return np.array(start[name], np.float64)

    settings: dict[str, Any] = {"optimizer": "sgd", "learning_rate": 1.0, "word_dropout": 0.0, "precision": "fp64"}
    model = Given(layers=1, dimensions=2, epochs=1, batch=1, **settings).fit(["a a b", "a"], ["x", "y"])
    p = {name: np.array(value, np.float64) for name, value in start.items()}
    order = [0, 1] if model.history_[0]["examples"] == 2 else []
    for texts in (order, order[::-1]):
        q = {name: value.copy() for name, value in p.items()}
        for i in texts:
            ids = [[1, 1, 2], [1]][i]
            x = q["E"][ids].mean(0)
            z = x @ q["W1"] + q["b1"]
            d_z = np.exp(z) / np.exp(z).sum() - np.eye(2)[i]
            d_x = d_z @ q["W1"].T
            q["W1"] -= np.outer(x, d_z)
            q["b1"] -= d_z
            for word in ids:
                q["E"][word] -= d_x / len(ids)
        if all(np.allclose(model.parameters_[name], q[name], rtol=1e-12) for name in q):
            return
    pytest.fail("neither order of the two texts gives the weights")


def test_words_left_out_are_not_in_the_mean() -> None:
    """With every word the same vector, the mean of what is left is that vector, unless nothing is left."""
    texts, labels = ["a a a a a a a a"] * 40, [0, 1] * 20

    class Given(DeepAveraging):
        def initial(self, name: str, shape: tuple[int, ...], encoder: Any) -> Array:
            return np.ones(shape) if name == "E" else np.zeros(shape)

    settings: dict[str, Any] = {"optimizer": "sgd", "learning_rate": 1.0, "fine_tune": False, "precision": "fp64"}
    fits = [
        Given(layers=1, dimensions=2, epochs=1, batch=40, word_dropout=rate, **settings).fit(texts, labels)
        for rate in (0.0, 0.5)
    ]
    for name in ("W1", "b1"):
        np.testing.assert_allclose(fits[0].parameters_[name], fits[1].parameters_[name], atol=0.02, err_msg=name)
    dropped = DeepAveraging(word_dropout=0.9, **SMALL).fit(TEXTS, LABELS)
    assert not np.array_equal(dropped.parameters_["E"], DeepAveraging(**SMALL).fit(TEXTS, LABELS).parameters_["E"])
    np.testing.assert_array_equal(dropped.predict_proba(TEXTS), dropped.predict_proba(TEXTS))


def loss_with_shifts(p: dict[str, Array], ids: list[int], label: int, scope: int) -> float:
    """The cross-entropy of one text, in loops."""
    x = np.zeros(p["E"].shape[1])
    for i, word in enumerate(ids):
        factor = 1.0 + 5.0 * sum(p["s"][ids[i - j]] for j in range(1, scope + 1) if i >= j)
        x += factor * p["E"][word] / len(ids)
    z = x @ p["W1"] + p["b1"]
    return float(np.log(np.exp(z).sum()) - z[label])


def test_a_step_with_words_that_shift_those_after_them_by_hand() -> None:
    random = np.random.default_rng(3)
    start = {"E": random.normal(size=(4, 2)), "s": random.normal(size=4) / 9, "W1": random.normal(size=(2, 2))}
    start["b1"] = np.array([0.3, -0.2])

    class Given(DeepAveraging):
        def initial(self, name: str, shape: tuple[int, ...], encoder: Any) -> Array:
            assert start[name].shape == shape
            return start[name].astype(np.float64)

    settings: dict[str, Any] = {"optimizer": "sgd", "learning_rate": 1.0, "word_dropout": 0.0, "precision": "fp64"}
    texts = ["a b c a b", "c"]
    model = Given(scope=2, layers=1, dimensions=2, epochs=1, batch=2, **settings).fit(texts, ["x", "y"])
    packed = model.encoder_.tokenizer.encode(texts)

    def loss() -> float:
        return sum(loss_with_shifts(start, list(packed[i]), i, 2) for i in range(2)) / 2

    for name, array in start.items():
        slope = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            kept, ends = array[place], []
            for step in (1e-5, -1e-5):
                array[place] = kept + step
                ends.append(loss())
            array[place] = kept
            slope[place] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(array - slope, model.parameters_[name], atol=1e-9, err_msg=name)
    assert not np.array_equal(model.parameters_["s"], start["s"])


def test_a_mean_knows_of_order_by_its_scope_alone() -> None:
    texts, labels = ["not good , funny", "not funny , good", "not dull , bad", "not bad , dull"], ["g", "f", "d", "b"]
    settings: dict[str, Any] = {"word_dropout": 0.0, "epochs": 150, "batch": 4, "learning_rate": 0.02, "dimensions": 8}
    assert DeepAveraging(scope=1, **settings).fit(texts, labels).score(texts, labels) == 1.0
    plain = DeepAveraging(**settings).fit(texts, labels)
    assert plain.score(texts, labels) <= 0.5
    assert "s" not in plain.parameters_


def test_hashes_are_fnv_1a() -> None:
    words = ["", "a", "foobar", "b", "é"]
    expected = []
    for word in words:
        h = 2166136261
        for byte in word.encode():
            h = (h ^ byte) * 16777619 % 2**32
        expected.append(h)
    assert fnv1a(words).tolist() == expected
    assert expected[1:3] == [0xE40C292C, 0xBF9CF968]  # as its authors have them


def test_rows_of_words_and_ngrams() -> None:
    tokenizer = Tokenizer.train(["a b c"])
    encoder = HashedEncoder(tokenizer, 4, 1000, 3, None)
    a, b, c = (int(h) for h in fnv1a(["a", "b", "c"]))
    packed = encoder.rows(["a b c", "", "c"])
    assert packed.lengths.tolist() == [6, 0, 1]
    ids = {word: tokenizer.vocabulary.index(word) for word in "abc"}
    grams = [a * 116049371 + b, b * 116049371 + c, (a * 116049371 + b) * 116049371 + c]
    assert packed[0].tolist() == [ids["a"], ids["b"], ids["c"], *(4 + gram % 2**64 % 1000 for gram in grams)]
    assert packed[2].tolist() == [ids["c"]]


def test_ngrams_of_characters_also_for_words_that_training_did_not_know() -> None:
    assert character_ngrams("ab", 1, 3) == ["a", "b", "<a", "ab", "b>", "<ab", "ab>"]
    encoder = HashedEncoder(Tokenizer.train(["ab"]), 4, 1000, 1, (2, 2))
    rows = [2 + int(h) % 1000 for h in fnv1a(["<a", "ab", "b>"])]
    assert encoder.rows(["ab"])[0].tolist() == [1, *rows]
    assert encoder.rows(["ax"])[0].tolist() == [0, *(2 + int(h) % 1000 for h in fnv1a(["<a", "ax", "x>"]))]
    assert encoder.rows(["ax", "ab"])[1].tolist() == [1, *rows]


@pytest.mark.parametrize(
    "model", [DeepAveraging(scope=2, **SMALL), BagOfNgrams(buckets=60, characters=(2, 3), **SMALL)]
)
def test_overfits_eight_texts_with_the_same_weights_on_one_thread_and_two(model: Any, tmp_path: Path) -> None:
    rate = 0.02 if model.name == "dan" else 8.0
    one = clone(model).set_params(threads=1, epochs=80, learning_rate=rate).fit(TEXTS, LABELS)
    assert one.score(TEXTS, LABELS) == 1.0
    two = clone(model).set_params(threads=2, epochs=80, learning_rate=rate).fit(TEXTS, LABELS)
    for name, array in one.parameters_.items():
        np.testing.assert_array_equal(array, two.parameters_[name], err_msg=name)
    one.save(tmp_path / "model")
    texts = [*TEXTS, "something unheard of"]
    np.testing.assert_array_equal(load(tmp_path / "model").predict_proba(texts), one.predict_proba(texts))


class StopAt(Progress):
    """Presses Ctrl-C after a step."""

    def on_steps(self, *, losses: Any, examples: int, tokens: int, step: int, steps: int) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("kind", [DeepAveraging, BagOfNgrams, LSTMClassifier])
def test_resumed_is_uninterrupted_to_the_last_bit(kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SMALL | ({"buckets": 50} if kind is BagOfNgrams else {"units": 3})
    whole = kind(**settings).fit(TEXTS, LABELS)
    monkeypatch.setattr(loop, "LAUNCH_SECONDS", 0.0)  # a step at a time from here on
    with pytest.raises(Interrupted):
        kind(**settings).fit(TEXTS, LABELS, run=Run.create(tmp_path / "run"), progress=StopAt())
    resumed = kind(**settings).fit(TEXTS, LABELS, run=Run.resume(tmp_path / "run"))
    for name, array in whole.parameters_.items():
        np.testing.assert_array_equal(resumed.parameters_[name], array)


@pytest.mark.parametrize("kind", [DeepAveraging, BagOfNgrams, LSTMClassifier])
def test_cloned_and_searched_as_scikit_learn_does(kind: Any) -> None:
    """Its own checks are for rows of numbers only."""
    settings = SMALL | ({"buckets": 50} if kind is BagOfNgrams else {"units": 3})
    assert clone(kind(**settings)).get_params() == kind(**settings).get_params()
    search = GridSearchCV(kind(**settings), {"learning_rate": [0.0, 0.01]}, cv=2).fit(TEXTS * 2, LABELS * 2)
    assert set(search.predict(["good", "bad"])) <= {"+", "-"}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (DeepAveraging(word_dropout=1.0), "'word_dropout' of DeepAveraging is below 1"),
        (DeepAveraging(scope=-1), "'scope' of DeepAveraging"),
        (DeepAveraging(dropout=1.5), "'dropout' of DeepAveraging is below 1"),
        (BagOfNgrams(characters=(5, 3)), "two that rise"),
        (BagOfNgrams(buckets=0), "at least 1"),
    ],
)
def test_settings_that_do_not_go_together(model: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        model.fit(TEXTS, LABELS)


@pytest.mark.parametrize("kind", [DeepAveraging, BagOfNgrams, LSTMClassifier])
def test_numbers_are_refused(kind: Any) -> None:
    with pytest.raises(InputError, match="reads texts; got numbers"):
        kind().fit(np.ones((4, 2)), [0, 1, 0, 1])
