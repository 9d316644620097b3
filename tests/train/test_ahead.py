"""Batches of the next launch are made in a thread, each once, and what goes wrong there is told."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from lexgrad.train import loop
from lexgrad.train.ahead import Ahead, Place
from lexgrad.train.batches import Batches
from lexgrad.train.loop import Plan, train
from lexgrad.train.position import Position


class Counted:
    """Seven steps, each of one example, which is its number; a step may fail."""

    steps = 7

    def __init__(self, failing: int = -1) -> None:
        self.failing = failing
        self.asked: list[tuple[int, int, int]] = []
        self.threads: set[str] = set()

    def __len__(self) -> int:
        return self.steps

    def batches(self, epoch: int, first: int, stop: int) -> Batches:
        self.asked.append((epoch, first, stop))
        self.threads.add(threading.current_thread().name)
        if first <= self.failing < stop:
            raise OSError("the disk is gone")
        numbers = np.arange(first, stop)
        return Batches({"number": numbers}, np.ones(len(numbers), np.int64), np.ones(len(numbers), np.int64))


class Noting:
    """Steps that note what they were given."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.rates: list[float] = []

    def launch(self, parameters, state, inputs, rates, update):  # type: ignore[no-untyped-def]
        assert update == len(self.read)
        self.read += inputs["number"].tolist()
        self.rates += rates.tolist()
        return parameters, state, np.zeros(len(rates))


@pytest.fixture(autouse=True)
def _launches_of_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "LAUNCH_SECONDS", 0.0)


def test_every_step_is_made_once_and_in_its_order() -> None:
    examples, step = Counted(), Noting()
    train(step, examples, Position({}, {}), Plan(epochs=3, rate=lambda update: update + 0.5))
    assert step.read == 3 * list(range(7))
    assert step.rates == [update + 0.5 for update in range(21)]
    made = [(epoch, number) for epoch, first, stop in examples.asked for number in range(first, stop)]
    assert made == [(epoch, number) for epoch in range(3) for number in range(7)]
    assert len(examples.threads) == 2  # the first launch is made by whoever waits for it
    assert not any(thread.name.startswith("lexgrad-ahead") for thread in threading.enumerate())


def test_what_fails_there_is_told_where_it_is_taken() -> None:
    step = Noting()
    with pytest.raises(OSError, match="disk"):
        train(step, Counted(failing=4), Position({}, {}), Plan(epochs=1, rate=lambda update: 1.0))
    assert step.read == [0, 1, 2, 3]
    assert not any(thread.name.startswith("lexgrad-ahead") for thread in threading.enumerate())


def test_what_was_begun_for_another_place_is_not_used() -> None:
    ahead = Ahead(Counted(), lambda update: 1.0)
    ahead.begin(Place(0, 3, 3), 2)
    ready = ahead.take(Place(1, 0, 7), 3)
    assert ready.batches.inputs["number"].tolist() == [0, 1, 2]  # type: ignore[union-attr]
    ahead.begin(Place(1, 3, 10), 9)
    ready = ahead.take(Place(1, 3, 10), 1)
    assert ready.batches.inputs["number"].tolist() == [3, 4, 5, 6]  # type: ignore[union-attr]
    ahead.close()
