"""From words to the numbers that the graph reads: words, affixes and shapes, characters, pretrained vectors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.files import write_text_whole
from lexgrad.models.features.pretrained import forms
from lexgrad.models.tagging.spelling import Lexicon, affixes, characters, normal, shape
from lexgrad.text.packed import offsets_of

Array = NDArray[Any]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Words = Sequence[str]


@dataclass(frozen=True)
class Encoded:
    """Sentences as numbers, one word behind the other.

    Attributes:
        words: (tokens,) numbers of words; 0 is the unknown one.
        affixes: (tokens, columns) rows of the table of affixes and shapes.
        characters: (characters,) of all words.
        ends: (tokens + 1,) where each word's characters begin, and the end of the last.
        pretrained: (tokens,) rows of the pretrained vectors; -1 for a word without one.
        offsets: (sentences + 1,) where each sentence's words begin, and the end of the last.
    """

    words: Int32
    affixes: Int32
    characters: Int32
    ends: Int64
    pretrained: Int32
    offsets: Int64

    def __len__(self) -> int:
        return len(self.offsets) - 1


@dataclass
class WordEncoder:
    """Numbers for what is known of words; it learns from training sentences alone.

    Attributes:
        words: normal forms.
        counts: (words,) how often each occurs in training; 0 for the unknown one.
        columns: a lexicon for each column of affixes and shapes.
        characters: of the words, with the marks around them.
        pretrained: the words of the pretrained vectors, as their file writes them; empty without any.
        longest: the longest affixes.
    """

    words: Lexicon
    counts: Int64
    columns: tuple[Lexicon, ...]
    characters: Lexicon
    pretrained: Lexicon
    longest: int

    @classmethod
    def learn(
        cls, sentences: Iterable[Words], *, longest: int, shapes: bool, min_count: int, pretrained: Sequence[str] = ()
    ) -> Self:
        """Learn which words, affixes, shapes and characters there are.

        Affixes, shapes and characters count where two words, or two places, have them: so there are words in training
        from which to learn what the unknown ones are like.
        """
        seen: Counter[str] = Counter()
        for sentence in sentences:
            seen.update(sentence)
        forms: Counter[str] = Counter()
        letters: Counter[str] = Counter()
        columns: list[Counter[str]] = [Counter() for _ in range(2 * longest + shapes)]
        for word, count in seen.items():
            forms[normal(word)] += count
            letters.update(characters(word))
            for column, part in zip(columns, _parts(word, longest, shapes), strict=True):
                column[part] += 1
        words = Lexicon.learn(forms, min_count)
        return cls(
            words,
            np.array([0, *(forms[word] for word in words.entries)], np.int64),
            tuple(Lexicon.learn(column, 2) for column in columns),
            Lexicon.learn(letters, 2),
            Lexicon(pretrained),
            longest,
        )

    @property
    def rows(self) -> int:
        """Rows of the table of affixes and shapes: those of all columns, one column below the other."""
        return sum(map(len, self.columns))

    def encode(self, sentences: Sequence[Words]) -> Encoded:
        """Encode sentences."""
        numbers: dict[str, int] = {}
        tokens = [numbers.setdefault(word, len(numbers)) for sentence in sentences for word in sentence]
        found = [self._numbers(word) for word in numbers]
        index = np.array(tokens, np.int64)
        lengths = np.array([len(letters) for *_, letters in found], np.int64)
        packed = np.array([number for *_, letters in found for number in letters], np.int32)
        begins = offsets_of(lengths)
        ends = offsets_of(lengths[index])
        places = np.arange(ends[-1]) + np.repeat(begins[index] - ends[:-1], lengths[index])
        table = np.array([parts for _, parts, _, _ in found], np.int32).reshape(len(found), len(self.columns))
        return Encoded(
            words=np.array([word for word, *_ in found], np.int32)[index],
            affixes=table[index],
            characters=packed[places],
            ends=ends,
            pretrained=np.array([row for _, _, row, _ in found], np.int32)[index],
            offsets=offsets_of([len(sentence) for sentence in sentences]),
        )

    def _numbers(self, word: str) -> tuple[int, list[int], int, list[int]]:
        """The numbers of a word: its own, those of its parts, of its vector, of its characters."""
        parts, first = [], 0
        for column, part in zip(self.columns, _parts(word, self.longest, self._shapes), strict=True):
            parts.append(first + column.number(part))
            first += len(column)
        row = next((n for n in self.pretrained.numbers((*forms(word), normal(word))) if n), 0) - 1
        return self.words.number(normal(word)), parts, row, list(self.characters.numbers(characters(word)))

    @property
    def _shapes(self) -> bool:
        return len(self.columns) > 2 * self.longest

    # ---- files

    def save(self, path: Path) -> None:
        """Write a JSON file: lists of strings by name."""
        record = {
            "words": self.words.entries,
            "counts": self.counts.tolist(),
            "columns": [column.entries for column in self.columns],
            "characters": self.characters.entries,
            "pretrained": self.pretrained.entries,
            "longest": self.longest,
        }
        write_text_whole(path, json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            InputError: the file is missing or damaged.
        """
        try:
            record: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                Lexicon(record["words"]),
                np.array(record["counts"], np.int64),
                tuple(map(Lexicon, record["columns"])),
                Lexicon(record["characters"]),
                Lexicon(record["pretrained"]),
                int(record["longest"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise InputError(f"{path} is missing or damaged ({fault}); restore it or train again") from fault


def _parts(word: str, longest: int, shapes: bool) -> tuple[str, ...]:
    return affixes(word, longest) + ((shape(word),) if shapes else ())
