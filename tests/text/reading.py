"""What the tests of the readers share: reading a file whole, and what is said when that fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from lexgrad.errors import InputError
from lexgrad.text.readers import open_table

Write = Callable[..., Path]

# What UTF-8 can hold, and a text may: no halves of surrogate pairs, no NUL.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
labels = texts.filter(bool)
in_this_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def message(path: Path | str, **options: str | None) -> str:
    """What a person is told who opens and reads the file: one line, with the file's name."""
    with pytest.raises(InputError) as caught:
        list(open_table(path, **options))  # type: ignore[arg-type]
    told = str(caught.value)
    assert "\n" not in told
    assert told.startswith(str(path))
    return told.removeprefix(f"{path}: ")


def pairs(path: Path, **options: str | None) -> list[tuple[str, str | None]]:
    """The texts and labels of a file."""
    return [(row.text, row.label) for row in open_table(path, **options)]  # type: ignore[arg-type]


def parquet(path: Path, **columns: pa.Array | list[object]) -> Path:
    """Write a Parquet file of these columns."""
    pq.write_table(pa.table(columns), path)
    return path
