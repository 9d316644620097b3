"""``open_table``: any supported file, standard input or built-in text as rows of text and label."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import PurePath

from lexgrad.errors import InputError, suggest
from lexgrad.text.encodings import choose_encoding
from lexgrad.text.sources import STANDARD_INPUT, Source, find_source
from lexgrad.text.tables import FileTable, Row, Table

__all__ = ["FORMATS", "Row", "Table", "open_table"]

BUILTIN = "builtin:"

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".txt": "txt",
}

FORMATS = ("csv", "tsv", "jsonl", "parquet", "txt", "fasttext")


def open_table(
    source: str | os.PathLike[str],
    *,
    text: str = "text",
    label: str | None = "label",
    encoding: str | None = None,
    format: str | None = None,
) -> Table:
    """Open a table of texts and labels; heading and first row are checked now, the rest as it is read.

    Args:
        source: a path; ``"-"`` for standard input; ``"builtin:NAME"`` or ``"builtin:NAME:train"`` (dev, test).
            Gzipped files are read as they are.
        text: the column of texts.
        label: the column of labels; None reads texts only. Neither name matters for plain text, which has no
            labels, and for fastText's lines, which begin with theirs.
        encoding: None means the byte-order mark's, else UTF-8; ``"detect"`` guesses where it is not UTF-8.
        format: "csv", "tsv", "jsonl", "parquet", "txt" (one text a line) or "fasttext"; None goes by the
            suffix. Text whose first line begins with ``__label__`` is fastText's. Standard input is "txt".

    Raises:
        InputError: the source is missing, empty, of unknown format, undecodable or without these columns.
    """
    name = os.fspath(source)
    if name.startswith(BUILTIN):
        from lexgrad.text.builtin import builtin_table

        return builtin_table(name, labelled=label is not None)
    kind = _format_of(name, format)
    place = find_source(name)
    if place.total_bytes == 0:
        raise InputError(f"{place.name}: is empty")
    if kind == "parquet":
        from lexgrad.text.columnar import ParquetTable

        return ParquetTable(place, text, label)
    return _OPENERS[kind](place, choose_encoding(place, encoding), text, label)


def _format_of(name: str, told: str | None) -> str:
    if told is not None:
        if told not in FORMATS:
            near = suggest(told, FORMATS)
            raise InputError(f"there is no format {told!r}{near}; formats are {', '.join(FORMATS)}")
        return told
    if name == STANDARD_INPUT:
        return "txt"
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes]
    if suffixes[-1:] == [".gz"]:
        del suffixes[-1]
    kind = SUFFIXES.get(suffixes[-1]) if suffixes else None
    if kind is None:
        find_source(name)  # a name that is mistyped is not there: say that first
        raise InputError(
            f"{name}: can not tell the format from the name; expected {', '.join(SUFFIXES)} "
            f"(each may end in .gz), or name it with format=... (--format ...): {', '.join(FORMATS)}"
        )
    return kind


def _csv(source: Source, codec: str, text: str, label: str | None) -> FileTable:
    from lexgrad.text.delimited import CsvTable

    return CsvTable(source, codec, text, label)


def _tsv(source: Source, codec: str, text: str, label: str | None) -> FileTable:
    from lexgrad.text.delimited import TsvTable

    return TsvTable(source, codec, text, label)


def _jsonl(source: Source, codec: str, text: str, label: str | None) -> FileTable:
    from lexgrad.text.jsonlines import JsonLinesTable

    return JsonLinesTable(source, codec, text, label)


def _fasttext(source: Source, codec: str, _text: str, label: str | None) -> FileTable:
    from lexgrad.text.lines import FastTextTable

    return FastTextTable(source, codec, labelled=label is not None)


def _txt(source: Source, codec: str, _text: str, label: str | None) -> FileTable:
    from lexgrad.text.lines import plain_or_fasttext

    return plain_or_fasttext(source, codec, labelled=label is not None)


_OPENERS: dict[str, Callable[[Source, str, str, str | None], FileTable]] = {
    "csv": _csv,
    "tsv": _tsv,
    "jsonl": _jsonl,
    "fasttext": _fasttext,
    "txt": _txt,
}
