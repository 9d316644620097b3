"""Types of values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lexgrad.errors import ShapeError
from lexgrad.graph import Dim, Type


def test_a_type_says_what_it_is() -> None:
    type = Type("float", (Dim("batch"), 100))
    assert str(type) == "float[batch, 100]"
    assert type.rank == 2
    assert type.size == 100 * Dim("batch")
    assert type.with_shape(()) == Type("float")
    assert type.with_dtype("int").dtype == "int"


def test_anything_that_counts_as_an_integer_is_a_size() -> None:
    shape: Any = [np.int32(3), 2]
    type = Type("int", shape)
    assert type == Type("int", (3, 2))
    assert hash(type) == hash(Type("int", (3, 2)))
    assert [size.__class__ for size in type.shape] == [int, int]


@pytest.mark.parametrize("size", [-1, 1.5, True, "3", None])
def test_impossible_sizes(size: Any) -> None:
    with pytest.raises(ShapeError, match="a size is a non-negative integer or a Dim"):
        Type("float", (size,))


def test_unknown_dtypes() -> None:
    dtype: Any = "float32"
    with pytest.raises(ShapeError, match="a dtype is one of float, int, bool; got 'float32'"):
        Type(dtype)
