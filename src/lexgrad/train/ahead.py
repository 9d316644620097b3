"""What the next launch reads, made ready while machine code is at work on this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.train.batches import Batches, Examples

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor


@dataclass(frozen=True)
class Place:
    """Where a launch begins.

    Attributes:
        epoch: counted from 0.
        step: the first step, counted from 0 within the epoch.
        update: its number over the whole training.
    """

    epoch: int
    step: int
    update: int


@dataclass(frozen=True)
class Ready:
    """What a launch reads: its batches, and the schedule's rate of each (steps,)."""

    batches: Batches
    rates: NDArray[Any]


class Ahead:
    """Batches in their order, of which those that come next are made in a thread.

    What a step reads depends on its place alone, so that it is all the same when, and by whom, it was made.

    Args:
        examples: what to learn from.
        rate: the schedule.
    """

    def __init__(self, examples: Examples, rate: Callable[[int], float]) -> None:
        self.examples, self.rate = examples, rate
        self._pool: ThreadPoolExecutor | None = None
        self._begun: tuple[Place, Future[Ready]] | None = None

    def take(self, place: Place, steps: int) -> Ready:
        """What a launch of up to ``steps`` steps reads; where it has been made already, of as many as then asked for.

        Raises:
            Exception: whatever the examples raise.
        """
        begun, self._begun = self._begun, None
        if begun is not None:
            made = begun[1].result()  # also where it is of no use: examples are asked by one thread at a time
            if begun[0] == place:
                return made
        return self._make(place, steps)

    def begin(self, place: Place, steps: int) -> None:
        """Begin to make what the next launch reads; it is taken before anything else is begun."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(1, thread_name_prefix="lexgrad-ahead")
        self._begun = place, self._pool.submit(self._make, place, steps)

    def close(self) -> None:
        """Wait for what was begun, and forget it."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _make(self, place: Place, steps: int) -> Ready:
        batches = self.examples.batches(place.epoch, place.step, min(place.step + steps, self.examples.steps))
        return Ready(batches, np.array([self.rate(place.update + number) for number in range(len(batches))]))
