"""Writes safetensors files array by array: the library's own writer holds a copy of all of them in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import LexgradError

KINDS = {
    "<f8": "F64",
    "<f4": "F32",
    "<f2": "F16",
    "<i8": "I64",
    "<i4": "I32",
    "<i2": "I16",
    "|i1": "I8",
    "<u8": "U64",
    "<u4": "U32",
    "<u2": "U16",
    "|u1": "U8",
    "|b1": "BOOL",
}
"""The format's names of numbers, by NumPy's."""


def write_tensor_file(path: Path, tensors: Mapping[str, NDArray[Any]], notes: Mapping[str, str]) -> None:
    """Write arrays by name: the length of a heading in JSON, the heading, then the arrays, the widest numbers first.

    Raises:
        LexgradError: an array of a kind that the format does not have.
        OSError: the disk is full.
    """
    arrays = {name: np.ascontiguousarray(array, array.dtype.newbyteorder("<")) for name, array in tensors.items()}
    arrays = {name: array.reshape(np.shape(tensors[name])) for name, array in arrays.items()}
    order = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    heading: dict[str, Any] = {"__metadata__": dict(notes)} if notes else {}
    end = 0
    for name in order:
        array = arrays[name]
        if array.dtype.str not in KINDS:
            raise LexgradError(f"safetensors files hold no {array.dtype} ({name})")
        begin, end = end, end + array.nbytes
        kind = {"dtype": KINDS[array.dtype.str], "shape": list(array.shape), "data_offsets": [begin, end]}
        heading[name] = kind
    text = json.dumps(heading, ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            file.write(arrays[name].data if arrays[name].size else b"")
