"""Initial weights: right spread, keyed by seed and name."""

from __future__ import annotations

import numpy as np
import pytest

from lexgrad.errors import InputError
from lexgrad.nn.initialisers import NAMES, generator, initialiser, uniform


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("xavier", 2 / 500),
        ("xavier_normal", 2 / 500),
        ("he", 2 / 300),
        ("he_normal", 2 / 300),
        ("normal", 0.05**2),
        ("uniform", 0.05**2 / 3),
        ("zeros", 0.0),
    ],
)
def test_variance(name: str, variance: float) -> None:
    weights = initialiser(name, 0.05)((300, 200), generator(0, "W1"))
    assert weights.shape == (300, 200)
    assert weights.var() == pytest.approx(variance, rel=0.03)
    assert abs(weights.mean()) < 0.01


def test_streams_depend_on_seed_and_name_alone() -> None:
    first = uniform(1.0)((4, 3), generator(1, "W1"))
    np.testing.assert_array_equal(first, uniform(1.0)((4, 3), generator(1, "W1")))
    assert not np.array_equal(first, uniform(1.0)((4, 3), generator(2, "W1")))
    assert not np.array_equal(first, uniform(1.0)((4, 3), generator(1, "W2")))


def test_a_vector_counts_as_one_output() -> None:
    assert np.abs(initialiser("xavier")((5,), generator(0, "w"))).max() <= 1.0  # sqrt(6 / (5 + 1))


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="did you mean 'xavier'"):
        initialiser("xaver")
    assert len(NAMES) == 8
