"""CSV (RFC 4180 quoting) and TSV (no quoting): rows of fields under a heading."""

from __future__ import annotations

import csv
import io
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, BinaryIO

from lexgrad.errors import InputError
from lexgrad.text.csv_blocks import CsvBlocks
from lexgrad.text.lines import line_batches
from lexgrad.text.sources import Source
from lexgrad.text.tables import (
    FileTable,
    Row,
    find_column,
    place,
    refuse_missing_label,
    refuse_nul,
    rows_of,
)

if TYPE_CHECKING:
    from _csv import Reader

# An unclosed quote swallows what follows: the limit keeps that from filling the memory.
LONGEST_FIELD = 1 << 26
BATCH_ROWS = 512

_CSV_FAULTS = {
    "unexpected end of data": "a quote is opened and not closed before the file ends",
    "expected after": 'a closing quote is followed by more text; inside quotes write " as ""',
    "new-line character": "a carriage return stands outside quotes; expected lines that end in \\n or \\r\\n",
    "field larger": f"a field is longer than {LONGEST_FIELD:,} characters; is a quote not closed?",
}


class DelimitedTable(FileTable):
    """Rows of equally many fields under a heading; blank lines are passed over."""

    def __init__(self, source: Source, codec: str, text: str, label: str | None) -> None:
        super().__init__(source, codec)
        self.has_labels = label is not None
        heading = self._heading()
        self._width = len(heading)
        self._text = find_column(text, heading, self.source, "text")
        self._label = None if label is None else find_column(label, heading, self.source, "label")
        self._require_rows("has a heading but no rows")

    @abstractmethod
    def _records(self, stream: BinaryIO) -> Iterator[list[str]]:
        """Cut bytes into records of fields; a blank line is an empty record."""

    @abstractmethod
    def _line_of(self, row: int) -> int:
        """Return the line on which a row begins, both counted from 1."""

    def _heading(self) -> list[str]:
        with self._explained(), self._source.open() as stream:
            records = self._records(stream)  # kept while the stream is open: it closes what it wraps as it goes
            heading = next(records, None)
        if heading is None:
            raise InputError(f"{self.source}: is empty; expected a heading and rows")
        if any("\0" in name for name in heading):
            refuse_nul(self.source, 1)
        return heading

    def _batches(self) -> Iterator[Iterator[Row]]:
        with self._source.open() as stream:
            records = self._records(stream)
            next(records)
            first = 2
            while batch := list(islice(records, BATCH_ROWS)):
                yield self._rows(batch, first)
                first += len(batch)

    def _rows(self, records: list[list[str]], first: int) -> Iterator[Row]:
        """Turn records, the first of which is row ``first``, into rows."""
        numbers: Sequence[int] = range(first, first + len(records))
        if set(map(len, records)) != {self._width}:
            records, numbers = self._without_blanks(records, numbers)
        texts = list(map(itemgetter(self._text), records))
        if "\0" in "".join(texts):
            refuse_nul(self.source, next(n for n, text in zip(numbers, texts, strict=True) if "\0" in text))
        return self._labelled(texts, None if self._label is None else [row[self._label] for row in records], numbers)

    def _labelled(self, texts: list[str], labels: list[str] | None, numbers: Sequence[int]) -> Iterator[Row]:
        if labels is None:
            return rows_of(texts, repeat(None), numbers)
        if not all(labels):
            refuse_missing_label(self.source, numbers[labels.index("")])
        return rows_of(texts, labels, numbers)

    def _without_blanks(self, records: list[list[str]], numbers: Sequence[int]) -> tuple[list[list[str]], list[int]]:
        kept = [(record, number) for record, number in zip(records, numbers, strict=True) if record]
        for record, number in kept:
            if len(record) != self._width:
                where = place(number, self._line_of(number))
                raise InputError(
                    f"{self.source}: {where}: expected {self._width} fields, as in the heading, found {len(record)}"
                )
        return [record for record, _ in kept], [number for _, number in kept]


class CsvTable(DelimitedTable):
    """Comma-separated values, quoted as RFC 4180 says; quoted fields may hold line breaks."""

    def _reader(self, stream: BinaryIO) -> Reader:
        return _strict_reader(io.TextIOWrapper(stream, encoding=self._codec, newline="\n"))

    def _records(self, stream: BinaryIO) -> Iterator[list[str]]:
        return self._reader(stream)

    def _batches(self) -> Iterator[Iterator[Row]]:
        if self._codec not in ("utf-8", "utf-8-sig"):
            yield from super()._batches()
            return
        wanted = [self._text] if self._label is None else [self._text, self._label]
        with self._source.open() as stream:
            blocks = CsvBlocks(stream, _strict_reader)
            blocks.records(1)
            first = 2
            while True:
                if (columns := blocks.columns(wanted, self._width)) is not None:
                    texts, *labels = columns.values
                    numbers = range(first, first + columns.rows)
                    yield self._labelled(texts, labels[0] if labels else None, numbers)
                    first += columns.rows
                elif records := blocks.records():
                    yield self._rows(records, first)
                    first += len(records)
                else:
                    return

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with super()._explained():
            try:
                yield
            except csv.Error as error:
                raise InputError(self._about_quoting(error)) from error

    def _about_quoting(self, error: csv.Error) -> str:
        """Read once more, up to the fault, to say where the row begins."""
        rows, line = 0, 0
        with self._source.open() as stream:
            reader = self._reader(stream)
            with suppress(csv.Error):
                for _ in reader:
                    rows, line = rows + 1, reader.line_num
        fault = next((ours for theirs, ours in _CSV_FAULTS.items() if theirs in str(error)), str(error))
        return f"{self.source}: {place(rows + 1, line + 1)}: {fault}"

    def _count_rows(self, lines: Iterator[str]) -> int:
        return sum(1 for _ in csv.reader(lines))  # not strict: the last line is cut off in its middle

    def _line_of(self, row: int) -> int:
        with self._source.open() as stream:
            reader = self._reader(stream)
            for _ in islice(reader, row - 1):
                pass
            return reader.line_num + 1


def _strict_reader(lines: Iterable[str]) -> Reader:
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_FIELD))
    return csv.reader(lines, strict=True)


class TsvTable(DelimitedTable):
    """Tab-separated values: a quote is a character like any other, and a row is a line."""

    def _records(self, stream: BinaryIO) -> Iterator[list[str]]:
        lines = chain.from_iterable(line_batches(stream, self._codec))
        return (line.split("\t") if line else [] for line in lines)

    def _line_of(self, row: int) -> int:
        return row
