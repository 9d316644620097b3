"""Interpolated modified Kneser–Ney: probabilities and back-off weights of n-grams from their counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lexgrad.models.language.counting import Level, count

Int = NDArray[np.int64]
Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimate:
    """An n-gram model as ARPA files write one: natural logarithms, an array an order.

    Attributes:
        levels: the n-grams of orders 2, 3, …
        probabilities: for each order from 1 on, log P(last word | words before).
        backoffs: for each order from 1 on, the log of what a longer n-gram's absence costs; the highest has none.
    """

    levels: list[Level]
    probabilities: list[Float]
    backoffs: list[Float]

    @property
    def order(self) -> int:
        """n: a word's probability depends on at most n − 1 words before it."""
        return len(self.probabilities)


def discounts_of(counts: Int) -> Float:
    """Return how much is taken from counts of 0, 1, 2 and from 3 on (Chen and Goodman 1999, equation 26).

    Where a count of counts is 0 (tiny texts), absolute discounts of 0.5, 1 and 1.5 are used.

    Args:
        counts: those of one order.
    """
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == k)) for k in (1, 2, 3, 4))
    if not (n1 and n2 and n3 and n4):
        return np.array([0.0, 0.5, 1.0, 1.5])
    share = n1 / (n1 + 2 * n2)
    found = np.array([0.0, 1 - 2 * share * n2 / n1, 2 - 3 * share * n3 / n2, 3 - 4 * share * n4 / n3])
    return found if (found[1:] > 0).all() else np.array([0.0, 0.5, 1.0, 1.5])


def estimate(ids: Int, starts: NDArray[np.bool_], words: int, order: int) -> Estimate:
    """Estimate a model of order n from a text.

    P(w | h) = max(c(h w) − D(c(h w)), 0) / c(h) + γ(h) P(w | h'), h' being h without its first word; the lowest order
    is interpolated with 1 / V, so that a word that was never seen, and the unknown word, have a share as well.

    Args:
        ids: int64 (places,), the lines, each after a start symbol whose id is the last, and before its end symbol.
        starts: bool (places,), where start symbols stand.
        words: how many ids there are, that of the start symbol included.
        order: n ≥ 1.
    """
    levels, counts = count(ids, starts, words, order)
    vocabulary = words - 1  # the start symbol is never predicted
    taken = discounts_of(counts[0])
    total = max(int(counts[0].sum()), 1)
    left = float(taken[np.minimum(counts[0], 3)].sum()) / total
    kept = (counts[0] - taken[np.minimum(counts[0], 3)]) / total
    probability = kept + (left if counts[0].any() else 1.0) / vocabulary
    probability[-1] = 0.0
    probabilities, backoffs = [probability], []
    lower_of = _last_words_places(levels)
    for level, own, suffixes in zip(levels, counts[1:], lower_of, strict=True):
        below = level.beginnings()
        taken = discounts_of(own)
        cut = taken[np.minimum(own, 3)]
        totals = np.bincount(below, weights=own, minlength=len(probabilities[-1]))
        given = np.bincount(below, weights=cut, minlength=len(probabilities[-1]))
        backoff = np.divide(given, totals, out=np.ones_like(totals), where=totals > 0)
        backoffs.append(backoff)
        probabilities.append((own - cut) / totals[below] + backoff[below] * probabilities[-1][suffixes])
    backoffs.append(np.ones(len(probabilities[-1])))
    with np.errstate(divide="ignore"):
        return Estimate(levels, [np.log(each) for each in probabilities], [np.log(each) for each in backoffs])


def _last_words_places(levels: list[Level]) -> list[Int]:
    """For each order from 2 on, the place of every n-gram without its first word in the level below."""
    found: list[Int] = []
    for number, level in enumerate(levels):
        last = level.last_words()
        if number == 0:
            found.append(last)
            continue
        beginnings = found[-1][level.beginnings()]  # the beginning without its first word, an order further down
        found.append(levels[number - 1].find(beginnings, last))
    return found
