"""The order of an epoch: a permutation that depends on seed and epoch alone."""

from __future__ import annotations

from lexgrad.train.shuffle import permutation


def test_every_example_once() -> None:
    for n in (0, 1, 2, 97):
        assert sorted(permutation(n, 3, 5)) == list(range(n))


def test_seed_and_epoch_change_the_order() -> None:
    orders = {tuple(permutation(50, seed, epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9
    assert tuple(permutation(50, 1, 2)) in orders


def test_a_seed_may_be_any_number() -> None:
    assert sorted(permutation(9, 10**30, 1)) == list(range(9))
    assert (permutation(9, 10**30, 1) != permutation(9, 10**30 + 1, 1)).any()


def test_the_order_never_changes_between_versions() -> None:
    assert permutation(10, 1, 2).tolist() == [4, 2, 0, 6, 1, 5, 9, 8, 7, 3]
