"""Rows in bytes: no cosine is larger than they say, on any processor."""

from __future__ import annotations

import numpy as np
import pytest

from lexgrad.compile.machine import limited
from lexgrad.compile.quantised import QuantisedRows


@pytest.mark.parametrize("limit", ["", "avx2", "portable"])
@pytest.mark.parametrize("width", [1, 5, 16, 50])
def test_bounds_are_above_every_cosine_and_near_it(limit: str, width: int) -> None:
    random = np.random.default_rng(width)
    matrix = random.standard_normal((300, width), dtype=np.float32) * np.float32(10.0) ** random.integers(
        -20, 20, (300, 1)
    )
    matrix = matrix.astype(np.float32)
    matrix[3] = 0
    queries = random.standard_normal((3, width), dtype=np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    held = QuantisedRows(matrix, limited(limit))
    assert np.abs(held.codes).max() == 127
    exact = matrix.astype(np.float64)
    norms = np.linalg.norm(exact, axis=1)
    cosines = queries.astype(np.float64) @ (exact / np.where(norms > 0, norms, 1)[:, None]).T
    over = held.bounds(queries) - cosines
    assert over.min() >= 0
    assert over.max() <= 2 * held.radii.max() + 2 * held.slack
    assert held.radii.max() < 0.5 * np.sqrt(width) / 127 + 1e-6


def test_what_can_not_be_held_in_bytes_may_have_any_cosine() -> None:
    matrix = np.full((4, 20), 1e-36, np.float32)
    matrix[1] = 0
    matrix[2, 0] = np.inf
    matrix[3] = np.nan
    bounds = QuantisedRows(matrix).bounds(np.eye(1, 20, dtype=np.float32))[0]
    assert bounds[0] > 1
    assert bounds[1] < 0.01
    assert bounds[2] > 1
