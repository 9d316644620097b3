"""Texts to word ids while the words are still being learned: each word gets the next number when it turns up."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from lexgrad.errors import InputError, suggest
from lexgrad.text.chunks import Chunks, Encoder, words_within
from lexgrad.text.kinds import UNKNOWN, WORD_KINDS, ascii_words, with_words
from lexgrad.text.packed import PackedTexts, offsets_of


class OpenVocabulary:
    """Numbers for words, from 0 in the order in which they are first asked for."""

    def __init__(self) -> None:
        self._next = count()
        self._numbers: defaultdict[str, int] = defaultdict(self._next.__next__)

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, word: str) -> int:
        """Return the number of a word."""
        return self._numbers[word]

    def numbers(self, words: Sequence[str]) -> NDArray[np.int32]:
        """Return the number of each word, int32 (words,)."""
        return np.fromiter(map(self._numbers.__getitem__, words), np.int32, len(words))

    def numbers_by_word(self) -> Mapping[str, int]:
        """The words that have a number, with it."""
        return self._numbers

    def forget(self, counts: NDArray[np.int64], most: int) -> None:
        """Drop the words that were counted ``most`` times or fewer; one that turns up again gets a new number."""
        for word in [word for word, number in self._numbers.items() if counts[number] <= most]:
            del self._numbers[word]


class Cut(Encoder):
    """Texts cut by a function; every piece is a word."""

    def __init__(self, vocabulary: OpenVocabulary, cut: Callable[[Any], list[str]], *, lower: bool = False) -> None:
        self._vocabulary, self._cut, self._lower = vocabulary, cut, lower

    def encode(self, texts: Sequence[Any]) -> PackedTexts:
        """Return the numbers of the words of some texts."""
        cut = self._cut
        words = [cut(text.lower()) for text in texts] if self._lower else [cut(text) for text in texts]
        flat = list(chain.from_iterable(words))
        return PackedTexts(self._vocabulary.numbers(flat), offsets_of([len(each) for each in words]))


class _Tokenized(Encoder):
    """Chunks without white space, cut by a Hugging Face tokenizer."""

    def __init__(self, vocabulary: OpenVocabulary, tokenizer: Tokenizer) -> None:
        self._vocabulary, self._tokenizer = vocabulary, tokenizer

    def encode(self, texts: Sequence[str]) -> PackedTexts:
        words, owners = words_within(self._tokenizer, texts)
        lengths = np.bincount(np.asarray(owners, np.int64), minlength=len(texts))
        return PackedTexts(self._vocabulary.numbers(words), offsets_of(lengths))


def open_encoder(vocabulary: OpenVocabulary, kind: str | None, pattern: str | None) -> Encoder:
    """Return what cuts texts and numbers their words.

    Args:
        vocabulary: gives the numbers.
        kind: "lower", "words" or "spaces": see ``lexgrad.text.tokenizer.Tokenizer``; None: texts are lists of words.
        pattern: a regular expression instead: words are what matches, in the lower-cased text for kind "lower".

    Raises:
        InputError: there is no such kind, or the pattern is not a regular expression.
    """
    if kind is None:
        return Cut(vocabulary, list)
    if kind not in WORD_KINDS:
        raise InputError(f"there are no tokens {kind!r}{suggest(kind, WORD_KINDS)}; kinds are {', '.join(WORD_KINDS)}")
    if pattern is not None:
        return Cut(vocabulary, checked_pattern(pattern).findall, lower=kind == "lower")
    if kind == "spaces":
        return Cut(vocabulary, str.split)

    def quick(chunk: str) -> list[int] | None:
        words = ascii_words(kind, chunk)
        return None if words is None else [vocabulary.number(word) for word in words]

    return Chunks(_Tokenized(vocabulary, with_words(kind, [UNKNOWN])), quick)


def checked_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a regular expression of words; its groups ``(...)`` are only brackets.

    Raises:
        InputError: it is not a regular expression, has named groups, or matches nothing but empty text.
    """
    try:
        compiled = re.compile(_without_groups(pattern))
    except re.error as error:
        raise InputError(f"the token pattern {pattern!r} is not a regular expression: {error}") from error
    if compiled.groups:
        raise InputError(f"the token pattern {pattern!r} has named groups; write (...) instead of (?P<name>...)")
    if compiled.fullmatch("") is not None:
        raise InputError(f"the token pattern {pattern!r} matches empty text, which is no word; write + instead of *")
    return compiled


def _without_groups(pattern: str) -> str:
    """The same expression with ``(?:`` for every plain ``(``: ``findall`` would give the groups, not the match."""
    escaped_or_set = r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]"
    return re.sub(rf"({escaped_or_set})|\((?!\?)", lambda found: found[1] or "(?:", pattern, flags=re.DOTALL)
