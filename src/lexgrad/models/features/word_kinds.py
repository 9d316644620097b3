"""Further features of a word: of which kind it is, by its length, its shape, or a function of one's own.

Each feature sorts the words of the vocabulary into kinds, once, when training begins. What is kept is a table from word
to kind; a word that the vocabulary does not have is of the unknown word's kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError, suggest
from lexgrad.models.features.parts_of_speech import PREFIX, TaggedBy

LONGEST = 15
"""Letters from which on all words are of one length."""


def _length(word: str) -> int:
    return min(len(word), LONGEST)


def _shape(word: str) -> str:
    """Capitals X, small letters x, digits 9, other signs as they are; of equal neighbours one: "U.S." is "X.X."."""
    signs = "".join("X" if c.isupper() else "x" if c.isalpha() else "9" if c.isdigit() else c for c in word)
    return re.sub(r"(.)\1+", r"\1", signs)


KNOWN: Mapping[str, Callable[[str], Any]] = {"length": _length, "shape": _shape}
Features = Mapping[str, Callable[[str], Any]]
Asked = Mapping[str, "Callable[[str], Any] | TaggedBy"]


def named_features(asked: Any) -> Asked:
    """Return the features that a setting asks for, by name.

    Args:
        asked: names ("length", "shape", "pos:RUN") as a tuple or between commas, functions of a word, or a dict by
            name, or None.

    Raises:
        InputError: an unknown name, two of one name, or neither names nor functions.
    """
    if asked is None:
        return {}
    if isinstance(asked, Mapping):
        entries: list[tuple[str, Any]] = [(str(name), function) for name, function in asked.items()]
    else:
        several = asked.split(",") if isinstance(asked, str) else asked if isinstance(asked, Sequence) else [asked]
        entries = [_entry(each) for each in several]
    names = [name for name, _ in entries]
    for name, function in entries:
        if not callable(function) and not isinstance(function, TaggedBy):
            raise InputError(f"word_features: {name!r} is a function of a word; got {function!r}")
        if names.count(name) > 1 or not name.isidentifier():
            raise InputError(f"word_features have names of their own, of letters; got {', '.join(names)}")
    return dict(entries)


def _entry(asked: Any) -> tuple[str, Any]:
    if not isinstance(asked, str):
        return getattr(asked, "__name__", repr(asked)), asked
    name = asked.strip()
    if name.startswith(PREFIX):
        return "pos", TaggedBy(name.removeprefix(PREFIX))
    if name not in KNOWN:
        raise InputError(
            f"word_features are {', '.join(KNOWN)}, {PREFIX}RUN of a tagger, or functions of a word;"
            f" got {name!r}{suggest(name, KNOWN)}"
        )
    return name, KNOWN[name]


def word_kinds(features: Features, vocabulary: Sequence[str], unknown: int) -> dict[str, NDArray[np.int64]]:
    """Sort words into kinds, numbered in the order in which they come; the unknown word's is 0.

    Args:
        features: functions of a word by name; what they return stands for a kind.
        vocabulary: words by id.
        unknown: the id of the unknown word, which no function is asked about.

    Raises:
        InputError: a function fails, or what it returns cannot be told apart (is not hashable).
    """
    tables = {}
    for name, function in features.items():
        numbers: dict[Any, int] = {}
        table = np.zeros(len(vocabulary), np.int64)
        for number, word in enumerate(vocabulary):
            if number != unknown:
                try:
                    table[number] = numbers.setdefault(function(word), len(numbers) + 1)
                except Exception as fault:
                    raise InputError(
                        f"word_features: {name}({word!r}) failed: {type(fault).__name__}: {fault}"
                    ) from fault
        tables[name] = table
    return tables
