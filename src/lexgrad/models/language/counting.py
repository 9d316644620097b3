"""n-grams of a corpus, counted order by order: each is a longer one's beginning and one more word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]
NOWHERE = -1


@dataclass(frozen=True, eq=False)
class Level:
    """The n-grams of one order, n ≥ 2.

    Attributes:
        keys: int64 (n-grams,), rising: the place of the first n − 1 words in the level below, times
            ``words``, plus the last one.
        words: how many ids there are.
    """

    keys: Int
    words: int

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, below: Int, last: Int) -> Int:
        """Return the places of n-grams given by the place of their beginning (or -1) and their last word; -1: absent.

        Args:
            below: int64 (n,).
            last: int64 (n,).
        """
        if not len(self.keys):
            return np.full(len(below), NOWHERE)
        keys = below * self.words + last
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where((below >= 0) & (self.keys[places] == keys), places, NOWHERE)

    def following(self, below: int) -> tuple[int, int]:
        """Return where the n-grams with a beginning start and stop."""
        first, last = np.searchsorted(self.keys, [below * self.words, (below + 1) * self.words])
        return int(first), int(last)

    def last_words(self, start: int = 0, stop: int | None = None) -> Int:
        """Return the last word of each n-gram between two places."""
        return self.keys[start:stop] % self.words

    def beginnings(self) -> Int:
        """Return the place in the level below of each n-gram's first n − 1 words."""
        return self.keys // self.words


def walk(levels: Iterable[Level], ids: Int, starts: NDArray[np.bool_]) -> Iterable[tuple[Int, Int]]:
    """Go along a text with each order in turn.

    Args:
        levels: orders 2, 3, …
        ids: int64 (places,), the text, with a start symbol before each line.
        starts: bool (places,), where start symbols stand.

    Yields:
        For each level: the place in the level below of the words just before each place of the text (-1 where there
        are too few in the line, or they were never counted), and the place of the n-gram that ends there (-1: absent).
    """
    ending = ids  # of order 1, a word's place is its id
    for level in levels:
        before = previous(ending, starts)
        ending = level.find(before, ids)
        yield before, ending


def previous(ending: Int, starts: NDArray[np.bool_]) -> Int:
    """Return the n-gram that ends just before each place, -1 at the start of a line."""
    before = np.concatenate([[NOWHERE], ending[:-1]])
    before[starts] = NOWHERE
    return np.asarray(before)


def count(ids: Int, starts: NDArray[np.bool_], words: int, order: int) -> tuple[list[Level], list[Int]]:
    """Count the n-grams of orders 1 to ``order``, as modified Kneser–Ney wants them.

    The count of an n-gram of the highest order, or of one that begins a line, is how often it occurs. Of any other it
    is the number of distinct words before it (Kneser and Ney 1995; Chen and Goodman 1999, section 4.1.6; ends and
    beginnings of lines as in Heafield et al. 2013, section 3).

    Args:
        ids: int64 (places,), as for ``walk``.
        starts: bool (places,), where start symbols stand.
        words: how many ids there are, that of the start symbol included.
        order: n.

    Returns:
        The levels of orders 2 to ``order``, or to the highest that a line is long enough for, and the counts of every
        order from 1 on, int64. A start symbol counts 0.
    """
    levels: list[Level] = []
    ending, begins_line = ids, starts  # the n-gram ending at each place, and whether it begins with a start symbol
    raw = np.bincount(ids[~starts], minlength=words)
    from_start = np.bincount(ids[starts], minlength=words) > 0
    counts: list[Int] = []
    for _ in range(order - 1):
        before = previous(ending, starts)
        keys = np.where(before >= 0, before * words + ids, NOWHERE)
        places = np.flatnonzero(before >= 0)
        if not len(places):  # no line is so long
            break
        unique, first, occurrences = np.unique(keys[places], return_index=True, return_counts=True)
        suffixes = ending[places[first]]  # of each distinct n-gram, the shorter one that it ends with
        distinct = np.bincount(suffixes, minlength=len(raw))
        counts.append(np.where(from_start, raw, distinct))
        level = Level(unique, words)
        ending = level.find(before, ids)
        begins_line = np.concatenate([[False], begins_line[:-1]]) & (before >= 0)
        raw = occurrences
        from_start = np.bincount(ending[begins_line], minlength=len(unique)) > 0
        levels.append(level)
    counts.append(np.asarray(raw))
    counts[0][ids[starts][:1]] = 0
    return levels, [np.asarray(each, np.int64) for each in counts]
