"""Word-vector files in every form, and what is said of faulty ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexgrad.errors import InputError
from lexgrad.text.vectors import read_vectors


@pytest.mark.parametrize(
    ("name", "count", "width", "first"),
    [
        ("w2v-binary-2747x10.bin", 2747, 10, "the"),
        ("w2v-binary-2x2.bin", 2, 2, "kangaroo.n.01"),
        ("w2v-text-2x2.txt", 2, 2, "kangaroo.n.01"),
        ("w2v-text-20x300.txt", 20, 300, "one"),
        ("fasttext-text-1762x10.vec", 1762, 10, "the"),
        ("fasttext-text-291x5-cyrillic.vec", 291, 5, "и"),
        ("glove-text-noheader.txt", 76, 50, "the"),
        ("glove-text-noheader-5d.txt", 15, 5, "If"),
        ("glove.6B.100d.sample.txt.gz", 100, 100, "the"),
    ],
)
def test_real_files(shared_data: Path, name: str, count: int, width: int, first: str) -> None:
    vectors = read_vectors(shared_data / "vectors" / name)
    assert (len(vectors), vectors.width, vectors.words[0]) == (count, width, first)
    assert vectors.matrix.shape == (count, width)
    assert vectors.matrix.dtype == np.float32
    some = read_vectors(shared_data / "vectors" / name, words={first, "not there"})
    assert some.words == [first]
    assert np.array_equal(some[first], vectors[first])


def test_binary_and_text_agree(shared_data: Path) -> None:
    binary = read_vectors(shared_data / "vectors" / "w2v-binary-2x2.bin")
    text = read_vectors(shared_data / "vectors" / "w2v-text-2x2.txt")
    assert binary.words == text.words
    np.testing.assert_allclose(binary.matrix, text.matrix, atol=1e-5)


def test_heading_that_promises_too_much(shared_data: Path) -> None:
    with pytest.raises(InputError, match="promises 3 words, the file has 1"):
        read_vectors(shared_data / "vectors" / "fasttext-text-3x5.vec")


def test_words_that_are_not_utf8(shared_data: Path) -> None:
    path = shared_data / "vectors" / "w2v-text-2x3-nonascii.txt"
    with pytest.raises(InputError, match=r"line 2: the word .* is not valid UTF-8 at its byte 15"):
        read_vectors(path)
    replaced = read_vectors(path, unicode_errors="replace")
    assert replaced.words[0] == "ありがとう\ufffd"
    assert read_vectors(path, words=["x"]).matrix.shape == (0, 3)


def told(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_vectors(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty; expected word vectors"),
        (b"a 1 2\nb 1\n", "line 2: expected a word and 2 numbers, found 1 numbers"),
        (b"a 1 2\nb 1 2 3\n", "line 2: expected a word and 2 numbers, found 3 numbers"),
        (b"a 1 2\nb 1 x\n", "line 2: expected 2 numbers after 'b', found 'x'"),
        (b"a 1 2\nb 1 nan\n", "line 2: the vector of 'b' is not finite"),
        (b"a 1 2\nb\n", "line 2: expected a word and 2 numbers, found 0 numbers"),
        (b"just some text\nand more\n", "line 1: expected a word and its vector, or the heading"),
        (b"2 2\na 1 2\n", "the heading promises 2 words, the file has 1"),
        (b"1 2\na 1 2\nb 1 2\n", "the heading promises 1 words, the file has 2"),
        (b"1 3\na 1 2\n", "line 2: expected a word and 3 numbers, found 2 numbers"),
        (b"1 0\na\n", "line 1: the heading promises vectors of 0 numbers"),
        (b"2 1\na \0\0\x80\x3fb \0\0", "the heading promises 2 words, the file ends in word 2"),
        (b"2 1\na \0\0\x80\x3fb", "the heading promises 2 words, the file ends in word 2"),
        (b"1 1\na \0\0\x80\x3fb \0\0\x80\x3f", "the heading promises 1 words, the file goes on after them"),
        (b"1 1\na \0\0\x80\x7f", "word 1: the vector of 'a' is not finite"),
        (b"1 1\n\xff\xfe \0\0\x80\x3f", "word 1: the word '\\\\xff\\\\xfe' is not valid UTF-8"),
        (b"\xba\x16\x4f\x2f" + bytes(20), "is a fastText model"),
        (b"999999999999 300\n", "the heading promises 999999999999 words, the file has 0"),
    ],
)
def test_faults_are_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_bytes(content)
    assert expected in told(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    assert "there is no such file" in told(tmp_path / "nothing.vec")


def test_words_with_spaces_in_them(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_text(". . . 1 2\nat home 3 4\n\u00a0 5 6\n", encoding="utf-8")
    assert read_vectors(path).words == [". . .", "at home", "\u00a0"]
    assert read_vectors(path, words=["at home", "."]).words == ["at home"]


def test_first_of_equal_words_counts(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_text("a 1 2\na 3 4\n", encoding="utf-8")
    assert read_vectors(path).matrix.tolist() == [[1, 2]]


def test_marks_tabs_blank_lines_and_returns(tmp_path: Path) -> None:
    path = tmp_path / "w2v.txt"
    path.write_bytes(b"\xef\xbb\xbf2 2\r\na\t1\t2\r\n\r\nb 3 4 \r\n")
    vectors = read_vectors(path)
    assert vectors.words == ["a", "b"]
    assert vectors.matrix.tolist() == [[1, 2], [3, 4]]
    assert "a" in vectors
    assert "c" not in vectors
    assert repr(vectors) == "WordVectors(2 words of 2 numbers)"


def test_damaged_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "v.txt.gz"
    path.write_bytes(gzip.compress(b"a 1 2\n" * 1000)[:-9])
    assert "the gzip data is damaged or cut off" in told(path)


words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=5)
numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)


def test_a_binary_vector_may_look_like_the_end_of_a_line(tmp_path: Path) -> None:
    vector = np.array([0.01], "<f4").tobytes()  # begins with a line feed, and no byte of it is a control character
    (tmp_path / "vectors").write_bytes(b"1 1\n0 " + vector)
    assert read_vectors(tmp_path / "vectors").matrix[0, 0] == np.float32(0.01)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entries=st.integers(1, 4).flatmap(
        lambda width: st.dictionaries(words, st.lists(numbers, min_size=width, max_size=width), min_size=1)
    ),
    form=st.sampled_from(["binary", "binary with breaks", "text"]),
    zipped=st.booleans(),
)
def test_what_was_written_comes_back(tmp_path: Path, entries: dict[str, list[float]], form: str, zipped: bool) -> None:
    matrix = np.array(list(entries.values()), np.float32)
    lines = [f"{len(matrix)} {matrix.shape[1]}\n".encode()]
    for word, row in zip(entries, matrix, strict=True):
        if form == "text":
            lines.append(f"{word} {' '.join(map(str, row.tolist()))}\n".encode())
        else:
            lines.append(word.encode() + b" " + row.astype("<f4").tobytes() + (b"\n" if "breaks" in form else b""))
    content = b"".join(lines)
    path = tmp_path / "vectors"
    path.write_bytes(gzip.compress(content) if zipped else content)
    vectors = read_vectors(path)
    assert vectors.words == list(entries)
    assert np.array_equal(vectors.matrix, matrix)
