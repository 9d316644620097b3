"""Arrays on disk: those that are mapped are those that are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.train.position import map_tensors, read_tensors, write_tensors


def test_mapped_tensors_are_the_read_ones(tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    whole: dict[str, NDArray[Any]] = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.array([1, 2], np.int64),
        "none": np.zeros((0, 3), np.float32),
        "letters": np.frombuffer(b"abc", np.uint8),
        "one": np.array(2.5),
    }
    write_tensors(file, whole, {"note": "x"})
    mapped, read = map_tensors(file), read_tensors(file)[0]
    assert mapped.keys() == read.keys()
    for name, array in whole.items():
        assert mapped[name].dtype == array.dtype
        assert np.array_equal(mapped[name], array)
        assert mapped[name].shape == array.shape
    mapped["a"][0, 0] = 9
    assert read_tensors(file)[0]["a"][0, 0] == 0
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(InputError, match="is damaged"):
        map_tensors(file)
    with pytest.raises(InputError, match="is missing"):
        map_tensors(tmp_path / "gone")
