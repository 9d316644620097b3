"""Encoded sentences as the inputs of training and prediction steps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.compile import Rows
from lexgrad.models.features.stepped import SteppedPlaces
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

    def inputs(self, indices: Int64, cuts: Int64) -> tuple[dict[str, Array | Rows], Int64, Int64]:
        """The graph's inputs for several steps, and where their words stand.

        Args:
            indices: sentences.
            cuts: (steps + 1,) step s reads ``indices[cuts[s]:cuts[s + 1]]``.

        Returns:
            (inputs by name, the positions of the words in the order in which they are read, where those of each step
            begin among them and those of the last end).
        """
        given = self.encoded
        found, places, borders = context(given.offsets, indices, cuts, stepped="steps" in self.names)
        for name in ("words", "affixes", "pretrained"):
            if name in self.names:
                found[name] = cut_rows(getattr(given, name)[places].astype(np.int64), borders)
        if "characters" in self.names:
            letters = PackedSteps.of(given.ends, places, borders)
            found["characters"] = cut_rows(given.characters[letters.places].astype(np.int64), letters.cuts)
            found["ends"] = letters.offsets
        return found, places, borders


def context(
    offsets: Int64, indices: Int64, cuts: Int64, *, stepped: bool
) -> tuple[dict[str, Array | Rows], Int64, Int64]:
    """Which word stands beside which; as ``Sentences.inputs``, without what is known of the words themselves.

    Args:
        offsets: (sentences + 1,) where each sentence's words begin, and the end of the last.
        indices: sentences.
        cuts: (steps + 1,) step s reads ``indices[cuts[s]:cuts[s + 1]]``.
        stepped: whether words are read step by step, and not sentence by sentence.
    """
    if stepped:
        found = SteppedPlaces.of(offsets, indices, cuts)
        return {"steps": found.steps, "rank": found.rank}, found.places, found.cuts
    packed = PackedSteps.of(offsets, indices, cuts)
    return {"offsets": packed.offsets}, packed.places, packed.cuts


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
        inputs, places, borders = self.sentences.inputs(indices, cuts)
        inputs[LABELS] = cut_rows(self.labels[places], borders)
        inputs[RATES] = cut_rows(self.rates[places], borders)
        inputs[KEY] = self.key
        return Batches(inputs, np.diff(cuts), np.diff(borders))
