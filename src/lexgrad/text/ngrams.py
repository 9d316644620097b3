"""N-gram counts: which n-grams are features, and how often each text has each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.text.ngram_levels import (
    WORD_BITS,
    WORD_MASK,
    CountedLevel,
    Level,
    look_up,
    prune,
    settle,
    walk,
)
from lexgrad.text.packed import Int64, PackedTexts, SparseRows, concatenate, offsets_of

AT_ONCE = 1 << 22  # tokens; more at once sorts no faster and takes memory


class NgramTable:
    """The n-grams that are features, numbered by length and then by the ids of their words.

    Attributes:
        orders: the lengths that are features, rising: ``(1, 2)`` is words and pairs.
        size: how many features there are.
        documents: how many texts the table was fitted to.
        document_frequency: in how many of them each feature occurs, int64 (size,).
    """

    def __init__(
        self, orders: tuple[int, ...], keys: list[Int64], features: list[Int64], frequency: Int64, documents: int
    ) -> None:
        self.orders = orders
        self.document_frequency = frequency
        self.documents = documents
        self.size = len(frequency)
        self._keys = keys  # of each length from 1 on, sorted: see ngram_levels
        self._features = features  # of each node, -1 where it is none

    @classmethod
    def fit(
        cls,
        batches: PackedTexts | Iterable[PackedTexts],
        orders: Sequence[int] = (1, 2),
        min_count: int = 1,
        max_features: int | None = None,
        skip: int | None = 0,
    ) -> NgramTable:
        """Count the n-grams of some texts, which are gone through once.

        Args:
            batches: packed texts, or an iterable of them.
            orders: lengths of n-grams.
            min_count: n-grams that occur less often, in all texts together, are left out.
            max_features: so many of the most frequent are kept; of equals, the shorter and those whose words have
                the smaller ids. None keeps all.
            skip: n-grams that hold this word are left out; None keeps them. 0 is our unknown word.

        Raises:
            InputError: an order, min_count or max_features below 1, or no order.
        """
        orders = tuple(sorted({int(order) for order in orders}))
        if not orders or orders[0] < 1:
            raise InputError(f"expected n-gram orders of 1 or more, such as (1, 2), found {orders}")
        for name, value in (("min_count", min_count), ("max_features", max_features)):
            if value is not None and value < 1:
                raise InputError(f"expected {name} of 1 or more, found {value}")
        counted = [CountedLevel() for _ in range(orders[-1])]
        documents = 0
        for texts in _gathered(batches):
            owner = np.repeat(np.arange(len(texts)), texts.lengths)
            for _ in walk(texts, skip, orders[-1], lambda n, keys, at: counted[n - 1].add(keys, owner[at])):  # noqa: B023
                pass
            documents += len(texts)
        return cls._of(settle(counted, min_count), orders, max_features, documents)

    @classmethod
    def _of(cls, levels: list[Level], orders: tuple[int, ...], most: int | None, documents: int) -> NgramTable:
        wanted = [np.full(len(level.keys), n in orders) for n, level in enumerate(levels, start=1)]
        if most is not None:
            _keep_most_frequent(levels, wanted, most)
        levels, wanted = prune(levels, wanted)
        features, frequency, size = [], [], 0
        for level, mask in zip(levels, wanted, strict=True):
            features.append(np.where(mask, np.cumsum(mask) - 1 + size, -1))
            frequency.append(level.documents[mask])
            size += int(np.count_nonzero(mask))
        return cls(orders, [level.keys for level in levels], features, np.concatenate(frequency), documents)

    def transform(self, texts: PackedTexts) -> SparseRows:
        """Return how often each text has each feature: a row a text; n-grams that are none are dropped."""
        parts = [self._transform(part) for part in _portions(texts)]
        if len(parts) == 1:
            return parts[0]
        ids, values, lengths = ([getattr(part, name) for part in parts] for name in ("ids", "values", "lengths"))
        return SparseRows(np.concatenate(ids), np.concatenate(values), offsets_of(np.concatenate(lengths)), self.size)

    def _transform(self, texts: PackedTexts) -> SparseRows:
        owner = np.repeat(np.arange(len(texts)), texts.lengths)
        cells = [np.zeros(0, np.int64)]  # the places of the counted n-grams in the matrix: row * size + column
        for n, positions, nodes in walk(texts, None, len(self._keys), self._find):
            features = self._features[n - 1][nodes]
            chosen = features >= 0
            cells.append(owner[positions[chosen]] * self.size + features[chosen])
        cell = np.concatenate(cells)
        cell.sort()
        begins = np.flatnonzero(np.diff(cell, prepend=-1))
        row, column = np.divmod(cell[begins], max(self.size, 1))
        counts = np.diff(begins, append=len(cell))
        offsets = offsets_of(np.bincount(row, minlength=len(texts)))
        return SparseRows(column.astype(np.int32), counts.astype(np.float32), offsets, self.size)

    def transform_one(self, words: Int64) -> tuple[Int64, NDArray[np.float32]]:
        """Return the row of one text as ``transform`` does, but sooner: its columns, rising, and their counts.

        Args:
            words: its words (tokens,).
        """
        columns = self._column_of_word.take(words, mode="clip")
        if len(self._keys) > 1:
            parts, nodes = [columns], self._find(1, words, words)
            for length in range(2, len(self._keys) + 1):
                # An n-gram ends where its last word stands, and its prefix a word before.
                keys = nodes[:-1] << WORD_BITS | words[length - 1 :]
                nodes = np.where(nodes[:-1] < 0, -1, look_up(self._keys[length - 1], keys))
                parts.append(self._features[length - 1][nodes[nodes >= 0]])
            columns = np.concatenate(parts)
        columns.sort()
        new = np.empty(len(columns) + 1, np.bool_)  # where a column is another than the one before; and the end
        new[0] = new[-1] = True
        np.not_equal(columns[1:], columns[:-1], out=new[1:-1])
        edges = new.nonzero()[0]
        if len(columns) and columns[0] < 0:  # what is no feature comes first
            edges = edges[1:]
        begins = edges[:-1]
        return columns[begins], (edges[1:] - begins).astype(np.float32)

    def _find(self, length: int, keys: Int64, _positions: Int64) -> Int64:
        if length > 1:
            return look_up(self._keys[length - 1], keys)
        return self._node_of_word.take(keys, mode="clip")

    @cached_property
    def _column_of_word(self) -> Int64:
        """The feature that each word is, or -1; the last entry stands for all words beyond."""
        return self._by_word(self._features[0])

    @cached_property
    def _node_of_word(self) -> Int64:
        """Level 1 as a table by word: quicker than a search; the last entry stands for all words beyond."""
        return self._by_word(np.arange(len(self._keys[0])))

    def _by_word(self, values: Int64) -> Int64:
        """What each word of level 1 has of its values, and -1 for all others and for one word more."""
        words = self._keys[0]
        table = np.full(int(words.max(initial=0)) + 2, -1, np.int64)
        table[words] = values
        return table

    @cached_property
    def words(self) -> NDArray[np.int32]:
        """The word ids of every feature, int32 (size, longest order), with -1 after the last word."""
        table = np.full((self.size, self.orders[-1]), -1, np.int32)
        for n, features in enumerate(self._features, start=1):
            nodes = np.flatnonzero(features >= 0)
            rows = features[nodes]
            for place in range(n - 1, -1, -1):
                keys = self._keys[place][nodes]
                table[rows, place] = keys & WORD_MASK
                nodes = keys >> WORD_BITS
        return table

    def name(self, feature: int, vocabulary: Sequence[str]) -> str:
        """Return the words of a feature, such as ``"not good"``."""
        return " ".join(vocabulary[word] for word in self.words[feature].tolist() if word >= 0)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays, to be saved."""
        arrays: dict[str, NDArray[Any]] = {
            "orders": np.array(self.orders, np.int64),
            "documents": np.array([self.documents], np.int64),
            "document_frequency": self.document_frequency,
        }
        for n, (keys, features) in enumerate(zip(self._keys, self._features, strict=True), start=1):
            arrays[f"keys_{n}"], arrays[f"features_{n}"] = keys, features
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> NgramTable:
        """Restore a table from ``arrays``.

        Raises:
            InputError: arrays are missing or do not belong together.
        """
        try:
            orders = tuple(arrays["orders"].tolist())
            lengths = range(1, orders[-1] + 1)
            table = cls(
                orders,
                [np.asarray(arrays[f"keys_{n}"], np.int64) for n in lengths],
                [np.asarray(arrays[f"features_{n}"], np.int64) for n in lengths],
                np.asarray(arrays["document_frequency"], np.int64),
                int(arrays["documents"][0]),
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(f"the n-gram table is damaged: missing or odd {error}") from error
        table._check()
        return table

    def _check(self) -> None:
        features = np.concatenate(self._features)
        sound = np.array_equal(features[features >= 0], np.arange(self.size))
        nodes_before = 1
        for keys, of_keys in zip(self._keys, self._features, strict=True):
            sound &= keys.ndim == 1 and keys.shape == of_keys.shape and bool(np.all(keys[1:] > keys[:-1]))
            sound = sound and bool(np.all((keys >= 0) & (keys >> WORD_BITS < nodes_before)))
            nodes_before = len(keys)
        if not sound:
            raise InputError("the n-gram table is damaged: its arrays do not belong together")

    def __repr__(self) -> str:
        return f"NgramTable({self.size} n-grams of {self.orders} words, from {self.documents} texts)"


def _keep_most_frequent(levels: list[Level], wanted: list[NDArray[np.bool_]], most: int) -> None:
    """Clear the marks of all wanted nodes but the most frequent; the sort is stable, so that earlier ones win."""
    counts = np.concatenate([level.counts[mask] for level, mask in zip(levels, wanted, strict=True)])
    dropped = np.ones(len(counts), bool)
    dropped[np.argsort(-counts, kind="stable")[:most]] = False
    begin = 0
    for mask in wanted:
        places = np.flatnonzero(mask)
        mask[places[dropped[begin : begin + len(places)]]] = False
        begin += len(places)


def _gathered(batches: PackedTexts | Iterable[PackedTexts]) -> Iterator[PackedTexts]:
    """Yield portions of about AT_ONCE tokens: small batches are put together, large ones divided."""
    held: list[PackedTexts] = []
    tokens = 0
    for batch in [batches] if isinstance(batches, PackedTexts) else batches:
        for part in _portions(batch):
            held.append(part)
            tokens += len(part.ids)
            if tokens >= AT_ONCE:
                yield concatenate(held)
                held, tokens = [], 0
    if held:
        yield concatenate(held)


def _portions(texts: PackedTexts) -> Iterator[PackedTexts]:
    if len(texts.ids) <= AT_ONCE:
        yield texts
        return
    marks = np.arange(0, len(texts.ids), AT_ONCE)
    borders = [*np.unique(np.searchsorted(texts.offsets, marks, side="left")).tolist(), len(texts)]
    for first, stop in pairwise(sorted(set(borders))):
        yield texts[first:stop]
