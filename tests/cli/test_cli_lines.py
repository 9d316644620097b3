"""Texts from standard input: answered as they come, any encoding, every line kept."""

from __future__ import annotations

import io

import pytest

from lexgrad.cli.predict import BATCH, lines_as_they_come
from lexgrad.errors import InputError


class Pipe(io.RawIOBase):
    """A pipe that hands over one block at a time, as a slow writer would."""

    def __init__(self, *blocks: bytes) -> None:
        self._blocks = list(blocks)

    def read1(self, size: int) -> bytes:
        return self._blocks.pop(0) if self._blocks else b""


def lines(*blocks: bytes, **columns: str) -> list[list[str]]:
    return [list(batch) for batch in lines_as_they_come(Pipe(*blocks), columns)]  # type: ignore[arg-type]


def test_a_batch_is_what_has_arrived() -> None:
    assert lines(b"one\ntwo\nthr", b"ee\n", b"four") == [["one", "two"], ["three"], ["four"]]


def test_line_ends_and_empty_lines() -> None:
    assert lines(b"a\r\n\nb\xe2\x80\xa8c\x85"[:-1] + b"\n") == [["a", "", "b\u2028c"]]
    assert lines() == []


def test_a_character_cut_in_two() -> None:
    assert lines(b"caf\xc3", b"\xa9\n") == [["café"]]


def test_a_mark_at_the_beginning_is_no_text() -> None:
    assert lines(b"\xef\xbb\xbfone\n") == [["one"]]


def test_told_encoding() -> None:
    assert lines(b"caf\xe9\n", encoding="cp1252") == [["café"]]


def test_large_input_comes_in_batches() -> None:
    got = lines(b"x\n" * (2 * BATCH + 1))
    assert [len(batch) for batch in got] == [BATCH, BATCH, 1]


def test_lines_before_a_fault_are_answered() -> None:
    batches = lines_as_they_come(Pipe(b"one\ntwo\nca\xe9!\n"), {})  # type: ignore[arg-type]
    assert list(next(iter(batches))) == ["one", "two"]


@pytest.mark.parametrize("blocks", [(b"one\ntwo\nca\xe9!\n",), (b"one\n", b"two\nca", b"\xe9!\n")])
def test_wrong_encoding_names_line_and_byte(blocks: tuple[bytes, ...]) -> None:
    with pytest.raises(InputError, match=r"standard input line 3: byte 0xe9 is not utf-8; .*--encoding"):
        lines(*blocks)


def test_unknown_encoding() -> None:
    for name in ("klingon", "rot13", "idna", "punycode", "unicode_escape"):
        with pytest.raises(InputError, match=f"there is no text encoding '{name}'"):
            lines(b"x", encoding=name)
    with pytest.raises(InputError, match="no byte-order mark: name utf-16-le or utf-16-be"):
        lines(b"text", encoding="utf-16")


def test_columns_need_a_table() -> None:
    with pytest.raises(InputError, match="--file -"):
        lines(b"x", format="csv")
    with pytest.raises(InputError, match="--file -"):
        lines(b"x", encoding="detect")
