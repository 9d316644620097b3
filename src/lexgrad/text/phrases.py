"""Pairs of words that are phrases, such as ``new_york``: Mikolov et al. 2013, "Distributed Representations of Words
and Phrases and their Compositionality", equation 6."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lexgrad.text.ngram_levels import WORD_BITS, WORD_MASK, look_up
from lexgrad.text.numbered import NumberedTexts, blocks, changed, count_ids
from lexgrad.text.packed import Int32, Int64

JOINT = "_"
MOST_PAIRS = 1 << 25  # distinct pairs that are kept while counting


def join_phrases(found: NumberedTexts, min_count: int, threshold: float, in_memory: int) -> NumberedTexts:
    """Join each pair of neighbours whose score is above ``threshold`` to one word, from the left on.

    score(a, b) = (count(a b) − δ) / (count(a) · count(b)) · N, with δ = ``min_count`` so that rare pairs do not score
    high by chance. N, the number of words, is not in the equation, but in the authors' program: it makes
    thresholds good for corpora of any size. Words that occur fewer than ``min_count`` times are in no phrase.

    Args:
        found: texts and counts.
        min_count: δ.
        threshold: 100 in the authors' program.
        in_memory: bytes beyond which the ids lie in a temporary file.
    """
    pairs, counts = _count_pairs(found, min_count)
    first, second = found.counts[pairs >> WORD_BITS], found.counts[pairs & WORD_MASK]
    scores = (counts - min_count) * float(len(found.texts.ids)) / (first.astype(np.float64) * second)
    phrases = pairs[scores > threshold]
    if not len(phrases):
        return found
    known = len(found.words)

    def join(ids: Int32, ends: Int64) -> Int32:
        places = look_up(phrases, _pairs(ids, ends))
        begins = _alternate(places >= 0)
        new = ids.copy()
        new[begins] = known + places[begins]
        new[begins + 1] = -1
        return new

    words = found.words
    joined = [f"{words[pair >> WORD_BITS]}{JOINT}{words[pair & WORD_MASK]}" for pair in phrases.tolist()]
    texts = changed(found.texts, join, in_memory)
    counts = count_ids(texts, known + len(joined))
    return NumberedTexts([*words, *joined], np.where(_forgotten(found, len(counts)), 0, counts), texts)


def _forgotten(found: NumberedTexts, size: int) -> NDArray[np.bool_]:
    gone = np.zeros(size, bool)
    gone[: len(found.words)] = found.counts == 0
    return gone


def _pairs(ids: Int32, ends: Int64) -> Int64:
    """The key of each id and the one after it; -1 at the end of a text."""
    keys = np.full(len(ids), -1, np.int64)
    keys[:-1] = ids[:-1].astype(np.int64) << WORD_BITS | ids[1:]
    keys[ends[ends > 0] - 1] = -1
    return keys


def _alternate(flags: NDArray[np.bool_]) -> Int64:
    """The places of the first, third, ... of each run of flags: a word is in one phrase only."""
    places = np.arange(len(flags))
    before = np.maximum.accumulate(np.where(flags, -1, places))
    return np.flatnonzero(flags & ((places - before) % 2 == 1))


def _count_pairs(found: NumberedTexts, least: int) -> tuple[Int64, Int64]:
    """The pairs of words that occur ``least`` times, as sorted keys, and how often each occurs."""
    common = found.counts >= least
    total = np.zeros(0, np.int64), np.zeros(0, np.int64)
    floor = 1
    for ids, ends in blocks(found.texts):
        keys = _pairs(ids, ends)
        keys[:-1][~(common[ids[:-1]] & common[ids[1:]])] = -1
        total = _merged(*total, *np.unique(keys[keys >= 0], return_counts=True))
        while len(total[0]) > MOST_PAIRS:
            often = total[1] > floor
            total = total[0][often], total[1][often]
            floor += 1
    often = total[1] >= least
    return total[0][often], total[1][often]


def _merged(keys: Int64, counts: Int64, more: Int64, more_counts: Int64) -> tuple[Int64, Int64]:
    """Add up the counts of two sorted lists of keys."""
    places = np.searchsorted(keys, more)
    known = look_up(keys, more) >= 0
    counts = counts.copy()
    counts[places[known]] += more_counts[known]
    fresh = ~known
    return np.insert(keys, places[fresh], more[fresh]), np.insert(counts, places[fresh], more_counts[fresh])
