"""Files of lines: plain text, and fastText's labelled lines."""

from __future__ import annotations

import codecs
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any, BinaryIO, TypeAlias

from lexgrad.errors import InputError
from lexgrad.text.sources import Source
from lexgrad.text.tables import FileTable, Row, refuse_missing_label, refuse_nul, rows_of

FASTTEXT_LABEL = "__label__"
CHUNK = 1 << 17
LONGEST = 1 << 20  # characters of a line that are held at once where lines may be given in parts

Piece: TypeAlias = tuple[list[Any], bool]
"""Some texts (or lists of words), and whether the last of them goes on as the first of the next piece."""


def line_batches(stream: BinaryIO, codec: str) -> Iterator[list[str]]:
    """Yield the lines of a stream, many at a time: split at ``\\n`` or ``\\r\\n``, never at Unicode's line breaks.

    Raises:
        UnicodeDecodeError: bytes that ``codec`` can not decode.
    """
    return (lines for lines, _ in line_pieces(stream, codec, None))


def line_pieces(stream: BinaryIO, codec: str, longest: int | None) -> Iterator[tuple[list[str], bool]]:
    """Yield the lines as ``line_batches`` does, and whether the last of them is only a part of its line.

    A line of more than ``longest`` characters is parted after a space, where it has one.

    Raises:
        UnicodeDecodeError: bytes that ``codec`` can not decode.
    """
    decoder = codecs.getincrementaldecoder(codec)()
    begun: list[str] = []  # the pieces of a line whose end has not been read
    parted = False
    while chunk := stream.read(CHUNK):
        first, *lines = decoder.decode(chunk).split("\n")
        begun.append(first)
        if lines:
            lines.insert(0, "".join(begun))
            begun = [lines.pop()]
            parted = False
            yield _without_returns(lines), False
        elif longest is not None and sum(map(len, begun)) > longest:
            line = "".join(begun)
            end = (line.rfind(" ") + 1) or len(line)
            begun = [line[end:]]
            parted = True
            yield [line[:end]], True
    begun.append(decoder.decode(b"", final=True))
    last = "".join(begun)
    if last or parted:
        yield _without_returns([last]), False


def _without_returns(lines: list[str]) -> list[str]:
    if "\r" not in "".join(lines):
        return lines
    return [line.removesuffix("\r") for line in lines]


class LinesTable(FileTable):
    """A table whose rows are lines."""

    def __init__(self, source: Source, codec: str, *, labelled: bool) -> None:
        super().__init__(source, codec)
        self.has_labels = labelled
        self._require_rows("is empty; expected at least one row")

    @abstractmethod
    def _parse(self, lines: list[str], numbers: range) -> Iterable[Row]:
        """Turn lines, none with a NUL character, into rows."""

    def _batches(self) -> Iterator[Iterable[Row]]:
        first = 1
        with self._source.open() as stream:
            for lines in line_batches(stream, self._codec):
                self._refuse_nul(lines, first)
                yield self._parse(lines, range(first, first + len(lines)))
                first += len(lines)

    def _refuse_nul(self, lines: list[str], first: int) -> None:
        if "\0" in "".join(lines):
            refuse_nul(self.source, first + next(i for i, line in enumerate(lines) if "\0" in line))


class PlainTable(LinesTable):
    """One text a line; an empty line is an empty text, so that row n is always line n."""

    def __init__(self, source: Source, codec: str) -> None:
        super().__init__(source, codec, labelled=False)

    def _parse(self, lines: list[str], numbers: range) -> Iterable[Row]:
        return rows_of(lines, repeat(None), numbers)

    def pieces(self) -> Iterator[tuple[list[str], bool]]:
        """Yield many lines at a time, a line longer than ``LONGEST`` in parts: see ``Piece``."""
        first = 1
        with self._explained(), self._source.open() as stream:
            for lines, goes_on in line_pieces(stream, self._codec, LONGEST):
                self._refuse_nul(lines, first)
                first += len(lines) - goes_on
                yield lines, goes_on

    def _require_rows(self, otherwise: str) -> None:
        if next(self.pieces(), None) is None:  # a first line that is longer than memory is not read whole
            raise InputError(f"{self.source}: {otherwise}")


class FastTextTable(LinesTable):
    """fastText's lines, ``__label__spam the text``: one label, at the front; blank lines are passed over."""

    def _parse(self, lines: list[str], numbers: range) -> Iterable[Row]:
        for number, line in zip(numbers, lines, strict=True):
            labels, text = _split_labels(line)
            if not text and not labels:
                continue
            yield Row(text, self._only(labels, number) if self.has_labels else None, number)

    def _only(self, labels: list[str], number: int) -> str:
        if not labels or not labels[0]:
            refuse_missing_label(self.source, number)
        if len(labels) > 1:
            shown = " ".join(FASTTEXT_LABEL + label for label in labels)
            raise InputError(f"{self.source}: row {number}: expected one label, found {len(labels)}: {shown}")
        return labels[0]


def _split_labels(line: str) -> tuple[list[str], str]:
    labels = []
    text = line.strip()
    while text.startswith(FASTTEXT_LABEL):
        first, *rest = text.split(maxsplit=1)
        labels.append(first.removeprefix(FASTTEXT_LABEL))
        text = rest[0] if rest else ""
    return labels, text


def plain_or_fasttext(source: Source, codec: str, *, labelled: bool) -> LinesTable:
    """Return fastText's reader where the first line that is not blank begins with ``__label__``."""
    plain = PlainTable(source, codec)
    first = next((line.lstrip() for lines, _ in plain.pieces() for line in lines if line.strip()), "")
    if first.startswith(FASTTEXT_LABEL):
        return FastTextTable(source, codec, labelled=labelled)
    return plain
