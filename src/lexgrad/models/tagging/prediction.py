"""The graph that tags: parameters and sentences in, the probabilities of every word's tags out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.graph import Graph, Node, Type, input_node
from lexgrad.models.tagging import network
from lexgrad.models.tagging.encoder import Encoded
from lexgrad.models.tagging.examples import Sentences
from lexgrad.train.batches import part_of
from lexgrad.train.engine import Applier

if TYPE_CHECKING:
    from lexgrad.models.tagging.encoder import WordEncoder
    from lexgrad.models.tagging.tagger import Tagger

Array = NDArray[Any]
LOGITS = "logits"
AT_ONCE = 4096  # words, at least, that are tagged in one go, of sentences of about one length


class Predictor:
    """Runs the graph that tags.

    Args:
        model: its settings say what network it is.
        encoder: of its words.
        shapes: of its parameters.
    """

    def __init__(self, model: Tagger, encoder: WordEncoder, shapes: Mapping[str, tuple[int, ...]]) -> None:
        parameters = {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}
        types = network.input_types(model, encoder)
        inputs: dict[str, Node] = {name: input_node(name, type) for name, type in types.items()}
        logits = network.logits(model, parameters, inputs, lambda x: x)
        self.graph = Graph({**parameters, **inputs}, {LOGITS: logits}, name=f"predict_{model.name}")
        self.names, self.tags = tuple(types), shapes["b"][0]
        # bf16 is for training alone: what it learned predicts anywhere.
        precision = "fp32" if model.precision == "bf16" else model.precision
        self._apply = Applier(self.graph, parameters, precision, model.threads)

    def __call__(self, parameters: Mapping[str, Array], encoded: Encoded) -> NDArray[np.float64]:
        """Return the probabilities of every word's tags, float64 (tokens, K)."""
        sentences = Sentences(encoded, self.names)
        found = np.zeros((len(encoded.words), self.tags))
        for indices in _groups(sentences.lengths):
            inputs, places, _ = sentences.inputs(indices, np.array([0, len(indices)]))
            found[places] = self._apply(parameters, part_of(inputs, 0))[LOGITS]
        powers = np.exp(found - found.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _groups(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Sentences that have words, the shortest first, about ``AT_ONCE`` words together."""
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    cuts = np.flatnonzero(np.diff(np.cumsum(lengths[order]) // AT_ONCE)) + 1
    return (group for group in np.split(order, cuts) if len(group))
