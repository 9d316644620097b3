"""The mean of the weights: against the sum by hand, wherever launches end, and after an interruption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexgrad.train import Interrupted, loop
from lexgrad.train.averaging import Averaging
from lexgrad.train.loop import train
from lexgrad.train.run import Run
from tests.train.test_loop import PLAN, LogisticSteps, StopAt, examples, start

AVERAGED = replace(PLAN, epochs=4, averaging=0.5)


def test_the_mean_is_the_weighted_sum_of_the_readings() -> None:
    """Five steps an epoch are five readings, so that half an epoch is a window of 2.5."""
    steps, w, mean = LogisticSteps(), np.zeros(2), np.zeros(2)
    state: Any = {"count": np.array(0)}
    for n in range(1, 21):
        batch = examples(1).batches((n - 1) // 5, (n - 1) % 5, (n - 1) % 5 + 1)
        after, state, _ = steps.launch({"w": w}, state, batch.inputs, np.array([0.5]), n - 1)
        w = after["w"]
        mean = w if n == 1 else mean + max(4 / (n + 3), 1 / 2.5) * (w - mean)
    end = train(LogisticSteps(), examples(1), start(), AVERAGED)
    assert end.averaged is not None
    np.testing.assert_allclose(end.averaged["w"], mean, rtol=1e-14)
    np.testing.assert_array_equal(end.kept["w"], end.averaged["w"])
    np.testing.assert_array_equal(end.parameters["w"], w)


def test_a_long_epoch_is_read_twenty_times() -> None:
    averaging = Averaging(1.0, 1000)
    assert (averaging.interval, averaging.window) == (50, 20)
    assert [averaging.room(updates, 64) for updates in (0, 49, 50, 80)] == [50, 1, 50, 20]


def test_it_is_the_mean_that_is_measured_and_kept() -> None:
    seen = []

    def measure(parameters: Any) -> dict[str, float]:
        seen.append(parameters["w"].copy())
        return {"loss": float(len(seen) != 2)}

    end = train(LogisticSteps(), examples(1), start(), AVERAGED, measure=measure)
    until_two = train(LogisticSteps(), examples(1), start(), replace(AVERAGED, epochs=2))
    assert until_two.averaged is not None
    np.testing.assert_array_equal(seen[1], until_two.averaged["w"])
    np.testing.assert_array_equal(end.kept["w"], seen[1])


def test_launches_of_any_length_give_the_same_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    means = []
    for seconds in (0.0, 1e9):
        monkeypatch.setattr(loop, "LAUNCH_SECONDS", seconds)
        means.append(train(LogisticSteps(), examples(1), start(), AVERAGED).kept["w"])
    np.testing.assert_array_equal(means[0], means[1])


@pytest.mark.parametrize("steps", [1, 5, 7, 19])
def test_interrupted_and_resumed_is_the_same(tmp_path: Path, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "LAUNCH_SECONDS", 0.0)
    whole = train(LogisticSteps(), examples(1), start(), AVERAGED)
    run = Run.create(tmp_path)
    with pytest.raises(Interrupted):
        train(LogisticSteps(), examples(1), start(), AVERAGED, run=run, progress=StopAt(steps))
    here = run.load()
    assert here is not None
    rest = train(LogisticSteps(), examples(1), here, AVERAGED, run=run)
    np.testing.assert_array_equal(rest.kept["w"], whole.kept["w"])
