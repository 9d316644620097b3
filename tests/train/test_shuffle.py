"""The order of an epoch: a permutation that depends on seed and epoch alone."""

from __future__ import annotations

import numpy as np
import pytest

from lexgrad.train.shuffle import batches, permutation, steps_in_epoch


def test_every_example_once() -> None:
    for n in (0, 1, 2, 97):
        assert sorted(permutation(n, 3, 5)) == list(range(n))


def test_seed_and_epoch_change_the_order() -> None:
    orders = {tuple(permutation(50, seed, epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9
    assert tuple(permutation(50, 1, 2)) in orders


def test_the_order_never_changes_between_versions() -> None:
    assert permutation(10, 1, 2).tolist() == [4, 2, 0, 6, 1, 5, 9, 8, 7, 3]


@pytest.mark.parametrize(("n", "size", "sizes"), [(7, 3, [3, 3, 1]), (6, 3, [3, 3]), (2, 5, [2]), (3, 1, [1, 1, 1])])
def test_batches_cover_the_epoch(n: int, size: int, sizes: list[int]) -> None:
    parts = list(batches(n, size, 0, 0))
    assert [len(part) for part in parts] == sizes
    assert steps_in_epoch(n, size) == len(sizes)
    np.testing.assert_array_equal(np.concatenate(parts), permutation(n, 0, 0))


def test_batches_from_the_middle() -> None:
    whole, rest = list(batches(10, 3, 1, 4)), list(batches(10, 3, 1, 4, start=2))
    assert [part.tolist() for part in whole[2:]] == [part.tolist() for part in rest]
