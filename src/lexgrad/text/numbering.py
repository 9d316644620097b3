"""Texts as numbers of their words, in one pass in which the words are learned; the numbers lie on disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lexgrad.text.numbered import BLOCK, NumberedTexts
from lexgrad.text.open_words import OpenVocabulary, open_encoder
from lexgrad.text.packed import ArrayBuilder, Int32, Int64, PackedTexts


class Numbering:
    """Gathers texts as numbers of their words. Use it as a context manager: leaving it drops what was gathered.

    Args:
        kind: how texts are cut, as for ``open_words.open_encoder``; None: they are lists of words.
        pattern: a regular expression of words, as there.
        limit_bytes: bytes of numbers beyond which they lie in a temporary file.
        most_words: distinct words that are kept; beyond, the rarest so far are forgotten. None: all are kept.

    Attributes:
        tokens: how many words there were.
    """

    def __init__(
        self, kind: str | None, pattern: str | None = None, *, limit_bytes: int, most_words: int | None = None
    ) -> None:
        self._vocabulary, self._how = OpenVocabulary(), (kind, pattern)
        self._encoder = open_encoder(self._vocabulary, kind, pattern)
        self._most_words, self._floor = most_words, 1
        self._counted = _Counted()
        self._ids, self._offsets = ArrayBuilder(np.int32, limit_bytes), ArrayBuilder(np.int64, limit_bytes)
        self._offsets.append(0)
        self.tokens = 0

    def __enter__(self) -> Numbering:
        return self

    def __exit__(self, *_: object) -> None:
        self._ids.close()
        self._offsets.close()

    def add(self, texts: Sequence[Any], goes_on: bool = False) -> None:
        """Add texts at the end; ``goes_on``: the last of them goes on as the first that is added next."""
        self._append(self._encoder.encode(texts), goes_on)

    def add_all(self, batches: Iterable[Sequence[Any]]) -> None:
        """Add batches of texts; the next are read ahead."""
        assert self._most_words is None, "an encoder that reads ahead can not be changed"
        for packed in self._encoder.stream(batches):
            self._append(packed)

    def _append(self, packed: PackedTexts, goes_on: bool = False) -> None:
        self._ids.append(packed.ids)
        self._counted.add(packed.ids)
        ends = packed.offsets[1:] + self.tokens
        self._offsets.append(ends[:-1] if goes_on else ends)
        self.tokens += len(packed.ids)
        while self._most_words is not None and len(self._vocabulary) > self._most_words:
            self._vocabulary.forget(self._counted.counts(), self._floor)
            self._encoder, self._floor = open_encoder(self._vocabulary, *self._how), self._floor + 1

    def finish(self) -> NumberedTexts:
        """Return everything that was added."""
        numbers = self._vocabulary.numbers_by_word()
        all_counts = self._counted.counts()
        words, counts = [""] * len(all_counts), np.zeros(len(all_counts), np.int64)
        for word, number in numbers.items():
            words[number] = word
        known = np.fromiter(numbers.values(), np.int64, len(numbers))
        counts[known] = all_counts[known]
        return NumberedTexts(words, counts, PackedTexts(self._ids.finish(), self._offsets.finish()))


class _Counted:
    """Counts of ids, added up many at a time."""

    def __init__(self) -> None:
        self._counts = np.zeros(0, np.int64)
        self._waiting: list[Int32] = []
        self._size = 0

    def add(self, ids: Int32) -> None:
        self._waiting.append(ids)
        self._size += len(ids)
        if self._size > max(BLOCK // 4, len(self._counts)):
            self.counts()

    def counts(self) -> Int64:
        if self._waiting:
            more = np.bincount(np.concatenate(self._waiting), minlength=len(self._counts))
            more[: len(self._counts)] += self._counts
            self._counts, self._waiting, self._size = more, [], 0
        return self._counts
