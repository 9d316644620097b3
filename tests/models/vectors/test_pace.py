"""What is chosen while training: the number of threads that was fastest lately; and batches that do not overshoot."""

from __future__ import annotations

import numpy as np

from lexgrad.models.vectors.pace import Pace
from lexgrad.models.vectors.sampling import usual_batch


def chosen(pace: Pace, seconds: dict[int, float], pieces: int) -> list[int]:
    taken = []
    for _ in range(pieces):
        taken.append(pace.threads())
        pace.took(taken[-1], seconds[taken[-1]])
    return taken


def test_every_number_is_tried_and_the_fastest_kept() -> None:
    pace = Pace(4)
    assert chosen(pace, {4: 3.0, 2: 1.0, 1: 2.0}, 10) == [4, 2, 1, 2, 2, 2, 2, 2, 2, 2]


def test_another_becomes_the_fastest() -> None:
    pace = Pace(2)
    chosen(pace, {2: 2.0, 1: 1.0}, 10)
    later = chosen(pace, {2: 0.5, 1: 1.0}, 2 * Pace.TRIED_AGAIN)
    assert later[-5:] == [2] * 5
    assert chosen(Pace(1), {1: 1.0}, 60) == [1] * 60


def test_batches_are_smaller_where_they_would_overshoot() -> None:
    many, few = np.full(2000, 5), np.full(10, 5)
    assert usual_batch(many, 0.05 * 5 * 5) == 256
    assert usual_batch(many, 0.01) == 256
    assert usual_batch(many, 0.05 * 10 * 10) == 64
    assert usual_batch(few, 1.0) == 5
    assert usual_batch(few, 1e30) == 1
