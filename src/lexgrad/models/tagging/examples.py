"""Encoded sentences as the inputs of training and prediction steps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.compile import Rows
from lexgrad.models.tagging.encoder import Encoded
from lexgrad.train.batches import Batches, PackedSteps, cut_rows

Array = NDArray[Any]
Int64 = NDArray[np.int64]
LABELS, RATES, KEY = "labels", "rates", "key"


@dataclass(frozen=True)
class Sentences:
    """Sentences from which steps pick theirs.

    Attributes:
        encoded: what is known of their words.
        names: the inputs that the graph reads.
    """

    encoded: Encoded
    names: Collection[str]

    def __len__(self) -> int:
        return len(self.encoded)

    @property
    def lengths(self) -> Int64:
        """Words in each sentence (sentences,)."""
        return np.diff(self.encoded.offsets)

    def inputs(self, indices: Int64, cuts: Int64) -> tuple[dict[str, Array | Rows], PackedSteps]:
        """The graph's inputs for several steps, and where their words stand.

        Args:
            indices: sentences.
            cuts: (steps + 1,) step s reads ``indices[cuts[s]:cuts[s + 1]]``; no step is without sentences.
        """
        given, steps = self.encoded, PackedSteps.of(self.encoded.offsets, indices, cuts)
        found: dict[str, Array | Rows] = {"offsets": steps.offsets}
        for name in ("words", "affixes", "pretrained"):
            if name in self.names:
                found[name] = cut_rows(getattr(given, name)[steps.places].astype(np.int64), steps.cuts)
        if "characters" in self.names:
            letters = PackedSteps.of(given.ends, steps.places, steps.cuts)
            found["characters"] = cut_rows(given.characters[letters.places].astype(np.int64), letters.cuts)
            found["ends"] = letters.offsets
        if "clock" in self.names:
            longest = np.maximum.reduceat(self.lengths[indices], cuts[:-1])
            found["clock"] = Rows(np.arange(longest.max()), np.zeros_like(longest), longest)
        return found, steps


@dataclass(frozen=True)
class TaggedSentences:
    """Sentences to learn from.

    Attributes:
        sentences: their words.
        labels: (tokens,) the number of each word's tag.
        rates: (tokens,) with which probability a word is taken for an unknown one.
        key: of dropout's random numbers.
    """

    sentences: Sentences
    labels: Int64
    rates: Array
    key: Array

    def __len__(self) -> int:
        return len(self.sentences)

    def pick(self, indices: Int64, cuts: Int64) -> Batches:
        """See lexgrad.train.batches.Collection."""
        inputs, steps = self.sentences.inputs(indices, cuts)
        inputs[LABELS] = cut_rows(self.labels[steps.places], steps.cuts)
        inputs[RATES] = cut_rows(self.rates[steps.places], steps.cuts)
        inputs[KEY] = self.key
        return Batches(inputs, np.diff(cuts), steps.lengths)
