"""Files of arrays that the safetensors library reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from lexgrad.errors import LexgradError
from lexgrad.train.tensor_file import write_tensor_file


def test_what_is_written_is_read(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    tensors: dict[str, Any] = {
        "E": random.normal(size=(7, 3)).astype(np.float32),
        "turned": random.normal(size=(4, 5)).T,
        "ids": np.arange(5),
        "flags": np.array([True, False, True]),
        "letters": np.frombuffer("naïve".encode(), np.uint8),
        "nothing": np.zeros((0, 3)),
        "one": np.array(2.5),
        "far": np.arange(3, dtype=">i4"),
    }
    write_tensor_file(tmp_path / "t.safetensors", tensors, {"a": "ä"})
    with safe_open(str(tmp_path / "t.safetensors"), framework="numpy") as file:
        assert set(file.keys()) == set(tensors)
        assert file.metadata() == {"a": "ä"}
        for name, array in tensors.items():
            np.testing.assert_array_equal(file.get_tensor(name), array)
            assert file.get_tensor(name).shape == array.shape
    with pytest.raises(LexgradError, match="complex128"):
        write_tensor_file(tmp_path / "c", {"c": np.zeros(2, complex)}, {})
