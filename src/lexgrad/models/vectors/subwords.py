"""Words as bags of their n-grams of letters, so that unknown words have vectors.

Bojanowski, Grave, Joulin and Mikolov, "Enriching word vectors with subword information", TACL 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from lexgrad.compile.word2vec import WordRows

Int32 = NDArray[np.int32]
_BASIS, _PRIME = 2166136261, 16777619


class Subwords:
    """Numbers the n-grams of words by hashing them into buckets.

    Args:
        orders: the shortest and the longest n-gram, in letters, ``<`` and ``>`` that mark the ends of a word included.
        buckets: how many rows n-grams share.
    """

    def __init__(self, orders: tuple[int, int], buckets: int) -> None:
        self.orders, self.buckets = orders, buckets

    def ngrams(self, word: str) -> list[str]:
        """The n-grams of a word, those at its ends marked; not the marks alone."""
        marked = f"<{word}>"
        shortest, longest = self.orders
        return [
            marked[i : i + n]
            for i in range(len(marked))
            for n in range(shortest, min(longest, len(marked) - i) + 1)
            if not (n == 1 and i in (0, len(marked) - 1))
        ]

    def rows(self, word: str) -> Int32:
        """The buckets of a word's n-grams, int32 (n,), counted from 0."""
        return np.array([fnv1a(ngram) % self.buckets for ngram in self.ngrams(word)], np.int32)

    def word_rows(self, words: Sequence[str]) -> WordRows:
        """The rows of each word: its own, which is its number, and those of its n-grams, behind those of all words."""
        from lexgrad.compile.word2vec import WordRows

        rows = [np.concatenate([[i], self.rows(word) + len(words)]) for i, word in enumerate(words)]
        starts = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=starts[1:])
        return WordRows(starts, np.concatenate(rows).astype(np.int32))


def fnv1a(text: str) -> int:
    """The 32-bit FNV-1a hash of UTF-8, bytes taken as signed: what fastText's files are made with."""
    value = _BASIS
    for byte in text.encode("utf-8"):
        value ^= byte if byte < 128 else byte | 0xFFFFFF00
        value = value * _PRIME & 0xFFFFFFFF
    return value


def means(matrix: NDArray[np.float32], rows: WordRows) -> NDArray[np.float32]:
    """The vectors of words as means of their rows: float32 (V, d)."""
    starts, vectors = rows.starts, np.empty((len(rows.starts) - 1, matrix.shape[1]), np.float32)
    for begin in range(0, len(vectors), _AT_ONCE):
        end = min(begin + _AT_ONCE, len(vectors))
        entries = matrix[rows.rows[starts[begin] : starts[end]]]
        sums = np.add.reduceat(entries, starts[begin:end] - starts[begin], axis=0)
        vectors[begin:end] = sums * rows.scales[begin:end, None]
    return vectors


_AT_ONCE = 1 << 12
