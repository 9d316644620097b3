"""Language models held against each other on one text: perplexities, and how sure a difference is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.language.base import LanguageModel
from lexgrad.models.language.lines import encode_lines
from lexgrad.nn.initialisers import generator
from lexgrad.text.corpus import Corpus
from lexgrad.train.progress import Progress

SAMPLES, MOST_DRAWN = 10_000, 1 << 23  # of the text's lines; and how many lines are drawn at a time
Float = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Compared:
    """One model's row.

    Attributes:
        name: what the model was called.
        perplexity: per word, ends of lines included.
        bits_per_word: its binary logarithm.
        words: how many words the text has.
        lines: how many lines, which are what is resampled.
        unknown: how many of its tokens the model has as the unknown one.
        p: how often, in resampled texts, the best model is not better than this one; None for the best.
    """

    name: str
    perplexity: float
    bits_per_word: float
    words: int
    lines: int
    unknown: int
    p: float | None

    def json(self) -> dict[str, Any]:
        """The row as JSON."""
        return dataclasses.asdict(self)


def compare(
    models: Mapping[str, LanguageModel], X: Any, *, seed: int = 0, progress: Progress | None = None
) -> list[Compared]:
    """Measure models on one text, best first.

    A line is one observation: the paired bootstrap (Koehn 2004) draws as many lines with replacement, ``SAMPLES``
    times, and counts how often the best model's total log-probability is not the higher one.

    Args:
        models: fitted models by name.
        X: a Corpus, a table, or a list of lines.
        seed: fixes the resampling.
        progress: told how far it has come.

    Raises:
        InputError: the models count other lines of the text (characters count blank ones).
    """
    corpus = Corpus.of(X)
    totals: dict[str, Float] = {}
    words: dict[str, int] = {}
    unknown: dict[str, int] = {}
    for name, model in models.items():
        lines = encode_lines(model.tokenizer_, corpus, progress)
        ends = lines.texts.offsets + np.arange(len(lines) + 1)
        cumulative = np.concatenate([[0.0], np.cumsum(model.line_logarithms(lines, progress))])
        totals[name] = np.diff(cumulative[ends])
        words[name] = lines.words + len(lines)
        unknown[name] = int(np.count_nonzero(lines.texts.ids == model.tokenizer_.unknown))
        first = next(iter(totals))
        if len(totals[name]) != len(totals[first]):
            raise InputError(
                f"{first} and {name} count other lines of {corpus.source} ({len(totals[first]):,} and"
                f" {len(totals[name]):,}: blank lines count for characters only); leave blank lines out of the text"
            )
    counted = min(words.values())  # tokenisers may cut words apart; the words of the text are those of the coarsest
    best, *others = sorted(totals, key=lambda name: -float(totals[name].sum()))
    rows = []
    for name in (best, *others):
        bits = -float(totals[name].sum()) / counted / math.log(2)
        chance = None if name == best else _chance(totals[best] - totals[name], seed)
        perplexity = 2.0**bits if bits < 1000 else math.inf
        rows.append(Compared(name, perplexity, bits, counted, len(totals[name]), unknown[name], chance))
    return rows


def _chance(differences: Float, seed: int) -> float:
    """How often the sum of as many differences, drawn with replacement, is not above 0."""
    random, lines = generator(seed, "bootstrap"), len(differences)
    at_once = min(100, max(1, MOST_DRAWN // lines))
    lost = 0
    for done in range(0, SAMPLES, at_once):
        drawn = random.integers(lines, size=(min(at_once, SAMPLES - done), lines))
        lost += int(np.count_nonzero(differences[drawn].sum(axis=1) <= 0))
    return lost / SAMPLES
