"""Watching a training: what is measured, that nothing changes by it, that resuming keeps it, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.graph import Type, input_node
from lexgrad.train import Interrupted, Progress
from lexgrad.train.health import silent_share, summary
from lexgrad.train.run import Run
from lexgrad.train.step import Objective, step_input
from lexgrad.train.watching import Watch, active_units

GENERATOR = np.random.default_rng(3)
X = GENERATOR.normal(size=(60, 4))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


def net(**settings: Any) -> lg.FeedForward:
    given = {"layers": 3, "units": 6, "activation": "relu", "epochs": 4, "batch": 10, "seed": 2, "precision": "fp64"}
    return lg.FeedForward(**{**given, **settings})


def test_a_record_holds_the_norms_of_gradient_weights_and_update() -> None:
    w, b = input_node("w", Type("float", (2, 3))), input_node("b", Type("float", (3,)))
    x = input_node("x", Type("float", (2, 2)))
    hidden = lg.relu(x @ w + b)
    objective = Objective(lg.sum(hidden), lg.sum(lg.square(w)), {"x": x}, {"w": w, "b": b}, ("w", "b"), step_input())
    watch = Watch(objective, 5, "fp64")
    assert [watch.due(update) for update in (0, 1, 5)] == [True, False, True]
    assert [watch.room(update, 3) for update in (0, 1, 3, 5)] == [1, 3, 2, 1]
    batch = {"x": np.array([[1.0, 2.0], [0.0, 1.0]])}
    before = {"w": np.array([[1.0, -1.0, 0.5], [1.0, -1.0, -1.0]]), "b": np.zeros(3)}
    reading = watch.before({**before, **batch}, 0)
    after = {"w": before["w"] * 0.9, "b": np.array([3.0, 0.0, 4.0])}
    record = watch.record(reading, after, 1, 0, 0.1)
    # x w is [[3, -3, -1.5], [1, -1, -1]]: only the first unit is active, for both rows.
    by_loss = np.array([[1.0, 0, 0], [3.0, 0, 0]])
    assert record["gradients"]["w"] == pytest.approx(np.linalg.norm(by_loss + 2 * before["w"]))
    assert record["gradients"]["b"] == pytest.approx(2.0)
    assert record["weights"]["w"] == pytest.approx(np.linalg.norm(before["w"]))
    assert record["updates"] == pytest.approx({"w": 0.1 * np.linalg.norm(before["w"]), "b": 5.0})
    assert active_units(record["relu"]["1"]).tolist() == [True, False, False]
    assert silent_share(record, "1") == pytest.approx(2 / 3)


def test_watching_changes_no_weight_and_records_at_the_steps_that_were_asked_for() -> None:
    plain, watched = net().fit(X, Y), net(watch=5).fit(X, Y)
    for name, array in plain.parameters_.items():
        np.testing.assert_array_equal(array, watched.parameters_[name])
    assert plain.health_ == []
    assert [record["update"] for record in watched.health_] == [0, 5, 10, 15, 20]
    assert [record["epoch"] for record in watched.health_] == [1, 1, 2, 3, 4]
    assert len(net(watch=0).fit(X, Y).health_) == 24  # every step of so short a training


def test_the_gradients_are_those_of_the_step() -> None:
    watched = net(watch=1, optimizer="sgd", epochs=1, l2=0.01, learning_rate=0.1).fit(X, Y)
    for record in watched.health_:  # the update of plain SGD is the rate times the gradient
        for name, gradient in record["gradients"].items():
            assert record["updates"][name] == pytest.approx(0.1 * gradient, rel=1e-9)


class StopAt(Progress):
    """Presses Ctrl-C after some steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def on_steps(self, *, losses: Any, **_: Any) -> None:
        self.left -= len(losses)
        if self.left <= 0:
            raise KeyboardInterrupt


def test_a_resumed_training_has_the_records_of_one_that_nobody_stopped(tmp_path: Path) -> None:
    whole = net(watch=2).fit(X, Y, run=Run.create(tmp_path / "whole"))
    with pytest.raises(Interrupted):
        net(watch=2).fit(X, Y, run=Run.create(tmp_path / "parts"), progress=StopAt(9))
    parts = net(watch=2).fit(X, Y, run=Run.resume(tmp_path / "parts"))
    assert parts.health_ == whole.health_
    assert Run.open(tmp_path / "parts").read_health() == Run.open(tmp_path / "whole").read_health() == whole.health_


def test_a_deep_network_of_sigmoids_is_seen_to_vanish() -> None:
    found = summary(net(layers=9, activation="sigmoid", watch=0, epochs=3, l2=0.0).fit(X, Y).health_)
    assert "W1" in found["flags"]["vanishes"]
    assert "W9" not in found["flags"]["vanishes"]
    healthy = summary(net(layers=2, activation="tanh", watch=0).fit(X, Y).health_)
    assert healthy["flags"] == {}


def test_dead_units_are_counted() -> None:
    # At a rate of 0 all stays as it began, and all batches of an epoch together are all examples.
    model = net(layers=2, units=60, learning_rate=0.0, l2=0.0, watch=1).fit(np.abs(X), Y)
    dead = int(np.sum((np.abs(X) @ model.parameters_["W1"]).max(axis=0) <= 0))
    found = summary(model.health_)
    assert found["relu"]["1"]["units"] == 60
    assert found["relu"]["1"]["dead"] == dead > 0
    assert found["flags"]["dead"] == ["ReLU 1"]
    assert found["relu"]["1"]["silent"] >= dead / 60


def made_up(**changes: Any) -> list[dict[str, Any]]:
    """Two epochs of one record, in which all is well but for the changes to the second."""
    base = {
        "axes": {"W1": 2, "b1": 1},
        "gradients": {"W1": 1.0, "b1": 1.0},
        "weights": {"W1": 10.0, "b1": 0.0},
        "updates": {"W1": 0.01, "b1": 0.01},
        "relu": {},
    }
    return [{"epoch": 1, "update": 0, **base}, {"epoch": 2, "update": 1, **base, **changes}]


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, {}),
        ({"gradients": {"W1": 1e-4, "b1": 1.0}}, {"vanishes": ["W1"]}),
        ({"gradients": {"W1": 101.0, "b1": 1.0}}, {"explodes": ["W1"]}),
        ({"gradients": {"W1": None, "b1": 1.0}}, {"explodes": ["W1"]}),
        ({"updates": {"W1": 2.0, "b1": 5.0}}, {"large updates": ["W1"]}),
        ({"updates": {"W1": 1e-6, "b1": 0.0}}, {"small updates": ["W1"]}),
    ],
)
def test_the_rules(changes: dict[str, Any], flags: dict[str, list[str]]) -> None:
    assert summary(made_up(**changes))["flags"] == flags
