"""Parquet: which columns are read, and what is said of files that can not be."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from lexgrad.text.readers import open_table
from tests.text.reading import Write, message, pairs, parquet


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["x", "y"], ["x", "y"]),
        (pa.array(["x", "y"], pa.large_string()), ["x", "y"]),
        (pa.array(["x", "y"]).dictionary_encode(), ["x", "y"]),
        (pa.array([3, 4], pa.int8()), ["3", "4"]),
        (pa.array([3, 4]).dictionary_encode(), ["3", "4"]),
        ([True, False], ["true", "false"]),
        ([1.0, 2.5], ["1", "2.5"]),
    ],
)
def test_parquet_labels_become_text(tmp_path: Path, column: pa.Array, expected: list[str]) -> None:
    path = parquet(tmp_path / "a.parquet", text=["a", "b"], label=column)
    assert [row.label for row in open_table(path)] == expected
    assert pairs(path, label=None) == [("a", None), ("b", None)]


def test_parquet_text_may_be_a_dictionary(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", text=pa.array(["a", "b", "a"]).dictionary_encode(), label=[1, 2, 3])
    assert [row.text for row in open_table(path)] == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"text": ["a", None], "label": [1, 2]}, "row 2 has no text (it is null)"),
        ({"text": ["a", "b"], "label": [1, None]}, "row 2 has no label"),
        ({"text": ["a", "b"], "label": [1.0, float("nan")]}, "row 2 has no label"),
        ({"text": ["a", "b\0"], "label": [1, 2]}, "row 2 has a NUL character"),
        ({"text": [1, 2], "label": [1, 2]}, "expected column 'text' to hold text, found int64"),
        ({"text": ["a"], "label": [[1]]}, "expected column 'label' to hold text or numbers, found list"),
        ({"body": ["a"], "label": [1]}, "there is no column 'text'"),
        ({"text": pa.array([], pa.string()), "label": pa.array([], pa.string())}, "has columns but no rows"),
    ],
)
def test_parquet_faults_are_named(tmp_path: Path, columns: dict[str, list[object]], told: str) -> None:
    assert told in message(parquet(tmp_path / "a.parquet", **columns))


def test_damaged_parquet_is_named(tmp_path: Path, write: Write) -> None:
    assert "is not a readable Parquet file" in message(write("a.parquet", b"PAR1" + bytes(100)))
    rows = [f"some text that is not short {i}" for i in range(1000)]
    whole = parquet(tmp_path / "b.parquet", text=rows, label=rows).read_bytes()
    broken = write("c.parquet", whole[:100] + b"\xff" * 2000 + whole[2100:])
    assert "damaged Parquet after row 0" in message(broken)
