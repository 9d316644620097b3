"""The loop against the lectures' pseudocodes, early stopping, and interruption."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lexgrad.errors import NonFiniteError
from lexgrad.train import Interrupted, Progress, loop
from lexgrad.train.batches import Batches, Shuffled, cut_rows, part_of
from lexgrad.train.loop import Plan, train
from lexgrad.train.position import Position
from lexgrad.train.run import Run
from lexgrad.train.shuffle import permutation

Array = NDArray[Any]
X = np.array([[1.0, 2.0], [0.0, 1.0], [3.0, -1.0], [2.0, 2.0], [-1.0, 0.5]])
Y = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
PLAN = Plan(epochs=3, rate=lambda update: 0.5)


class Five:
    """Five examples with two numbers each."""

    def __len__(self) -> int:
        return len(X)

    def pick(self, indices: Array, cuts: Array) -> Batches:
        inputs = {"x": cut_rows(X[indices], cuts), "y": cut_rows(Y[indices], cuts)}
        return Batches(inputs, np.diff(cuts), 2 * np.diff(cuts))


def examples(batch: int = 2) -> Shuffled:
    return Shuffled(Five(), batch, 4)


class LogisticSteps:
    """Logistic regression by hand, in the steps' own order; remembers how many a launch had."""

    def __init__(self) -> None:
        self.launches: list[int] = []

    def launch(self, parameters: Any, state: Any, inputs: Any, rates: Array, update: int) -> tuple[Any, Any, Array]:
        assert update == state["count"]
        self.launches.append(len(rates))
        w, losses = parameters["w"], []
        for number, rate in enumerate(rates):
            batch = part_of(inputs, number)
            estimate = 1 / (1 + np.exp(-batch["x"] @ w))
            losses.append(-np.mean(np.log(np.where(batch["y"] == 1, estimate, 1 - estimate))))
            w = w - rate * ((estimate - batch["y"]) @ batch["x"] / len(batch["y"]))
        return {"w": w}, {"count": state["count"] + len(rates)}, np.array(losses)


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "LAUNCH_SECONDS", 0.0)


def start() -> Position:
    return Position(parameters={"w": np.zeros(2)}, state={"count": np.array(0)})


