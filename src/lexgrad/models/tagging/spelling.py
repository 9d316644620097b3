"""What is read off a word's letters: its normal form, its shape, its beginnings and endings, its characters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

_DIGITS = re.compile(r"\d")
LONGEST = 24  # characters of a word that are read: of a longer one, as many at its beginning as at its end
BEGIN, END = "\x02", "\x03"  # stand around a word's characters
UNKNOWN = "<unk>"


def normal(word: str) -> str:
    """The form under which a word is looked up: lower case, every digit a 0."""
    return _DIGITS.sub("0", word.lower())


def shape(word: str) -> str:
    """Which kinds of characters stand behind one another, each run cut to two: ``Xx``, ``XX``, ``00``, ``x-x``.

    Upper case is X, lower case x, a digit 0, other letters a; all else stands for itself.
    """
    kinds: list[str] = []
    for character in word:
        kind = _kind(character)
        if kinds[-2:] != [kind, kind]:
            kinds.append(kind)
    return "".join(kinds[:LONGEST])


def _kind(character: str) -> str:
    if character.isupper():
        return "X"
    if character.islower():
        return "x"
    if character.isdecimal():
        return "0"
    return "a" if character.isalpha() else character


def affixes(word: str, longest: int) -> tuple[str, ...]:
    """The first 1, 2, … ``longest`` characters of a word's normal form, then the last; "" where it is shorter."""
    form = normal(word)
    lengths = range(1, longest + 1)
    beginnings = (form[:n] if len(form) >= n else "" for n in lengths)
    return (*beginnings, *(form[-n:] if len(form) >= n else "" for n in lengths))


def characters(word: str) -> str:
    """The characters of a word between ``BEGIN`` and ``END``."""
    if len(word) > LONGEST:
        word = word[: LONGEST // 2] + word[-(LONGEST // 2) :]
    return BEGIN + word + END


class Lexicon:
    """Numbers for strings: 0 is the unknown one.

    Args:
        entries: the strings of numbers 1, 2, ...
    """

    def __init__(self, entries: Sequence[str]) -> None:
        self.entries = list(entries)
        self._numbers = {entry: i for i, entry in enumerate(self.entries, 1)}

    @classmethod
    def learn(cls, counts: Counter[str], least: int) -> Lexicon:
        """Number strings by how often they occur, those seen fewer than ``least`` times left out."""
        kept = [entry for entry, count in counts.items() if count >= least]
        return cls(sorted(kept, key=lambda entry: (-counts[entry], entry)))

    def __len__(self) -> int:
        """How many numbers there are, the unknown one's included."""
        return len(self.entries) + 1

    def __contains__(self, entry: str) -> bool:
        return entry in self._numbers

    def number(self, entry: str) -> int:
        """The number of a string; 0 for one that is unknown."""
        return self._numbers.get(entry, 0)

    def numbers(self, entries: Iterable[str]) -> Iterator[int]:
        """The numbers of strings."""
        return (self._numbers.get(entry, 0) for entry in entries)
