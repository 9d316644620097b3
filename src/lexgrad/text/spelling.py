"""Known words that are spelled like an unknown one, quickly, out of a million."""

from __future__ import annotations

import difflib
import string
from collections.abc import Iterator, Mapping, Sequence

LOOKED_AT = 50_000  # of the first words, those that are frequent, by likeness


def nearest_spellings(word: str, words: Sequence[str], index: Mapping[str, int], count: int = 3) -> list[str]:
    """Return up to ``count`` known words: other cases of it first, then one letter apart, then alike.

    Args:
        word: one that is not known.
        words: the known ones, the most frequent first: of several at the same distance the earlier counts.
        index: the place of each word.
        count: how many.
    """
    cases = {form: index[form] for form in (word.lower(), word.capitalize(), word.upper()) if form in index}
    found = sorted(cases, key=cases.__getitem__)
    near = {form: index[form] for form in _one_edit(word.lower()) if form in index}
    found += [form for form in sorted(near, key=near.__getitem__) if form not in found]
    if len(found) < count:
        alike = difflib.get_close_matches(word, words[:LOOKED_AT], n=count, cutoff=0.7) if not found else []
        found += [form for form in alike if form not in found]
    return found[:count]


def _one_edit(word: str) -> Iterator[str]:
    """All that one slip of the finger makes of a word: a letter less, two exchanged, another, or one more."""
    letters = sorted(set(string.ascii_lowercase) | set(word))
    for at in range(len(word) + 1):
        before, after = word[:at], word[at:]
        if after:
            yield before + after[1:]
            yield from (before + letter + after[1:] for letter in letters)
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        yield from (before + letter + after for letter in letters)