@pytest.mark.parametrize("m", [1, 2, 5])
def test_the_pseudocode(m: int) -> None:
    """Random order; each mini-batch's mean gradient; θ ← θ − η g; a last short batch is a mean over its own size."""
    theta = np.zeros(2)
    for epoch in range(3):
        order = permutation(5, 4, epoch)
        for begin in range(0, 5, m):
            g = np.zeros(2)
            chosen = order[begin : begin + m]
            for i in chosen:
                g = g + (1 / (1 + np.exp(-X[i] @ theta)) - Y[i]) * X[i]
            theta = theta - 0.5 * g / len(chosen)
    end = train(LogisticSteps(), examples(m), start(), PLAN)
    np.testing.assert_allclose(end.parameters["w"], theta, rtol=1e-12)
    assert end.epoch == 3
    assert end.updates == 3 * -(-5 // m)


@pytest.mark.usefixtures("one_at_a_time")
def test_the_loss_of_an_epoch_is_the_mean_over_its_examples() -> None:
    seen: list[tuple[float, int]] = []

    class Watch(Progress):
        def on_steps(self, *, losses: Array, examples: int, tokens: int, step: int, steps: int) -> None:
            seen.append((float(losses[0]), examples))

    end = train(LogisticSteps(), examples(), start(), replace(PLAN, epochs=1), progress=Watch())
    assert [count for _, count in seen] == [2, 2, 1]
    row = end.rows[0]
    assert row["loss"] == pytest.approx(sum(loss * count for loss, count in seen) / 5)
    assert (row["epoch"], row["step"], row["examples"], row["tokens"]) == (1, 3, 5, 10)


def scripted(values: list[float]) -> Callable[[Mapping[str, Array]], Mapping[str, Any]]:
    remaining = iter(values)
    return lambda parameters: {"loss": next(remaining), "accuracy": 0.5, "macro_f1": 0.5}


def test_early_stopping_keeps_the_best() -> None:
    plan = replace(PLAN, epochs=10, patience=2)
    end = train(LogisticSteps(), examples(), start(), plan, measure=scripted([3.0, 1.0, 2.0, 1.0, 0.5]))
    best = train(LogisticSteps(), examples(), start(), replace(PLAN, epochs=2))
    assert end.stopped_early
    assert end.epoch == 4
    assert [row["best"] for row in end.rows] == [True, True, False, False]
    assert end.best is not None
    np.testing.assert_array_equal(end.best["w"], best.parameters["w"])


def test_accuracy_is_better_when_larger() -> None:
    values = iter([0.5, 0.6, 0.6, 0.7])
    plan = replace(PLAN, epochs=4, monitor="accuracy")
    measure = lambda parameters: {"loss": 1.0, "accuracy": next(values), "macro_f1": 0.0}  # noqa: E731
    end = train(LogisticSteps(), examples(), start(), plan, measure=measure)
    assert [row["best"] for row in end.rows] == [True, True, False, True]


def untimed(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


class StopAt(Progress):
    """Presses Ctrl-C after some steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def on_steps(self, *, losses: Array, examples: int, tokens: int, step: int, steps: int) -> None:
        self.left -= len(losses)
        if self.left <= 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("steps", range(1, 10))
@pytest.mark.usefixtures("one_at_a_time")
def test_interrupted_anywhere_and_resumed_is_the_same(tmp_path: Path, steps: int) -> None:
    values = [3.0, 1.0, 2.0]
    whole = train(LogisticSteps(), examples(), start(), PLAN, measure=scripted(values))
    run = Run.create(tmp_path)
    with pytest.raises(Interrupted) as stop:
        train(LogisticSteps(), examples(), start(), PLAN, measure=scripted(values), run=run, progress=StopAt(steps))
    assert stop.value.checkpoint == run.path / "checkpoint.safetensors"
    here = run.load()
    assert here is not None
    assert here.updates == steps
    rest = train(LogisticSteps(), examples(), here, PLAN, measure=scripted(values[here.epoch :]), run=run)
    np.testing.assert_array_equal(rest.parameters["w"], whole.parameters["w"])
    np.testing.assert_array_equal(rest.state["count"], whole.state["count"])
    assert untimed(rest.rows) == untimed(whole.rows)
    assert untimed(run.read_metrics()) == untimed(whole.rows)


@pytest.mark.usefixtures("one_at_a_time")
def test_interrupted_without_a_run_says_that_nothing_was_saved() -> None:
    with pytest.raises(Interrupted, match="nothing was saved") as stop:
        train(LogisticSteps(), examples(), start(), PLAN, progress=StopAt(4))
    assert (stop.value.checkpoint, stop.value.epoch, stop.value.step) == (None, 2, 1)


@pytest.mark.usefixtures("one_at_a_time")
def test_a_long_epoch_saves_on_the_way(tmp_path: Path) -> None:
    run = Run.create(tmp_path)
    seen = []

    class Watch(Progress):
        def on_steps(self, *, losses: Array, examples: int, tokens: int, step: int, steps: int) -> None:
            here = run.load()
            seen.append(-1 if here is None else here.updates)

    train(
        LogisticSteps(),
        examples(),
        start(),
        replace(PLAN, epochs=1, checkpoint_seconds=-1.0),
        run=run,
        progress=Watch(),
    )
    assert seen == [-1, 1, 2]


@pytest.mark.parametrize(("seconds", "saved"), [(-1.0, [1, 2, 3]), (1e9, [3])])
def test_short_epochs_are_saved_now_and_then_and_the_last_one_always(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, saved: list[int]
) -> None:
    run = Run.create(tmp_path)
    epochs: list[int] = []
    save = run.save

    def counted(here: Position) -> Path:
        epochs.append(here.epoch)
        return save(here)

    monkeypatch.setattr(run, "save", counted)
    end = train(LogisticSteps(), examples(), start(), replace(PLAN, epoch_seconds=seconds), run=run)
    assert epochs == saved
    assert run.read_metrics() == [dict(row) for row in end.rows]


def test_a_loss_that_is_no_number_stops_with_a_hint() -> None:
    class Diverging:
        def launch(self, parameters: Any, state: Any, inputs: Any, rates: Array, update: int) -> tuple[Any, Any, Array]:
            losses = np.where(np.arange(update, update + len(rates)) < 4, 1.0, np.nan)
            return parameters, state, losses

    with pytest.raises(NonFiniteError, match=r"nan in epoch 2, step 2: the learning rate \(0.5\)"):
        train(Diverging(), examples(), start(), PLAN)


@pytest.mark.parametrize("dev", [False, True])
def test_weights_that_the_last_step_spoils_are_not_kept(tmp_path: Path, dev: bool) -> None:
    class Overflowing:
        def launch(self, parameters: Any, state: Any, inputs: Any, rates: Array, update: int) -> tuple[Any, Any, Array]:
            after = np.full(2, -np.inf if update + len(rates) == 9 else 1.0)
            return {"w": after}, state, np.ones(len(rates))

    run = Run.create(tmp_path)
    measure = (lambda weights: {"loss": 1.0}) if dev else None
    with pytest.raises(NonFiniteError, match=r"weights w .*in epoch 3, step 3: the learning rate \(0.5\)"):
        train(Overflowing(), examples(), start(), PLAN, measure=measure, run=run)
    assert len(run.read_metrics()) < 3


def test_a_dev_loss_that_is_no_number_stops_with_a_hint() -> None:
    with pytest.raises(NonFiniteError, match=r"dev set is no number in epoch 1, step 3: the learning rate \(0.5\)"):
        train(LogisticSteps(), examples(), start(), PLAN, measure=lambda weights: {"loss": float("nan")})


def test_launches_of_any_length_end_in_the_same_place(monkeypatch: pytest.MonkeyPatch) -> None:
    ends, lengths = [], []
    for seconds in (0.0, 1e9):
        monkeypatch.setattr(loop, "LAUNCH_SECONDS", seconds)
        steps = LogisticSteps()
        ends.append(train(steps, examples(1), start(), replace(PLAN, epochs=4)))
        lengths.append(steps.launches)
    assert lengths == [[1] * 20, [1, 4, 5, 5, 5]]  # growing, and never across epochs
    one, many = ends
    np.testing.assert_array_equal(one.parameters["w"], many.parameters["w"])
    assert untimed(one.rows) == untimed(many.rows)


def test_examples_may_give_fewer_steps_than_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pairs:
        """Examples that never give more than two steps."""

        steps = 5

        def __len__(self) -> int:
            return 5

        def batches(self, epoch: int, first: int, stop: int) -> Batches:
            return examples(1).batches(epoch, first, min(stop, first + 2))

    monkeypatch.setattr(loop, "LAUNCH_SECONDS", 1e9)
    steps = LogisticSteps()
    end = train(steps, Pairs(), start(), PLAN)
    assert steps.launches == [1, 2, 2, 2, 2, 1, 2, 2, 1]
    np.testing.assert_array_equal(
        end.parameters["w"], train(LogisticSteps(), examples(1), start(), PLAN).parameters["w"]
    )
