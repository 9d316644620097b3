"""Texts as the lines of tokens that a language model reads: which lines count, and what their words are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.text.kinds import WORD_KINDS
from lexgrad.text.packed import PackedBuilder, PackedTexts
from lexgrad.text.tokenizer import Tokenizer
from lexgrad.train.progress import Progress

if TYPE_CHECKING:
    from lexgrad.text.corpus import Corpus

CHUNK = 1024  # lines that are encoded at a time
NO_TOKEN = "expected lines of text, found no token in any"


@dataclass(frozen=True)
class Lines:
    """An encoded corpus.

    Attributes:
        texts: the tokens of each line, without end-of-line tokens.
        words: how many words there are: tokens, or where tokens are pieces of words what stands between white space.
        characters: how many characters there are, the ends of lines not counted.
    """

    texts: PackedTexts
    words: int
    characters: int

    def __len__(self) -> int:
        return len(self.texts)


def lines_of(corpus: Corpus, kind: str) -> Iterator[str]:
    """Yield the lines that count: all for a model of characters, else those that are not blank."""
    return (text for text in corpus.texts() if kind == "characters" or text.strip())


def watched_lines(corpus: Corpus, kind: str, progress: Progress | None, what: str) -> Iterator[str]:
    """Yield what ``lines_of`` does, and tell how far the pass has come.

    Raises:
        InputError: there is no such line.
    """
    progress, total, done = progress or Progress(), corpus.total_bytes, 0
    for done, line in enumerate(lines_of(corpus, kind), 1):
        yield line
        if done % CHUNK == 0:
            progress.on_data(what, done, min(corpus.position / total, 1.0) if total else None, "lines")
    if not done:
        raise InputError(f"{corpus.source}: {NO_TOKEN}")
    progress.on_data(what, done, 1.0, "lines")


def encode_lines(tokenizer: Tokenizer, corpus: Corpus, progress: Progress | None = None) -> Lines:
    """Encode a corpus, a chunk of lines at a time; past a limit the tokens lie in a temporary file.

    Raises:
        InputError: no line has a token.
    """
    words = characters = 0
    with PackedBuilder() as builder:
        for chunk in _chunks(watched_lines(corpus, tokenizer.kind, progress, "encoding")):
            texts = tokenizer.encode(chunk)
            builder.append(texts)
            words += len(texts.ids) if tokenizer.kind in WORD_KINDS else sum(len(line.split()) for line in chunk)
            characters += sum(map(len, chunk))
        packed = builder.finish()
    if not len(packed.ids):
        raise InputError(f"{corpus.source}: {NO_TOKEN}")
    return Lines(packed, words, characters)


def _chunks(lines: Iterator[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def telling(progress: Progress | None, lines: Lines) -> Callable[[float], None]:
    """Return what is to be called with the share of a text, in [0, 1], that has been measured."""
    told = progress or Progress()
    return lambda share: told.on_data("measuring", int(share * len(lines)), share, "lines")


def with_ends(texts: PackedTexts, end: int, start: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return all lines as one run of ids, each followed by ``end`` and, if it is given, preceded by ``start``.

    Returns:
        ids int64 (places,), and bool (places,): where start symbols stand.
    """
    extra = 1 if start is None else 2
    begins = texts.offsets[:-1] + extra * np.arange(len(texts))
    size = len(texts.ids) + extra * len(texts)
    ids = np.empty(size, np.int64)
    starts = np.zeros(size, np.bool_)
    tokens = np.ones(size, np.bool_)
    ends = begins + texts.lengths + extra - 1
    tokens[ends] = False
    ids[ends] = end
    if start is not None:
        tokens[begins] = False
        ids[begins] = start
        starts[begins] = True
    ids[tokens] = texts.ids
    return ids, starts
