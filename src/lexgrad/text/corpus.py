"""A corpus: the texts of one file or many, of a list or of standard input, gone through any number of times."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePath
from typing import Any, Protocol

from lexgrad.errors import InputError
from lexgrad.text.lines import Piece, PlainTable
from lexgrad.text.readers import BUILTIN, SUFFIXES, open_table
from lexgrad.text.sources import STANDARD_INPUT
from lexgrad.text.tables import Table

TEXTS_AT_ONCE = 256
WILDCARDS = "*?["


class Part(Protocol):
    """What a corpus is made of, one after the other: a file, a table or a list."""

    source: str

    @property
    def total_bytes(self) -> int:
        """As of a table."""

    @property
    def position(self) -> int:
        """As of a table."""

    def pieces(self) -> Iterator[Piece]:
        """Yield its texts from the first."""

    def fingerprint(self) -> str:
        """As of a table."""


class Corpus:
    """Texts, one a line or a row; every pass begins again at the first.

    Make one with ``Corpus.open`` (files) or ``Corpus.of`` (what is in memory).

    Attributes:
        source: the name that messages give it.
        cut: whether its texts are lists of words already.
        has_labels: False, as of a table without labels.
    """

    has_labels = False

    def __init__(self, parts: Sequence[Part], *, cut: bool = False) -> None:
        self._parts = list(parts)
        self._at = 0
        self.cut = cut
        self.source = parts[0].source if len(parts) == 1 else f"{parts[0].source} and {len(parts) - 1} more"

    @classmethod
    def open(
        cls,
        sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        text: str = "text",
        encoding: str | None = None,
        format: str | None = None,
    ) -> Corpus:
        """Open files of texts; beginnings are checked now, the rest as it is read.

        Args:
            sources: one or more of: a file (``.gz`` as it is); a folder, for every file in it and below that is not
                hidden; a pattern such as ``"wiki/*.txt.gz"``; ``"-"`` for standard input; ``"builtin:NAME"``. They
                are read in the order given, the files of a folder or a pattern in the order of their names.
            text: the column of texts, in tables (``.parquet``, ``.jsonl``, ``.csv``, ``.tsv``).
            encoding: as for ``open_table``.
            format: as for ``open_table``, but a suffix that says nothing is plain text: one text a line, however long.

        Raises:
            InputError: there is no such file, nothing in a folder, or what ``open_table`` refuses.
        """
        given = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
        names = [name for source in given for name in _files(os.fspath(source))]
        if not names:
            raise InputError("expected a corpus: at least one file of texts")
        return cls([_opened(name, text, encoding, format) for name in names])

    @classmethod
    def of(cls, X: Any) -> Corpus:
        """Return X as a corpus: one already, a table, a list of texts, or a list of lists of words.

        Raises:
            InputError: none of these, an iterator (which could be read only once), or empty.
        """
        if isinstance(X, Corpus):
            return X
        if isinstance(X, str | bytes):
            raise InputError(f"expected a list of texts; got one {type(X).__name__}: put it in a list, or Corpus.open")
        if isinstance(X, Iterator):
            raise InputError("expected a list of texts or a corpus; got an iterator, which can be read only once")
        if isinstance(X, Table):
            return cls([_part(X)])
        texts = list(X)
        cut = bool(texts) and isinstance(texts[0], list | tuple)
        return cls([_List(texts, cut=cut)], cut=cut)

    def pieces(self) -> Iterator[Piece]:
        """Yield some hundreds of texts at a time, and whether the last of them goes on in the next piece."""
        for number, part in enumerate(self._parts):
            self._at = number
            yield from part.pieces()

    def texts(self) -> Iterable[str]:
        """Return the texts, to be gone through any number of times; words given as lists have spaces between them."""
        return _Texts(self)

    @property
    def total_bytes(self) -> int:
        """How much there is to read, in bytes as they lie on disk; in memory a text counts as one."""
        return sum(part.total_bytes for part in self._parts)

    @property
    def position(self) -> int:
        """How many of ``total_bytes`` the latest pass has read."""
        return sum(part.total_bytes for part in self._parts[: self._at]) + self._parts[self._at].position

    def fingerprint(self) -> str:
        """Return a hash of the content, such as ``"sha256:9f86d0..."``."""
        if len(self._parts) == 1:
            return self._parts[0].fingerprint()
        marks = "\n".join(part.fingerprint() for part in self._parts)
        return "sha256:" + hashlib.sha256(marks.encode()).hexdigest()

    def __repr__(self) -> str:
        return f"<Corpus {self.source!r}>"


class _Texts(Iterable[str]):
    """The texts of a corpus, each whole."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    def __iter__(self) -> Iterator[str]:
        begun: list[str] = []
        for texts, goes_on in self._corpus.pieces():
            whole = [text if isinstance(text, str) else " ".join(text) for text in texts]
            begun.append(whole[0])
            if goes_on and len(whole) == 1:
                continue
            whole[0] = "".join(begun)
            begun = [whole.pop()] if goes_on else []
            yield from whole


