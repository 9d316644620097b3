"""The graphs that predict: parameters and a batch in, logits out.

Where a model says what it makes of each word by itself (``TextClassifier.of_words``), that is a graph of its own: its
rows are computed when a word first comes, and a second graph looks them up. The weights of a convolution meet each word
once, and not each of its places in texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.graph import Graph, Node, Type, input_node
from lexgrad.models.features.inputs import Batch, Inputs
from lexgrad.models.features.word_rows import LOGITS, WordApplier, word_graphs
from lexgrad.models.features.words import WordEncoder
from lexgrad.nn.layers import undropped
from lexgrad.train.engine import Applier

if TYPE_CHECKING:
    from lexgrad.models.classifiers.base import TextClassifier
    from lexgrad.models.features.encoder import Encoder

Array = NDArray[Any]


def prediction_graph(model: TextClassifier, encoder: Encoder, classes: int) -> Graph:
    """Build the graph from parameters and a batch to logits, without dropout."""
    parameters, inputs = _inputs(model, encoder, classes)
    logits = model.logits(parameters, inputs, undropped)
    return Graph({**parameters, **inputs}, {LOGITS: logits}, name=f"predict_{model.name}")


def _inputs(model: TextClassifier, encoder: Encoder, classes: int) -> tuple[dict[str, Node], dict[str, Node]]:
    """Parameters, and what is read of a batch."""
    shapes, types = model.shapes(encoder, classes), encoder.input_types()
    parameters = {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}
    return parameters, {name: input_node(name, type) for name, type in types.items()}


class Predictor:
    """Runs the prediction graph of a model.

    Args:
        model: whose graph it is.
        encoder: says what the batch's inputs are.
        classes: how many classes there are.
        steady: whether parameters stay as they are from call to call, until another array takes an array's place; of
            a model that makes nothing of words by themselves, they may be written to all the same.
    """

    def __init__(self, model: TextClassifier, encoder: Encoder, classes: int, *, steady: bool = True) -> None:
        # bf16 is for training alone: what it learned predicts anywhere.
        precision = "fp32" if model.precision == "bf16" else model.precision
        parameters, inputs = _inputs(model, encoder, classes)
        graphs = word_graphs(model.name, parameters, inputs, model.of_words, model.logits_of)
        self._lock = Lock()
        self._apply: Applier | None = None
        if graphs is None:
            graph = prediction_graph(model, encoder, classes)
            self._apply = Applier(graph, parameters, precision, model.threads)
            return
        assert isinstance(encoder, WordEncoder)
        self._words = WordApplier(graphs, parameters, precision, model.threads, encoder.one_text, steady)
        self._read = [name for name in graphs[1].inputs if name in inputs]

    def __call__(
        self, parameters: Mapping[str, Array], inputs: Inputs, part: Array | None = None
    ) -> NDArray[np.float64]:
        """Return the logits, float64: (n,) for a sigmoid output, (n, K) for a softmax output.

        ``part`` picks examples by index; None takes all.
        """
        return self.one(parameters, inputs.whole() if part is None else inputs.batch(part)[0])

    def one(self, parameters: Mapping[str, Array], batch: Batch) -> NDArray[np.float64]:
        """Return the logits for the graph's inputs; see ``Encoder.encode_one``."""
        with self._lock:
            if self._apply is not None:
                logits = self._apply.on(parameters, lent=True)(batch)[LOGITS]
            else:
                given = {name: batch[name] for name in self._read}
                given["ids"] = self._words.places(parameters, batch["ids"])
                logits = self._words(given)[LOGITS]
            return logits.astype(np.float64)
