"""Saving, loading, checkpoints and resumption of models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from lexgrad.errors import InputError
from lexgrad.models import BagOfNgrams, FeedForward, LogisticRegression, SoftmaxRegression, TextCNN, from_config, load
from lexgrad.models.classifiers import storing
from lexgrad.train import Interrupted, Progress, loop
from lexgrad.train.run import Run

RANDOM = np.random.default_rng(2)
WORDS = ["good", "bad", "film", "plot", "a", "the", "very", "dull", "fine"]
TEXTS = [" ".join(RANDOM.choice(WORDS, RANDOM.integers(1, 8))) for _ in range(30)]
LABELS = ["pos" if text.count("good") + text.count("fine") > text.count("bad") else "neg" for text in TEXTS]
DEV = (TEXTS[:9], LABELS[:9])
ROWS = RANDOM.normal(size=(30, 3))

MODELS: list[Any] = [
    LogisticRegression(epochs=3),
    LogisticRegression(epochs=3, features="counts", ngrams=(1, 2), standardize=True, class_weight={"pos": 2.0}),
    SoftmaxRegression(epochs=3, optimizer="adagrad", tokens="characters"),
    FeedForward(epochs=3, units=5, dimensions=4, dropout=0.3),
    FeedForward(epochs=3, units=5, dimensions=4, pool="concat", optimizer="momentum", bias="x0"),
    FeedForward(epochs=3, units=5, vectors=(["good", "bad"], np.eye(2)), fine_tune=False, optimizer="adadelta"),
    FeedForward(epochs=3, units=5, dimensions=4, lazy=True, clip_norm=0.5),
    LogisticRegression(epochs=3, optimizer="adadelta", learning_rate=1.0, lazy=True),
    TextCNN(epochs=3, kernels=(2, 3), filters=3, dimensions=4, word_features="length"),
    BagOfNgrams(epochs=3, dimensions=4, buckets=50),
]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_saved_model_predicts_the_same_bits(model: Any, tmp_path: Path) -> None:
    model.fit(TEXTS, LABELS)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert type(again) is type(model)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), model.predict_proba(TEXTS))
    assert again.classes_.tolist() == ["neg", "pos"]
    assert again.history_ == model.history_
    assert sorted(item.name for item in (tmp_path / "model").iterdir()) == [
        "config.json",
        *(["learned.json"] if model.name == "cnn" else []),
        "metrics.jsonl",
        "model.safetensors",
        "tokenizer.json",
    ]
    again.save(tmp_path / "again")
    assert (tmp_path / "again/model.safetensors").read_bytes() == (tmp_path / "model/model.safetensors").read_bytes()


@pytest.mark.parametrize("storage_of", [np.asarray, csr_array])
@pytest.mark.parametrize("labels", [np.arange(30) % 2, np.arange(30) % 2 == 0, np.arange(30) % 2 * 1.0])
def test_models_of_numbers_keep_their_kind_of_label(storage_of: Any, labels: Any, tmp_path: Path) -> None:
    model = LogisticRegression(epochs=2, standardize=True).fit(storage_of(ROWS), labels)
    model.save(tmp_path / "model")
    again = LogisticRegression.load(tmp_path / "model")
    assert again.classes_.dtype == model.classes_.dtype
    assert again.n_features_in_ == 3
    np.testing.assert_array_equal(again.predict(storage_of(ROWS)), model.predict(storage_of(ROWS)))


def test_saving_over_something(tmp_path: Path) -> None:
    model = LogisticRegression(epochs=1).fit(TEXTS, LABELS)
    model.save(tmp_path / "model")
    with pytest.raises(InputError, match="is not empty"):
        model.save(tmp_path / "model")
    other = LogisticRegression(epochs=2).fit(TEXTS, LABELS)
    other.save(tmp_path / "model", overwrite=True)
    assert load(tmp_path / "model").epochs == 2
    assert [item.name for item in tmp_path.iterdir()] == ["model"]
    (tmp_path / "model" / "thesis.doc").write_text("mine")
    with pytest.raises(InputError, match=r"other files \(thesis.doc\)"):
        model.save(tmp_path / "model", overwrite=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        model.save(tmp_path / "file")


def test_a_kill_while_saving_leaves_the_old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LogisticRegression(epochs=1).fit(TEXTS, LABELS).save(tmp_path / "model")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(storing, "write_finished", killed)
    with pytest.raises(KeyboardInterrupt):
        LogisticRegression(epochs=2).fit(TEXTS, LABELS).save(tmp_path / "model", overwrite=True)
    assert load(tmp_path / "model").epochs == 1
    assert [item.name for item in tmp_path.iterdir()] == ["model"]


def test_functions_are_not_saved(tmp_path: Path) -> None:
    model = LogisticRegression(features=len, epochs=1).fit(TEXTS, LABELS)
    with pytest.raises(InputError, match="functions are code"):
        model.save(tmp_path / "model")
    with pytest.raises(InputError, match="functions are code"):
        LogisticRegression(features=len).fit(TEXTS, LABELS, run=Run.create(tmp_path / "run"))


class StopAt(Progress):
    """Presses Ctrl-C after some steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def on_steps(self, *, losses: Any, examples: int, tokens: int, step: int, steps: int) -> None:
        self.left -= len(losses)
        if self.left <= 0:
            raise KeyboardInterrupt


