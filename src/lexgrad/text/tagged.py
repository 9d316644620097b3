"""Sentences of tagged words from files: CoNLL-U, and two columns of word and tag; ``open_tagged``."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePath

from lexgrad.errors import InputError, suggest
from lexgrad.text.encodings import choose_encoding
from lexgrad.text.lines import line_batches
from lexgrad.text.readers import BUILTIN
from lexgrad.text.sentences import Sentence, TaggedTable
from lexgrad.text.sources import STANDARD_INPUT, Source, find_source
from lexgrad.text.tables import EncodedFile

COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
"""The ten columns of CoNLL-U (https://universaldependencies.org/format.html)."""

SAYS_NOTHING = {"upos", "xpos"}  # of these "_" means that it is missing; of others it is a value: no features, ...
TAGGED_FORMATS = ("conllu", "tagged")
SUFFIXES = {".conllu": "conllu", ".conll": "conllu"}


class TaggedFile(EncodedFile, TaggedTable):
    """Sentences in a file of lines, one word a line; an empty line ends a sentence."""

    def __init__(self, source: Source, codec: str, *, tagged: bool) -> None:
        super().__init__(source, codec)
        self.has_tags = tagged

    @abstractmethod
    def _parse(self, line: str, number: int, before: int) -> tuple[str, str | None] | None:
        """Return the word and tag of a line that is not empty; None for one that holds no word.

        ``before`` is how many words of the sentence came before it.
        """

    def __iter__(self) -> Iterator[Sentence]:
        words: list[str] = []
        tags: list[str] = []
        first = 0
        for number, line in self._lines():
            if not line or line.isspace():
                if words:
                    yield Sentence(tuple(words), tuple(tags) if self.has_tags else None, first)
                    words, tags = [], []
                continue
            found = self._parse(line, number, len(words))
            if found is None:
                continue
            first = first if words else number
            words.append(found[0])
            if self.has_tags:
                tags.append(found[1] or "")
        if words:
            yield Sentence(tuple(words), tuple(tags) if self.has_tags else None, first)

    def _lines(self) -> Iterator[tuple[int, str]]:
        number = 0
        with self._explained(), self._source.open() as stream:
            for lines in line_batches(stream, self._codec):
                for line in lines:
                    number += 1
                    yield number, line


class ConlluTable(TaggedFile):
    """CoNLL-U: ten columns, of which ``field`` is the tag.

    Words are the rows whose id is a whole number; ranges (3-4) and empty nodes (8.1) are passed over, and so are
    comments, lines that begin with ``#``.
    """

    def __init__(self, source: Source, codec: str, field: str | None) -> None:
        super().__init__(source, codec, tagged=field is not None)
        self._field = field
        self._column = 0 if field is None else COLUMNS.index(field)

    def _parse(self, line: str, number: int, before: int) -> tuple[str, str | None] | None:
        if line.startswith("#"):
            return None
        cells = line.split("\t")
        if len(cells) != len(COLUMNS):
            raise InputError(
                f"{self.source}: line {number}: expected {len(COLUMNS)} columns with TABs between them"
                f" ({', '.join(COLUMNS)}); found {len(cells)}"
            )
        id_ = cells[0]
        if not id_.isdecimal():
            self._require_beside(id_, number)
            return None
        if int(id_) != before + 1:
            raise InputError(
                f"{self.source}: line {number}: id {id_} is out of order; expected {before + 1}"
                " (an empty line ends a sentence)"
            )
        if not cells[1]:
            raise InputError(f"{self.source}: line {number}: the column form is empty; expected a word")
        return cells[1], self._tag(cells[self._column], number) if self._field else None

    def _tag(self, tag: str, number: int) -> str:
        if not tag or (tag == "_" and self._field in SAYS_NOTHING):
            raise InputError(
                f"{self.source}: line {number}: the word has no {self._field} (the field is {tag!r});"
                " give it one, or take another column with field=... (--field ...)"
            )
        return tag

    def _require_beside(self, id_: str, number: int) -> None:
        """Refuse an id that is none."""
        for mark in "-.":
            first, found, last = id_.partition(mark)
            if found and first.isdecimal() and last.isdecimal():
                return
        raise InputError(
            f"{self.source}: line {number}: {id_!r:.40} is no id; expected a number such as 3, a range 3-4"
            " or an empty node 3.1"
        )


class TwoColumnTable(TaggedFile):
    """``word TAB tag`` a line; lines without a TAB that begin with ``#`` are comments.

    Where only words are read, a line may have the word alone.
    """

    def _parse(self, line: str, number: int, before: int) -> tuple[str, str | None] | None:
        cells = line.split("\t")
        if len(cells) == 1 and line.startswith("#"):
            return None
        if len(cells) != 2 and not (len(cells) == 1 and not self.has_tags):
            raise InputError(
                f"{self.source}: line {number}: expected two columns, word and tag, with a TAB between them;"
                f" found {len(cells)}"
            )
        for name, cell in zip(("word", "tag"), cells if self.has_tags else cells[:1], strict=False):
            if not cell.strip():
                raise InputError(f"{self.source}: line {number}: the {name} is missing")
        return cells[0], cells[1] if self.has_tags else None


def open_tagged(
    source: str | os.PathLike[str],
    *,
    field: str | None = "upos",
    format: str | None = None,
    encoding: str | None = None,
) -> TaggedTable:
    """Open a file of tagged sentences; its first sentence is checked now, the rest as it is read.

    Args:
        source: a path, or ``"-"`` for standard input; gzipped files are read as they are.
        field: the column of CoNLL-U that holds the tags, a name of ``COLUMNS``; None reads words only.
        format: "conllu" or "tagged" (word TAB tag); None goes by the suffix (.conllu), else by the columns of the
            first word.
        encoding: as for ``lexgrad.text.readers.open_table``.

    Raises:
        InputError: the source is missing, empty, undecodable or of another form; or there is no such column.
    """
    if field is not None and field not in COLUMNS:
        raise InputError(
            f"CoNLL-U has no column {field!r}{suggest(field, COLUMNS)}; its columns are {', '.join(COLUMNS)}"
        )
    if format is not None and format not in TAGGED_FORMATS:
        raise InputError(
            f"tagged words are in no format {format!r}{suggest(format, TAGGED_FORMATS)};"
            f" formats are {', '.join(TAGGED_FORMATS)}"
        )
    name = os.fspath(source)
    if name.startswith(BUILTIN):
        raise InputError(f"{name}: the built-in texts have no tags; expected a file of words and tags")
    place = find_source(name)
    if place.total_bytes == 0:
        raise InputError(f"{place.name}: is empty")
    codec = choose_encoding(place, encoding)
    kind = format or format_of(name) or _format_within(TwoColumnTable(place, codec, tagged=False))
    conllu = kind == "conllu"
    table = ConlluTable(place, codec, field) if conllu else TwoColumnTable(place, codec, tagged=field is not None)
    if next(iter(table), None) is None:
        raise InputError(f"{place.name}: has no words; expected one a line, and an empty line after each sentence")
    return table


def format_of(name: str) -> str | None:
    """The format that the name of a file tells: "conllu", or None."""
    if name == STANDARD_INPUT:
        return None
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes if suffix.lower() != ".gz"]
    return SUFFIXES.get(suffixes[-1]) if suffixes else None


def _format_within(file: TwoColumnTable) -> str:
    """Tell the format by the first lines that are no comments: CoNLL-U has eight columns more."""
    lines = (line for _, line in file._lines() if line.strip() and not (line.startswith("#") and "\t" not in line))
    return "conllu" if any(line.count("\t") == len(COLUMNS) - 1 for line in islice(lines, 5)) else "tagged"


__all__ = [
    "COLUMNS",
    "TAGGED_FORMATS",
    "ConlluTable",
    "TwoColumnTable",
    "format_of",
    "open_tagged",
]
