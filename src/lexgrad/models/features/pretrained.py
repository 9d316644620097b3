"""Pretrained vectors: which vector is whose, which words a model knows besides those of its texts, and coverage.

A word is looked up as it is, then lower-cased, then capitalised, then in capitals: vectors whose case differs from the
text's are better than none, and of several the one that is written most like the word counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.text.tokenizer import Tokenizer

MOST_OTHERS = 100_000  # words that no training text has, with fixed embeddings


@dataclass(frozen=True)
class Coverage:
    """How much of the training texts has a vector.

    Attributes:
        found: different words with one.
        words: different words.
        tokens: the share of the running words with one, in [0, 1].
        others: words of the vectors that no training text has, which the model knows all the same.
    """

    found: int
    words: int
    tokens: float
    others: int = 0

    def __str__(self) -> str:
        others = f"; {self.others:,} more words from the vectors" if self.others else ""
        return f"vectors: {self.found:,} of {self.words:,} words ({100 * self.tokens:.1f} % of tokens){others}"

    @classmethod
    def of(cls, matrix: NDArray[np.float64], ids: NDArray[np.int32], words: int) -> Coverage:
        """Count.

        Args:
            matrix: (words of the model, d) with NaN in the rows of words without a vector.
            ids: those of the training texts.
            words: how many of the words are from the training texts; the first is the unknown one.
        """
        counts = np.bincount(ids, minlength=len(matrix))
        has = ~np.isnan(matrix[:, 0])
        seen = counts > 0
        seen[0] = False
        return cls(
            found=int((has & seen).sum()),
            words=int(seen.sum()),
            tokens=float(counts[has & seen].sum() / max(len(ids), 1)),
            others=len(matrix) - words,
        )


def vectors_for(vocabulary: list[str], vectors: Any, dimensions: int | None) -> NDArray[np.float64]:
    """Find the vector of each word of a vocabulary.

    Args:
        vocabulary: words by id.
        vectors: the path of a file or of a run with word embeddings, WordVectors, or (words, matrix).
        dimensions: the width asked for, or None for whatever it is.

    Returns:
        (words, d); a row of NaN for a word without a vector.

    Raises:
        InputError: the width is another, shapes do not agree, or no word of the vocabulary has a vector.
    """
    name, words, matrix = open_pretrained(vectors, vocabulary, dimensions, 0)
    return _found(name, words, matrix, vocabulary)


def with_vectors(
    tokenizer: Tokenizer, vectors: Any, dimensions: int | None, others: int
) -> tuple[Tokenizer, NDArray[np.float64]]:
    """Find vectors for the words of a tokenizer, and give it words of the vectors that it lacks.

    Args:
        tokenizer: knows the words of the training texts.
        vectors: as for ``vectors_for``.
        dimensions: as for ``vectors_for``.
        others: at most so many more words, those that the vectors have first (files begin with the frequent ones).

    Returns:
        (the tokenizer, with the other words behind its own; their vectors (words, d), NaN where there is none).

    Raises:
        InputError: as ``vectors_for``.
    """
    name, words, matrix = open_pretrained(vectors, tokenizer.vocabulary, dimensions, others)
    _found(name, words, matrix, tokenizer.vocabulary)
    more: dict[str, None] = {}
    if others:
        known = set(tokenizer.vocabulary)
        for word in words:
            token = tokenizer.token_of(word)
            if token is not None and token not in known:
                more[token] = None
                if len(more) == others:
                    break
    extended = tokenizer.extended(list(more)) if more else tokenizer
    return extended, _found(name, words, matrix, extended.vocabulary)


def forms(word: str) -> Iterator[str]:
    """The ways in which a word may be written in a file of vectors, best first."""
    yield word
    lower = word.lower()
    yield from (lower, lower.capitalize(), word.upper())


def _found(name: str, words: list[str], matrix: NDArray[Any], vocabulary: Iterable[str]) -> NDArray[np.float64]:
    rows = {word: row for row, word in reversed(list(enumerate(words)))}
    chosen = np.array([_row(rows, word) for word in vocabulary])
    if (chosen < 0).all():
        raise InputError(f"{name}: none of the {len(words)} words is among the {len(chosen)} words of the texts")
    found = np.full((len(chosen), matrix.shape[1]), np.nan)
    found[chosen >= 0] = matrix[chosen[chosen >= 0]]
    return found


def _row(rows: Mapping[str, int], word: str) -> int:
    return next((rows[form] for form in forms(word) if form in rows), -1)


def open_pretrained(
    vectors: Any, vocabulary: list[str], dimensions: int | None, others: int
) -> tuple[str, list[str], NDArray[Any]]:
    """Open vectors; of a file, no more is read than is wanted.

    Args:
        vectors: as for ``vectors_for``.
        vocabulary: words that are wanted, in any of their ``forms``.
        dimensions: as for ``vectors_for``.
        others: about so many more words, those that the vectors have first.

    Returns:
        (what errors call them, their words, their matrix (words, d)).

    Raises:
        InputError: they are no vectors, of another width, not finite, or of none of the words.
    """
    if isinstance(vectors, str | Path) and Path(vectors).is_dir():
        from lexgrad.models.vectors.opening import open_vectors

        run = open_vectors(vectors)
        name, words, matrix = str(vectors), run.words, np.asarray(run.matrix, np.float64)
    elif isinstance(vectors, str | Path):
        from lexgrad.text.vectors import read_vectors

        # As many others may turn out to be other writings of words that are known.
        most = others + len(vocabulary) if others else 0
        read = read_vectors(vectors, words={form for word in vocabulary for form in forms(word)}, others=most)
        if not len(read.words):
            raise InputError(f"{vectors}: none of its words is among the {len(vocabulary)} words of the texts")
        name, words, matrix = str(vectors), list(read.words), np.asarray(read.matrix, np.float64)
    else:
        name, (words, matrix) = "vectors", _in_memory(vectors)
    if matrix.ndim != 2 or len(words) != len(matrix):
        raise InputError(
            f"{name}: expected one row a word; got {len(words)} words and a matrix of shape {matrix.shape}"
        )
    if not np.isfinite(matrix).all():
        row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
        raise InputError(f"{name}: the vector of {words[row]!r} has NaN or infinity")
    width = matrix.shape[1]
    if dimensions is not None and dimensions != width:
        raise InputError(f"{name} has vectors of width {width}, but dimensions={dimensions}; leave dimensions out")
    return name, words, matrix


def _in_memory(vectors: Any) -> tuple[list[str], NDArray[np.float64]]:
    if isinstance(vectors, tuple) and len(vectors) == 2:
        words, matrix = vectors
    elif hasattr(vectors, "words") and hasattr(vectors, "matrix"):
        words, matrix = vectors.words, vectors.matrix
    else:
        raise InputError(f"vectors is a path, WordVectors, or (words, matrix); got {type(vectors).__name__}")
    return [str(word) for word in words], np.asarray(matrix, dtype=np.float64)
