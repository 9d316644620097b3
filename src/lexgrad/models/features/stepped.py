"""Words packed step by step, for recurrent networks: the first words of all texts, then the second ones, and so on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lexgrad.compile import Rows
from lexgrad.graph import Dim, Type
from lexgrad.models.features.inputs import BATCH, TOKENS, Batch, Inputs
from lexgrad.models.features.words import WordEncoder
from lexgrad.text.packed import PackedTexts, let_go, offsets_of, places_of, read_only
from lexgrad.train.batches import cut_rows

Array = NDArray[Any]
Int64 = NDArray[np.int64]
TIME = Dim("time")


@dataclass(frozen=True)
class SteppedPlaces:
    """Where the words of texts stand that several training steps read, packed step by step.

    The texts of a batch go from the longest to the shortest, and equally long ones in their order. Step t of a network
    has the t-th word of every text that has one.

    Attributes:
        places: the positions of all words, one training step behind the other: ``ids[places]`` are what they read.
        cuts: (training steps + 1,) where the words of each training step begin, and those of the last end.
        steps: of each, where the words of each step of the network begin (time + 1,).
        rank: of each, which place each text has among its texts (batch,).
    """

    places: Int64
    cuts: Int64
    steps: Rows
    rank: Rows

    @classmethod
    def of(cls, offsets: Int64, indices: Int64, cuts: Int64) -> SteppedPlaces:
        """Find the words of some texts.

        Args:
            offsets: (texts + 1,) where each text's words begin.
            indices: the texts that are read.
            cuts: training step s reads the texts ``indices[cuts[s]:cuts[s + 1]]``.
        """
        lengths = np.diff(offsets)[indices]
        batch = np.repeat(np.arange(len(cuts) - 1), np.diff(cuts))
        order = np.lexsort((-lengths, batch))
        rank = np.empty(len(indices), np.int64)
        rank[order] = np.arange(len(indices)) - cuts[batch]
        time = np.zeros(len(cuts) - 1, np.int64)
        np.maximum.at(time, batch, lengths)
        first = offsets_of(time)  # where the steps of each batch begin among all steps

        places, bounds = places_of(offsets[:-1], offsets[1:], indices)
        row = np.repeat(np.arange(len(indices)), lengths)
        step = first[batch[row]] + np.arange(bounds[-1]) - bounds[row]
        begins = offsets_of(np.bincount(step, minlength=int(first[-1])))
        stepped = np.empty(len(places), np.int64)
        stepped[begins[step] + rank[row]] = places

        tokens = begins[first]
        own = offsets_of(time + 1)  # each batch has an offset more than it has steps
        number = np.repeat(np.arange(len(time)), time + 1)
        steps = begins[np.arange(own[-1]) - number] - tokens[number]
        return cls(stepped, tokens, cut_rows(steps, own), cut_rows(rank, cuts))


@dataclass(frozen=True)
class SteppedInputs(Inputs):
    """Packed words, step by step: inputs ``ids`` (tokens,), ``steps`` (time + 1,) and ``rank`` (batch,).

    They are as ``SteppedPlaces`` has them: step t has the words ``ids[steps[t]:steps[t + 1]]``.
    """

    texts: PackedTexts

    def __len__(self) -> int:
        return len(self.texts)

    def pick(self, indices: Int64, cuts: Int64) -> tuple[dict[str, Array | Rows], Int64]:
        """See Inputs.pick."""
        found = SteppedPlaces.of(self.texts.offsets, indices, cuts)
        ids = self.texts.ids[found.places].astype(np.int64)
        let_go(self.texts.ids)
        inputs: dict[str, Array | Rows] = {
            "ids": cut_rows(ids, found.cuts),
            "steps": found.steps,
            "rank": found.rank,
        }
        return inputs, np.diff(found.cuts)


def stepped_types() -> dict[str, Type]:
    """Input types of SteppedInputs."""
    return {"ids": Type("int", (TOKENS,)), "steps": Type("int", (TIME + 1,)), "rank": Type("int", (BATCH,))}


_STEPS, _FIRST = read_only(np.arange(1024)), read_only(np.zeros(1, np.int64))


def steps_of_one(length: int) -> Batch:
    """The inputs ``steps`` and ``rank`` of a single text of so many words."""
    steps = _STEPS[: length + 1] if length < len(_STEPS) else np.arange(length + 1)
    return {"steps": steps, "rank": _FIRST}


class SteppedEncoder(WordEncoder):
    """Texts as word ids, packed step by step."""

    kind: ClassVar[str] = "steps"

    def input_types(self) -> dict[str, Type]:
        """See Encoder.input_types."""
        return stepped_types()

    def one_text(self, ids: Int64) -> Batch:
        """See WordEncoder.one_text."""
        return {"ids": ids, **steps_of_one(len(ids))}

    def inputs(self, texts: PackedTexts) -> SteppedInputs:
        """See WordEncoder.inputs."""
        return SteppedInputs(texts)
