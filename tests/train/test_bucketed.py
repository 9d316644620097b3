"""Batches of examples of about one length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lexgrad.train.batches import Batches, cut_rows
from lexgrad.train.bucketed import Bucketed

Int64 = NDArray[np.int64]
LENGTHS = np.random.default_rng(0).integers(1, 40, 107)


class Numbers:
    """Examples that are their own numbers."""

    def __len__(self) -> int:
        return len(LENGTHS)

    def pick(self, indices: Int64, cuts: Int64) -> Batches:
        return Batches({"number": cut_rows(indices, cuts)}, np.diff(cuts), LENGTHS[indices])


def steps(examples: Bucketed, epoch: int, first: int, stop: int) -> list[list[int]]:
    batches = examples.batches(epoch, first, stop)
    return [batches.step(number)["number"].tolist() for number in range(len(batches))]


def test_every_example_comes_once_and_steps_do_not_depend_on_how_many_are_asked_for() -> None:
    examples = Bucketed(Numbers(), LENGTHS, 10, seed=3)
    assert (len(examples), examples.steps) == (107, 11)
    whole = steps(examples, 1, 0, 11)
    assert sorted(number for batch in whole for number in batch) == list(range(107))
    assert sorted(map(len, whole)) == [7, *[10] * 10]
    other = Bucketed(Numbers(), LENGTHS, 10, seed=3)
    assert steps(other, 0, 5, 6) != whole[5:6]
    assert steps(other, 1, 7, 11) + steps(other, 1, 0, 7) == whole[7:] + whole[:7]
    assert steps(Bucketed(Numbers(), LENGTHS, 10, seed=4), 1, 0, 11) != whole


def test_batches_are_of_about_one_length_and_in_random_order() -> None:
    batches = steps(Bucketed(Numbers(), LENGTHS, 10, seed=0), 0, 0, 11)
    assert all(np.ptp(LENGTHS[batch]) <= 8 for batch in batches)
    means = [LENGTHS[batch].mean() for batch in batches]
    assert means != sorted(means)
