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
from lexgrad.models.features.word_rows import LOGITS, RowsOfParameters, word_graphs
from lexgrad.models.features.words import WordEncoder
from lexgrad.nn.layers import undropped
from lexgrad.train.engine import DTYPES, Applier

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
        self.dtype = DTYPES[model.precision]
        # bf16 is for training alone: what it learned predicts anywhere.
        precision = "fp32" if model.precision == "bf16" else model.precision
        parameters, inputs = _inputs(model, encoder, classes)
        graphs = word_graphs(model.name, parameters, inputs, model.of_words, model.logits_of)
        self._words: RowsOfParameters | None = None
        graph = prediction_graph(model, encoder, classes) if graphs is None else graphs[1]
        if graphs is not None:
            assert isinstance(encoder, WordEncoder)
            self._words = RowsOfParameters(graphs[0], parameters, precision, model.threads, encoder.one_text, steady)
        fixed = [name for name in graph.inputs if name not in encoder.input_types()]
        words = graphs is not None
        self._apply = Applier(graph, fixed, precision, model.threads, panels=words, steady=words and steady)
        self._varying = [name for name in graph.inputs if name not in fixed]
        self._real = any(graph.inputs[name].type.dtype == "float" for name in self._varying)
        self._lock = Lock()

    def __call__(
        self, parameters: Mapping[str, Array], inputs: Inputs, part: Array | None = None
    ) -> NDArray[np.float64]:
        """Return the logits, float64: (n,) for a sigmoid output, (n, K) for a softmax output.

        ``part`` picks examples by index; None takes all.
        """
        return self.one(parameters, inputs.whole() if part is None else inputs.batch(part)[0])

    def one(self, parameters: Mapping[str, Array], batch: Batch) -> NDArray[np.float64]:
        """Return the logits for the graph's inputs; see ``Encoder.encode_one``."""
        if self._words is None:
            given = as_precision(batch, self.dtype) if self._real else batch
            return self._apply(parameters, given)[LOGITS].astype(np.float64)
        with self._lock:  # words that come new may take the place of others
            rows = self._words.of(parameters)
            given = {name: batch[name] for name in self._varying}
            given["ids"] = rows.places(batch["ids"])
            logits = self._apply({**parameters, **rows.tables}, given)[LOGITS]
        return logits.astype(np.float64)


def as_precision(batch: Mapping[str, Array], dtype: Any) -> dict[str, Array]:
    """Bring the real-valued arrays of a batch to the model's precision."""
    return {
        name: array.astype(dtype, copy=False) if array.dtype.kind == "f" else array for name, array in batch.items()
    }