class _Rows:
    """The texts of a table."""

    def __init__(self, table: Table) -> None:
        self._table, self.source = table, table.source

    @property
    def total_bytes(self) -> int:
        return self._table.total_bytes

    @property
    def position(self) -> int:
        return self._table.position

    def pieces(self) -> Iterator[Piece]:
        texts = iter(self._table.texts())
        while some := list(islice(texts, TEXTS_AT_ONCE)):
            yield some, False

    def fingerprint(self) -> str:
        return self._table.fingerprint()


class _List:
    """Texts, or lists of words, in memory."""

    source = "X"

    def __init__(self, texts: list[Any], *, cut: bool) -> None:
        if not texts:
            raise InputError("expected a list of texts, found an empty one")
        self._texts, self.position = texts, 0
        for number, text in enumerate(texts):
            if not (_is_words(text) if cut else isinstance(text, str)):
                wanted = "a list of words" if cut else "text"
                raise InputError(f"expected {wanted} at place {number}; got {type(text).__name__}: {text!r:.40}")

    @property
    def total_bytes(self) -> int:
        return len(self._texts)

    def pieces(self) -> Iterator[Piece]:
        for begin in range(0, len(self._texts), TEXTS_AT_ONCE):
            some = self._texts[begin : begin + TEXTS_AT_ONCE]
            self.position = begin + len(some)
            yield some, False

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for text in self._texts:
            words = [text] if isinstance(text, str) else text
            for word in [*words, ""]:  # an empty one ends a text: no word is empty
                data = word.encode("utf-8", "surrogatepass")
                digest.update(len(data).to_bytes(8, "little") + data)
        return "sha256:" + digest.hexdigest()


def _is_words(text: Any) -> bool:
    return isinstance(text, list | tuple) and all(isinstance(word, str) for word in text)


def _part(table: Table) -> Part:
    return table if isinstance(table, PlainTable) else _Rows(table)


def _opened(name: str, text: str, encoding: str | None, format: str | None) -> Part:
    if format is None and not name.startswith(BUILTIN) and name != STANDARD_INPUT:
        suffixes = [suffix.lower() for suffix in PurePath(name).suffixes if suffix.lower() != ".gz"]
        format = SUFFIXES.get(suffixes[-1] if suffixes else "", "txt")
    return _part(open_table(name, text=text, label=None, encoding=encoding, format=format))


def _files(source: str) -> list[str]:
    """The files that a name means: itself, a folder's, or those that fit a pattern."""
    if source == STANDARD_INPUT or source.startswith(BUILTIN):
        return [source]
    path = Path(source)
    if path.is_dir():
        found = [file for file in path.rglob("*") if file.is_file()]
        shown = [file for file in found if not any(p.startswith(".") for p in file.relative_to(path).parts)]
        if not shown:
            raise InputError(f"{source}: is a folder without files; expected texts in it")
        return sorted(map(str, shown))
    if not path.exists() and any(mark in source for mark in WILDCARDS):
        fitting = sorted(name for name in glob.glob(source, recursive=True) if os.path.isfile(name))
        if not fitting:
            raise InputError(f"{source}: no file fits this pattern")
        return fitting
    return [source]
