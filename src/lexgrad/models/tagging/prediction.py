"""The graph that tags: parameters and sentences in, the probabilities of every word's tags out.

What its first layer makes of a word by itself is a graph of its own: it is computed once for each spelling, and looked
up from then on; see ``lexgrad.models.features.word_rows``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.graph import Node, Type, input_node
from lexgrad.models.features.stepped import steps_of_one
from lexgrad.models.features.word_rows import LOGITS, WordApplier, word_graphs
from lexgrad.models.tagging import network
from lexgrad.models.tagging.examples import context
from lexgrad.text.packed import offsets_of, offsets_of_one
from lexgrad.train.batches import part_of

if TYPE_CHECKING:
    from lexgrad.models.tagging.encoder import WordEncoder
    from lexgrad.models.tagging.tagger import Tagger

Array = NDArray[Any]
Int64 = NDArray[np.int64]
Nodes = Mapping[str, Node]
Words = Sequence[str]
AT_ONCE = 4096  # words, at least, that are tagged in one go, of sentences of about one length
REMEMBERED = 1 << 18
"""Spellings that have numbers at most, if one call has no more."""


class Predictor:
    """Runs the graph that tags.

    Args:
        model: its settings say what network it is.
        encoder: of its words.
        shapes: of its parameters.
        steady: whether parameters stay as they are from call to call, until another array takes an array's place.
    """

    def __init__(
        self, model: Tagger, encoder: WordEncoder, shapes: Mapping[str, tuple[int, ...]], *, steady: bool = True
    ) -> None:
        parameters = {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}
        types = network.input_types(model, encoder)
        inputs: dict[str, Node] = {name: input_node(name, type) for name, type in types.items()}
        of_words = functools.partial(network.of_words, model)
        graphs = word_graphs(model.name, parameters, inputs, of_words, functools.partial(_below_most, model))
        assert graphs is not None
        # bf16 is for training alone: what it learned predicts anywhere.
        precision = "fp32" if model.precision == "bf16" else model.precision
        self._apply = WordApplier(graphs, parameters, precision, model.threads, self._known, steady)
        self._encoder, self._numbers = encoder, _Numbers()
        self._stepped, self._tags = "steps" in types, shapes["b"][0]
        self._lock = Lock()

    def __call__(self, parameters: Mapping[str, Array], sentences: Sequence[Words]) -> NDArray[np.float64]:
        """Return the probabilities of every word's tags, float64 (tokens, K), one sentence behind the other."""
        with self._lock:
            if len(self._numbers) > REMEMBERED:
                self._numbers = _Numbers()
                self._apply.forget()
            numbers = b"".join(map(self._numbers.__getitem__, chain.from_iterable(sentences)))
            places = self._apply.places(parameters, np.frombuffer(numbers, np.int64))
            if len(sentences) == 1 and len(places):
                below = self._apply({"words": places, **self._alone(len(places))})[LOGITS].astype(np.float64)
            else:
                below = np.zeros((len(places), self._tags))
                offsets = offsets_of([len(words) for words in sentences])
                for indices in _groups(np.diff(offsets)):
                    inputs, order, _ = context(offsets, indices, np.array([0, len(indices)]), stepped=self._stepped)
                    below[order] = self._apply({"words": places[order], **part_of(inputs, 0)})[LOGITS]
        powers = np.exp(below, out=below)
        powers /= np.add.reduce(powers, axis=1, keepdims=True)
        return powers

    def _alone(self, words: int) -> Mapping[str, Array]:
        """What ``context`` says of a single sentence, but sooner."""
        if self._stepped:
            return steps_of_one(words)
        return {"offsets": offsets_of_one(words)}

    def _known(self, numbers: Int64) -> dict[str, Array]:
        """What is known of words, as the graph reads it."""
        encoded = self._encoder.encode([[self._numbers.spellings[number] for number in numbers.tolist()]])
        names = ("words", "affixes", "pretrained", "characters", "ends")
        return {name: getattr(encoded, name).astype(np.int64) for name in names}


def _below_most(model: Tagger, tables: Nodes, parameters: Nodes, inputs: Nodes) -> Node:
    """The logits of every word's tags, less the largest: 0 for that, below 0 for all others."""
    z = network.logits_of(model, tables, parameters, inputs)
    return z - ops.expand_dims(ops.max(z, 1), 1)


class _Numbers(dict[str, bytes]):
    """The number of each spelling as it lies in memory, given when it is first asked for.

    Attributes:
        spellings: by number.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spellings: list[str] = []

    def __missing__(self, word: str) -> bytes:
        self.spellings.append(word)  # first: an interrupt may leave a number unused, but none without a spelling
        self[word] = number = np.int64(len(self.spellings) - 1).tobytes()
        return number


def _groups(lengths: Int64) -> Iterator[Int64]:
    """Sentences that have words, the shortest first, about ``AT_ONCE`` words together."""
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    cuts = np.flatnonzero(np.diff(np.cumsum(lengths[order]) // AT_ONCE)) + 1
    return (group for group in np.split(order, cuts) if len(group))
