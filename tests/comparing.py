"""Comparing the results of graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def assert_same_values(
    found: Mapping[str, NDArray[Any]], expected: Mapping[str, NDArray[Any]], tolerance: float = 0.0
) -> None:
    """Every output has the same name, shape, kind and value; floats within ``tolerance``, relative and absolute."""
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].dtype.kind == value.dtype.kind, name
        assert found[name].shape == value.shape, name
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, equal_nan=True, err_msg=name)
