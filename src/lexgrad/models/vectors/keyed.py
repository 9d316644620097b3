"""Vectors by word: lookup, similarity, neighbours, analogies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.vectors.nearest import Nearest
from lexgrad.text.spelling import nearest_spellings
from lexgrad.text.vector_files import write_vectors

if TYPE_CHECKING:
    from lexgrad.models.vectors.measures import Source

Float32 = NDArray[np.float32]
Neighbours = list[tuple[str, float]]
Words = str | Float32 | Iterable[str | Float32]
Items = list[str | Float32]


class UnknownWord(InputError, KeyError):  # noqa: N818  # what it is
    """A word has no vector; the message names words that are spelled like it.

    Attributes:
        word: that word.
        near: known words that are spelled like it.
    """

    def __init__(self, word: str, near: Sequence[str]) -> None:
        self.word, self.near = word, list(near)
        quoted = [repr(each) for each in near]
        guess = " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]])) if quoted else ""
        super().__init__(f"there is no vector of {word!r}" + (f" (did you mean {guess}?)" if guess else ""))

    def __str__(self) -> str:
        return str(self.args[0])


class KeyedVectors:
    """Words and their vectors.

    Similarity is the cosine. Words of a list are weighed by the unit vectors, as gensim does it.

    Args:
        words: each once, the frequent ones first where that is known.
        matrix: float32 (words, width); a memory-mapped one stays on disk.
        counts: how often each word occurred, or None.
        unknown: gives a vector (width,) for a word that is not among ``words``, or None where it can not: vectors of
            n-grams of letters (Bojanowski et al. 2017) do so.

    Raises:
        InputError: not one row a word, or a word twice.
    """

    def __init__(
        self,
        words: Sequence[str],
        matrix: Float32,
        *,
        counts: NDArray[np.int64] | None = None,
        unknown: Callable[[str], Float32 | None] | None = None,
    ) -> None:
        self.words = list(words)
        self.matrix: Float32 = np.asanyarray(matrix, np.float32)
        if self.matrix.ndim != 2 or len(self.matrix) != len(self.words):
            raise InputError(f"expected a row a word, ({len(self.words)}, width); got shape {self.matrix.shape}")
        self.counts = counts
        self._unknown = unknown
        self._nearest = Nearest(self.matrix)

    @cached_property
    def index(self) -> Mapping[str, int]:
        """The row of each word."""
        index = {word: row for row, word in enumerate(self.words)}
        if len(index) != len(self.words):
            twice = next(word for row, word in enumerate(self.words) if index[word] != row)
            raise InputError(f"expected each word once; {twice!r} is there twice")
        return index

    @property
    def width(self) -> int:
        """Numbers in each vector."""
        return int(self.matrix.shape[1])

    @classmethod
    def load(cls, place: str | os.PathLike[str]) -> KeyedVectors:
        """Open the vectors of a trained model's directory, or a file of vectors.

        Raises:
            InputError: neither, or a model without word embeddings.
        """
        from lexgrad.models.vectors.opening import open_vectors

        return open_vectors(place)

    def save(self, path: str | os.PathLike[str], form: str = "word2vec") -> list[str]:
        """Write a file that other tools read, whole or not at all: see ``lexgrad.text.vector_files.write_vectors``."""
        return write_vectors(path, self.words, self.matrix, form)

    # ---- one word ---------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    @overload
    def __getitem__(self, words: str) -> Float32: ...
    @overload
    def __getitem__(self, words: Sequence[str]) -> Float32: ...
    def __getitem__(self, words: str | Sequence[str]) -> Float32:
        """Return the vector of a word (width,), or those of several (words, width).

        Raises:
            UnknownWord: one has none, not even made of its letters; an InputError and a KeyError.
        """
        if not isinstance(words, str):
            return np.stack([self[word] for word in words])
        row = self.index.get(words)
        if row is not None:
            return np.asarray(self.matrix[row])
        made = self._unknown(words) if self._unknown is not None else None
        if made is None:
            raise UnknownWord(words, nearest_spellings(words, self.words, self.index))
        return np.asarray(made, np.float32)

    def known(self, word: str) -> str:
        """Return the word, or its lower-case form where only that is known; for words that people type.

        Raises:
            UnknownWord: neither has a vector.
        """
        if word not in self.index and word.lower() in self.index:
            return word.lower()
        self[word]
        return word

    def similarity(self, first: str, second: str) -> float:
        """Return the cosine of the vectors of two words, in [-1, 1]; 0 where one is a zero vector."""
        return float(np.clip(np.dot(_unit(self[first]), _unit(self[second])), -1, 1))

    # ---- the nearest ------------------------------------------------------------------------------------------

    def most_similar(self, positive: Words = (), negative: Words = (), n: int = 10) -> Neighbours:
        """Return the ``n`` words nearest to the sum of some unit vectors less that of others, and their cosines.

        ``most_similar("king")``; ``most_similar(["woman", "king"], ["man"])`` (3CosAdd, Mikolov et al. 2013). Words
        that are asked about are not among the answers.

        Args:
            positive: a word, a vector (width,), or several.
            negative: the same.
            n: how many.

        Raises:
            UnknownWord: a word has no vector.
            InputError: neither words nor vectors, or ``n`` is below 1.
        """
        return self._answers([(_several(positive), _several(negative))], n)[0]

    def neighbors(self, words: Iterable[str | Float32], n: int = 10) -> list[Neighbours]:
        """Return ``most_similar`` of each of some words or vectors; many at once take less time than one by one.

        Raises:
            UnknownWord: a word has no vector.
            InputError: ``n`` is below 1.
        """
        return self._answers([([word], []) for word in words], n)

    def _answers(self, questions: Sequence[tuple[Items, Items]], n: int) -> list[Neighbours]:
        """The nearest to the sum of the first items of each question less that of the second."""
        if n < 1:
            raise InputError(f"n is at least 1; got {n}")
        queries, asked = [], []
        for added, taken in questions:
            if not added and not taken:
                raise InputError("most_similar needs a word, or a vector; got none")
            nothing = np.zeros(self.width, np.float32)
            queries.append(sum(map(self._unit_of, added), nothing) - sum(map(self._unit_of, taken), nothing))
            asked.append(
                {self.index[item] for item in (*added, *taken) if isinstance(item, str) and item in self.index}
            )
        most = n + max(map(len, asked), default=0)
        answers = []
        for left, found in zip(
            asked, self._nearest.search(np.array(queries).reshape(-1, self.width), most), strict=True
        ):
            near = [
                (row, cosine) for row, cosine in zip(*(part.tolist() for part in found), strict=True) if row not in left
            ]
            answers.append([(self.words[row], cosine) for row, cosine in near[:n]])
        return answers

    def analogy(self, a: str, b: str, c: str, n: int = 1) -> Neighbours:
        """Return the words that are to ``c`` as ``b`` is to ``a``: ``analogy("man", "king", "woman")``."""
        return self.most_similar([b, c], [a], n)

    def doesnt_match(self, words: Iterable[str]) -> str:
        """Return the word that is farthest from the mean of the unit vectors of all.

        Raises:
            UnknownWord: a word has no vector.
            InputError: there are no words.
        """
        given = list(words)
        if not given:
            raise InputError("doesnt_match needs words; got none")
        units = np.stack([_unit(self[word]) for word in given])
        return given[int(np.argmin(units @ _unit(units.mean(axis=0))))]

    def unit_rows(self, rows: NDArray[np.int64]) -> Float32:
        """Return rows of the matrix scaled to length 1, float32 (rows, width)."""
        return self._nearest.unit(rows)

    # ---- measures ---------------------------------------------------------------------------------------------

    def evaluate_pairs(self, pairs: Source) -> dict[str, Any]:
        """Compare similarities with people's; see ``lexgrad.models.vectors.measures.evaluate_pairs``."""
        from lexgrad.models.vectors.measures import evaluate_pairs

        return evaluate_pairs(self, pairs)

    def evaluate_analogies(self, questions: Source, most: int | None = 300_000) -> dict[str, Any]:
        """Answer analogies by section; see ``lexgrad.models.vectors.measures.evaluate_analogies``."""
        from lexgrad.models.vectors.measures import evaluate_analogies

        return evaluate_analogies(self, questions, most)

    def _unit_of(self, item: str | Float32) -> Float32:
        if isinstance(item, str):
            return _unit(self[item])
        vector = np.asarray(item, np.float32)
        if vector.shape != (self.width,):
            raise InputError(f"expected a word or a vector of {self.width} numbers; got shape {vector.shape}")
        return _unit(vector)

    def __repr__(self) -> str:
        return f"KeyedVectors({len(self)} words of {self.width} numbers)"


def _several(items: Words) -> Items:
    return [items] if isinstance(items, str | np.ndarray) and np.ndim(items) <= 1 else list(items)


def _unit(vector: Float32) -> Float32:
    length = float(np.linalg.norm(vector))
    return np.asarray(vector / length if length else vector, np.float32)
