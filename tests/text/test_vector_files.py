"""Vectors written for other tools: by our own reader, and byte for byte where the form leaves no choice."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from lexgrad.errors import InputError
from lexgrad.text import vector_files
from lexgrad.text.vector_files import FORMS, write_vectors
from lexgrad.text.vectors import read_vectors

WORDS = ["the", "naïve", '"', ",", "日本", "1"]


@pytest.fixture
def matrix() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    matrix = np.random.default_rng(0).standard_normal((len(WORDS), 3), dtype=np.float32)
    matrix[0] = [1e-30, -3e20, 0.1]
    return matrix


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_what_is_written_is_read_again(
    form: str, suffix: str, matrix: np.ndarray[tuple[int, int], np.dtype[np.float32]], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(vector_files, "ROWS_AT_ONCE", 4)
    place = tmp_path / f"v{suffix}"
    assert write_vectors(place, WORDS, matrix, form) == []
    read = read_vectors(place)
    assert read.words == WORDS
    assert np.array_equal(read.matrix, matrix)


def test_the_forms_byte_for_byte(tmp_path: Path) -> None:
    two = np.array([[1, -0.5], [0.1, 2]], np.float32)
    expected = {
        "word2vec": b"2 2\na " + two[0].tobytes() + b"\nb " + two[1].tobytes() + b"\n",
        "word2vec-text": b"2 2\na 1 -0.5\nb 0.1 2\n",
        "glove": b"a 1 -0.5\nb 0.1 2\n",
    }
    for form, data in expected.items():
        write_vectors(tmp_path / "v.gz", ["a", "b"], two, form)
        assert gzip.decompress((tmp_path / "v.gz").read_bytes()) == data


def test_words_with_white_space_are_left_out(tmp_path: Path) -> None:
    words = ["a", "b c", "", "d", " ", "e\n"]
    matrix = np.arange(12, dtype=np.float32).reshape(6, 2)
    assert write_vectors(tmp_path / "v", words, matrix, "glove") == ["b c", "", " ", "e\n"]
    assert (tmp_path / "v").read_text() == "a 0 1\nd 6 7\n"
    with pytest.raises(InputError, match="no words to write"):
        write_vectors(tmp_path / "w", [" "], matrix[:1])
    with pytest.raises(InputError, match=r"no form 'glov' .did you mean 'glove'"):
        write_vectors(tmp_path / "w", ["a"], matrix[:1], "glov")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "v"
    place.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vector_files, "_write", full)
    with pytest.raises(OSError, match="No space"):
        write_vectors(place, ["a"], np.ones((1, 2), np.float32))
    assert place.read_text() == "old"
    assert list(tmp_path.iterdir()) == [place]