def fresh(model: Any, **changes: Any) -> Any:
    return type(model)(**{**model.get_params(), "batch": 8, **changes})


@pytest.mark.parametrize("stops", [(1,), (4,), (6, 1, 3)])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_resumed_is_uninterrupted_to_the_last_bit(
    model: Any, stops: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fresh(model).fit(TEXTS, LABELS, dev=DEV, run=Run.create(tmp_path / "whole"))
    monkeypatch.setattr(loop, "LAUNCH_SECONDS", 0.0)  # a step at a time from here on
    run = Run.create(tmp_path / "run")
    for steps in stops:
        with pytest.raises(Interrupted):
            fresh(model).fit(TEXTS, LABELS, dev=DEV, run=run, progress=StopAt(steps))
        run = Run.resume(tmp_path / "run")
    resumed = fresh(model).fit(TEXTS, LABELS, dev=DEV, run=run)
    for name, array in whole.parameters_.items():
        np.testing.assert_array_equal(resumed.parameters_[name], array)
    rows = [[{k: v for k, v in row.items() if k != "seconds"} for row in one.history_] for one in (whole, resumed)]
    assert rows[0] == rows[1]
    assert run.read_metrics() == resumed.history_
    np.testing.assert_array_equal(load(run.path).predict_proba(TEXTS), whole.predict_proba(TEXTS))
    same = (tmp_path / "whole/model.safetensors").read_bytes() == (run.path / "model.safetensors").read_bytes()
    assert same


def test_a_setting_that_the_run_does_not_know_yet_is_its_default(tmp_path: Path) -> None:
    LogisticRegression(epochs=2).fit(TEXTS, LABELS, run=Run.create(tmp_path / "run"))
    path = tmp_path / "run/config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    del config["settings"]["averaging"]
    path.write_text(json.dumps(config), encoding="utf-8")
    LogisticRegression(epochs=2).fit(TEXTS, LABELS, run=Run.resume(tmp_path / "run"))
    with pytest.raises(InputError, match=r"started with averaging=None; cannot resume it with 0\.5"):
        LogisticRegression(epochs=2, averaging=0.5).fit(TEXTS, LABELS, run=Run.resume(tmp_path / "run"))


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    first = LogisticRegression(epochs=2).fit(TEXTS, LABELS, run=Run.create(tmp_path))
    again = LogisticRegression(epochs=2).fit(TEXTS, LABELS, run=Run.resume(tmp_path))
    np.testing.assert_array_equal(first.parameters_["w"], again.parameters_["w"])
    assert first.history_ == again.history_


def test_more_epochs_where_the_rates_do_not_depend_on_how_many(tmp_path: Path) -> None:
    LogisticRegression(epochs=2, schedule="constant").fit(TEXTS, LABELS, run=Run.create(tmp_path / "a"))
    longer = LogisticRegression(epochs=4, schedule="constant")
    longer.fit(TEXTS, LABELS, run=Run.resume(tmp_path / "a"))
    whole = LogisticRegression(epochs=4, schedule="constant").fit(TEXTS, LABELS)
    np.testing.assert_array_equal(longer.parameters_["w"], whole.parameters_["w"])
    LogisticRegression(epochs=2).fit(TEXTS, LABELS, run=Run.create(tmp_path / "b"))
    with pytest.raises(InputError, match="schedule depends"):
        LogisticRegression(epochs=4).fit(TEXTS, LABELS, run=Run.resume(tmp_path / "b"))


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        (LogisticRegression(epochs=2, batch=5), (TEXTS, LABELS), "started with batch=32; cannot resume it with 5"),
        (SoftmaxRegression(epochs=2), (TEXTS, LABELS), "holds a logistic model"),
        (LogisticRegression(epochs=2), (TEXTS[::-1], LABELS[::-1]), "started with other training data"),
        (LogisticRegression(epochs=2), (TEXTS, [label[0] for label in LABELS]), "started on other classes"),
    ],
)
def test_a_run_of_something_else_is_not_resumed(model: Any, data: Any, message: str, tmp_path: Path) -> None:
    LogisticRegression(epochs=2).fit(TEXTS, LABELS, run=Run.create(tmp_path))
    with pytest.raises(InputError, match=message):
        model.fit(*data, run=Run.resume(tmp_path))


