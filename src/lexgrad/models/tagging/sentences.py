"""What people give as sentences and tags, brought to one form."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.text.kinds import UNKNOWN, cut, normalise, with_words
from lexgrad.text.sentences import MemorySentences, TaggedTable, checked_words

Words = tuple[str, ...]
Int64 = NDArray[np.int64]


def cut_words(text: str) -> Words:
    """Cut a text into words and marks as the tokenizer ``words`` does: contractions come apart (do n't, it 's)."""
    tokenizer = _cutter()
    return tuple(word for word, _ in cut(tokenizer, normalise(tokenizer, text)))


@functools.cache
def _cutter() -> Any:
    return with_words("words", [UNKNOWN])


def words_of(X: Any) -> list[Words]:
    """The words of sentences: of a table, or of a list of lists of words, or of texts, which are cut.

    Raises:
        InputError: X is none of these.
    """
    if isinstance(X, str | bytes):
        raise InputError(f"expected a list of sentences; got one {type(X).__name__}: put it in a list, [text]")
    if isinstance(X, TaggedTable):
        return [sentence.words for sentence in X]
    return [cut_words(each) if isinstance(each, str) else checked_words(each, i, "X") for i, each in enumerate(X)]


def table_of(X: Any, y: Any) -> TaggedTable:
    """Sentences with tags as a table.

    Raises:
        InputError: words or tags are missing, or there are not as many of one as of the other.
    """
    if isinstance(X, TaggedTable):
        if y is not None:
            raise InputError(f"{X.source} brings its own tags; leave y out")
        table = X
    elif isinstance(X, str | bytes | Iterator):
        raise InputError(f"expected a list of sentences, each a list of words, or a table; got a {type(X).__name__}")
    elif y is None:
        raise InputError("training and evaluating a tagger requires y to be passed: a list of tags for each sentence")
    else:
        table = MemorySentences(X, y)
    if not table.has_tags:
        raise InputError(f"{table.source} has no tags; expected a tag for every word")
    return table


def tagged_sentences(X: Any, y: Any) -> tuple[list[Words], list[Words]]:
    """Words and tags of sentences; see ``table_of``."""
    read = list(table_of(X, y))
    return [sentence.words for sentence in read], [sentence.tags or () for sentence in read]


def tags_of(tags: Sequence[Words], classes: NDArray[Any]) -> tuple[Int64, list[str]]:
    """The number of each tag (tokens,), and all names: those of ``classes``, then tags that are none of them.

    Raises:
        InputError: there are tags, and none is one of ``classes``.
    """
    numbers = {str(name): number for number, name in enumerate(classes.tolist())}
    codes = np.array([numbers.setdefault(tag, len(numbers)) for sentence in tags for tag in sentence], np.int64)
    if len(codes) and codes.min() >= len(classes):
        known, others = list(numbers)[: len(classes)], list(numbers)[len(classes) :]
        raise InputError(
            f"none of the tags ({_some(others)}) is one of the model's ({_some(known)}):"
            " was it trained on another column? (field=..., --field ...)"
        )
    return codes, list(numbers)


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
