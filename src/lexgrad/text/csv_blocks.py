"""CSV a block of whole rows at a time: Arrow reads what is quoted by the book, Python's ``csv`` everything else.

Where quotes are by the book, their number before a byte, even or odd, says whether it lies inside quotes. So the end of
a row is found without reading fields, and Arrow, which forgives what RFC 4180 does not allow, has nothing to forgive.
What is not by the book goes a few rows at a time through ``csv``, which knows what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from _csv import Reader

BLOCK = 1 << 19  # bytes that are looked at together
LARGEST = 1 << 26  # the same where a row is longer; one beyond that is read by csv, which says so if it is too long
ROWS = 64  # that csv reads before blocks are tried again
_QUOTE, _COMMA, _LINE, _RETURN = b'",\n\r'
_MARK = b"\xef\xbb\xbf"


class Columns(NamedTuple):
    """Some rows, as the columns that were asked for: a list of fields for each."""

    values: tuple[list[str], ...]
    rows: int


class CsvBlocks:
    """The rows of a file in UTF-8, heading included, in order.

    Args:
        stream: its bytes from the first.
        reader: makes a reader of ``csv`` of lines.
    """

    def __init__(self, stream: BinaryIO, reader: Callable[[Iterable[str]], Reader]) -> None:
        self._stream, self._reader = stream, reader
        self._data, self._at, self._ended = b"", 0, False  # what has been read, and how much of it has been given
        self._fill(BLOCK)
        if self._data.startswith(_MARK):
            self._at = len(_MARK)

    def columns(self, wanted: Sequence[int], width: int) -> Columns | None:
        """Return the columns of the next rows; None where those are for ``records``, or there are none.

        Args:
            wanted: which columns, counted from 0.
            width: how many there are.
        """
        size, end, rows = BLOCK // 2, 0, 0
        while not end and self._fill(size) and size <= LARGEST:
            found = _whole_rows(self._data[self._at :], self._ended)
            if found is None:
                return None
            end, rows = found
            size *= 2
            if self._ended:
                break
        if not end:
            return None
        block = self._data[self._at : self._at + end]
        values = _parsed(block, wanted, width)
        if values is None or len(values[0]) != rows:  # a blank line is no row to Arrow
            return None
        self._at += end
        return Columns(values, rows)

    def records(self, count: int = ROWS) -> list[list[str]]:
        """Return the next records, at most ``count``, none behind the last; a blank line is an empty one.

        Raises:
            csv.Error: quotes or returns stand where they may not.
            UnicodeDecodeError: it is not UTF-8.
        """
        return list(islice(self._reader(self._lines()), count))

    def _lines(self) -> Iterator[str]:
        """Take lines, of which ``csv`` asks for no more than it needs."""
        while self._fill(1):
            size = 0
            while (end := self._data.find(b"\n", self._at + size) + 1) == 0 and not self._ended:
                size = len(self._data) - self._at
                self._fill(max(2 * size, BLOCK))
            line = self._data[self._at : end or None]
            self._at += len(line)
            yield line.decode()

    def _fill(self, size: int) -> bool:
        """Have ``size`` bytes at hand, or all that are left; says whether there are any."""
        missing = size - (len(self._data) - self._at)
        if missing > 0 and not self._ended:
            parts = [self._data[self._at :]]
            missing = max(missing, BLOCK)
            while missing > 0 and (read := self._stream.read(missing)):
                parts.append(read)
                missing -= len(read)
            self._data, self._at, self._ended = b"".join(parts), 0, missing > 0
        return self._at < len(self._data)


def _whole_rows(data: bytes, ended: bool) -> tuple[int, int] | None:
    """Find rows that are quoted by the book, from the first on.

    A quote opens a field, closes one, or is one of two inside it; a return stands before a line's end.

    Args:
        data: what has been read from a row's beginning on.
        ended: whether nothing comes behind it.

    Returns:
        the bytes that they take and how many they are, 0 where more has to be read; None: the first is not by the book.
    """
    bytes_ = np.frombuffer(data + b"\n", np.uint8)
    quotes = np.flatnonzero(bytes_ == _QUOTE)
    opening, closing = quotes[0::2], quotes[1::2]
    # A quote before an opening one closed before it: the two are one inside a field. Before the first byte stands, as
    # it were, the last one: the end of a line.
    odd = opening[~np.isin(bytes_[opening - 1], (_COMMA, _LINE, _QUOTE))]
    odd = np.concatenate([odd, closing[~np.isin(bytes_[closing + 1], (_COMMA, _LINE, _QUOTE, _RETURN))]])
    lines = np.flatnonzero(bytes_ == _LINE)
    if not ended or len(quotes) % 2 or data.endswith(b"\n"):
        lines = lines[:-1]
    if len(odd):
        lines = lines[: np.searchsorted(lines, odd.min())]
    lines = lines[np.searchsorted(quotes, lines) % 2 == 0]
    if not len(lines):
        return None if len(odd) or ended else (0, 0)
    end = min(int(lines[-1]) + 1, len(data))
    plain = b"\0" not in data[:end] and data.count(b"\r", 0, end) == data.count(b"\r\n", 0, end)
    return (end, len(lines)) if plain else None


def _parsed(block: bytes, wanted: Sequence[int], width: int) -> tuple[list[str], ...] | None:
    """The columns of a block; None where its rows are of another width, or it is not UTF-8."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    names = [str(column) for column in range(width)]
    try:
        if len(set(wanted)) < width:
            block.decode()  # Arrow looks only at the columns that it is asked for
        table = arrow.read_csv(
            pa.BufferReader(block),
            arrow.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
            arrow.ParseOptions(newlines_in_values=True),
            arrow.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), include_columns=[names[column] for column in wanted]
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    columns: list[Any] = [column.to_pylist() for column in table.columns]
    return tuple(columns)