def test_an_unfinished_run_is_no_model_yet(tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match="resume to go on"):
        LogisticRegression().fit(TEXTS, LABELS, run=Run.create(tmp_path), progress=StopAt(2))
    with pytest.raises(InputError, match="not finished; resume it"):
        load(tmp_path)
    settings = from_config(Run.open(tmp_path).config(), tmp_path).get_params()
    assert settings == LogisticRegression().get_params()


def damage(path: Path, name: str, change: Any) -> None:
    config = json.loads((path / "config.json").read_text())
    config[name] = change(config.get(name))
    (path / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("format", lambda old: old + 1, "upgrade lexgrad"),
        ("model", lambda old: "logistik", "damaged or of another lexgrad.*did you mean 'logistic'"),
        ("settings", lambda old: {**old, "warp": 9}, "does not know: warp"),
        ("settings", lambda old: None, "damaged"),
        ("classes", lambda old: {"dtype": "<U3"}, "damaged"),
        ("classes", lambda old: None, "damaged"),
        ("encoder", lambda old: {"kind": "dreams"}, "unknown kind of features 'dreams'"),
        ("encoder", lambda old: {"kind": "ngrams"}, "do not fit together"),
    ],
)
def test_damaged_configurations(name: str, change: Any, message: str, tmp_path: Path) -> None:
    LogisticRegression(epochs=1).fit(TEXTS, LABELS).save(tmp_path / "model")
    damage(tmp_path / "model", name, change)
    with pytest.raises(InputError, match=message):
        load(tmp_path / "model")


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
@pytest.mark.parametrize("content", [None, b"", b'{"half'])
def test_damaged_files_are_named(name: str, content: bytes | None, tmp_path: Path) -> None:
    LogisticRegression(epochs=1).fit(TEXTS, LABELS).save(tmp_path / "model")
    file = tmp_path / "model" / name
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(InputError, match=name):
        load(tmp_path / "model")


def test_files_of_different_models(tmp_path: Path) -> None:
    LogisticRegression(epochs=1).fit(TEXTS, LABELS).save(tmp_path / "a")
    LogisticRegression(epochs=1, max_features=3).fit(TEXTS, LABELS).save(tmp_path / "b")
    tensors = Run(tmp_path / "b").read_model()
    Run(tmp_path / "a").write_model({**Run(tmp_path / "a").read_model(), "w": tensors["w"]})
    with pytest.raises(InputError, match=r"parameter w has shape \(3,\), expected"):
        load(tmp_path / "a")
    with pytest.raises(InputError, match="holds a LogisticRegression, not a SoftmaxRegression"):
        SoftmaxRegression.load(tmp_path / "b")
