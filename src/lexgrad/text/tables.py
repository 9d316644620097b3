"""What a table is: rows of text and label that can be gone through any number of times."""

from __future__ import annotations

import csv
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from typing import NamedTuple, NoReturn

from lexgrad.errors import InputError, suggest
from lexgrad.text.encodings import find_bad_byte, guess_encoding, lines_before
from lexgrad.text.restartable import InMemory, Restartable
from lexgrad.text.sources import Source


class Row(NamedTuple):
    """One example.

    ``number`` is where a person finds it: counted from 1, a table's heading included, so that the first data
    row of a CSV file is row 2, as a spreadsheet shows it; in files of lines it is the line.
    """

    text: str
    label: str | None
    number: int


def rows_of(texts: Iterable[str], labels: Iterable[str | None], numbers: Iterable[int]) -> Iterator[Row]:
    """Put columns together as rows, at the speed of C: this runs once for every row there is."""
    return map(partial(tuple.__new__, Row), zip(texts, labels, numbers, strict=False))


class Table(Restartable[Row]):
    """Rows of text, and of labels where there are any.

    Attributes:
        has_labels: whether rows carry a label; else every ``Row.label`` is None.
    """

    has_labels: bool

    def texts(self) -> Iterable[str]:
        """Return the texts, to be gone through any number of times."""
        return _Column(self, 0)

    def labels(self) -> Iterable[str]:
        """Return the labels, to be gone through any number of times.

        Raises:
            InputError: the table has none.
        """
        if not self.has_labels:
            raise InputError(f"{self.source}: has no labels; expected a label for every text")
        return _Column(self, 1)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.source!r}, {'with' if self.has_labels else 'without'} labels>"


class _Column(Iterable[str]):
    """One column of a table, restartable as the table is."""

    def __init__(self, table: Table, index: int) -> None:
        self._table, self._index = table, index

    def __iter__(self) -> Iterator[str]:
        index = self._index
        return (row[index] for row in self._table)  # type: ignore[misc]

    def place_of(self, number: int) -> str:
        """Name the place of one of them, counted from 0, as messages name it."""
        row = next(islice(self._table, number, None))
        return f"row {row.number}"


class MemoryTable(InMemory[Row], Table):
    """A table of rows in memory."""

    def __init__(self, source: str, rows: list[Row], fingerprint: str) -> None:
        if not rows:
            raise InputError(f"{source}: has no rows")
        super().__init__(source, rows)
        self.has_labels = rows[0].label is not None
        self._fingerprint = fingerprint

    def fingerprint(self) -> str:
        """Return the hash that the table was made with."""
        return self._fingerprint


class EncodedFile:
    """Text in a file that is read piece by piece; says what is wrong with the bytes beneath it.

    Attributes:
        source: the name that messages give it.
    """

    def __init__(self, source: Source, codec: str) -> None:
        self.source = source.name
        self._source = source
        self._codec = codec
        self._fingerprint: str | None = None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what a failure to decode means to the person whose file it is."""
        try:
            yield
        except UnicodeDecodeError as error:
            raise InputError(self._about_encoding()) from error

    @property
    def total_bytes(self) -> int:
        """Size on disk."""
        return self._source.total_bytes

    @property
    def position(self) -> int:
        """How far into the file the latest iteration is."""
        return self._source.position

    def fingerprint(self) -> str:
        """Return SHA-256 of the bytes on disk."""
        if self._fingerprint is None:
            self._fingerprint = self._source.fingerprint()
        return self._fingerprint

    def _place(self, lines: Iterator[str], line: int) -> str:
        """Name the place of ``line``, the last of some decoded lines."""
        return f"line {line}"

    def _about_encoding(self) -> str:
        bad = find_bad_byte(self._source.open, self._codec)
        if bad is None:
            return f"{self.source}: changed while it was being read"
        codec = self._codec.removesuffix("-sig")
        guess = guess_encoding(self._source)
        advice = f"; it looks like {guess}: pass encoding={guess!r} (--encoding {guess})" if guess else ""
        where = self._place(lines_before(self._source.open, self._codec, bad.offset), bad.line)
        return f"{self.source}: {where}, byte {bad.offset}: 0x{bad.value:02x} is not valid {codec}{advice}"


class FileTable(EncodedFile, Table):
    """A table in a file: subclasses yield rows."""

    @abstractmethod
    def _batches(self) -> Iterator[Iterable[Row]]:
        """Yield the rows from the first, some hundreds at a time: a row at a time costs twice as much."""

    def __iter__(self) -> Iterator[Row]:
        return chain.from_iterable(self._explained_batches())

    def _explained_batches(self) -> Iterator[Iterable[Row]]:
        with self._explained():
            yield from self._batches()

    def _require_rows(self, otherwise: str) -> None:
        if next(iter(self), None) is None:
            raise InputError(f"{self.source}: {otherwise}")

    def _count_rows(self, lines: Iterator[str]) -> int:
        """Return how many rows some decoded lines are, the heading included."""
        return sum(1 for _ in lines)

    def _place(self, lines: Iterator[str], line: int) -> str:
        """Name a row, and its line where that is another number."""
        try:
            return place(self._count_rows(lines), line)
        except csv.Error:  # the rows before the byte are faulty too; its line is known all the same
            return f"line {line}"


def place(row: int, line: int) -> str:
    """Name a row, and its line where that is another number."""
    return f"row {row}" if row == line else f"row {row} (line {line})"


def find_column(wanted: str, columns: list[str], source: str, what: str) -> int:
    """Return where ``wanted`` stands among a table's columns.

    Raises:
        InputError: it is not there, or twice; the message lists the columns and the nearest name.
    """
    if columns.count(wanted) == 1:
        return columns.index(wanted)
    shown = ", ".join(repr(column) for column in columns[:20]) + (", ..." if len(columns) > 20 else "")
    if wanted in columns:
        raise InputError(f"{source}: the column {wanted!r} is there more than once: {shown}")
    same = [column for column in columns if column.strip().casefold() == wanted.strip().casefold()]
    if len(columns) == 1 and (marks := [mark for mark in ";\t|," if mark in columns[0]]):
        raise InputError(
            f"{source}: there is no column {wanted!r}; the whole heading is one column, {columns[0]!r}: "
            f"is the file separated by {marks[0]!r}?"
        )
    near = f" (did you mean {same[0]!r}?)" if same else suggest(wanted, columns)
    raise InputError(
        f"{source}: there is no column {wanted!r}{near}; its columns are {shown}; "
        f"name the {what} column with {what}=... (--{what} ...)"
    )


def refuse_nul(source: str, number: int) -> NoReturn:
    """Say what a NUL character in a text means.

    Raises:
        InputError: always.
    """
    raise InputError(
        f"{source}: row {number} has a NUL character, which no text has; is the file binary, "
        "or UTF-16 without a byte-order mark (encoding='utf-16-le', --encoding utf-16-le)?"
    )


def refuse_missing_label(source: str, number: int) -> NoReturn:
    """Say what to do about a row without a label.

    Raises:
        InputError: always.
    """
    raise InputError(f"{source}: row {number} has no label; give it one, or leave the row out")
