"""The graphs that predict: parameters and a batch in, logits out; and probabilities from logits.

Where a model says what it makes of each word by itself (``TextClassifier.of_words``), that is a graph of its own: its
rows are computed when a word first comes, and a second graph looks them up. The weights of a convolution meet each word
once, and not each of its places in texts.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.graph import Dim, Graph, Node, Type, input_node, topological
from lexgrad.models.features.inputs import Batch, Inputs
from lexgrad.models.features.word_rows import WordRows
from lexgrad.models.features.words import WordEncoder
from lexgrad.nn.layers import undropped
from lexgrad.train.engine import DTYPES, Applier

if TYPE_CHECKING:
    from lexgrad.models.classifiers.base import TextClassifier
    from lexgrad.models.features.encoder import Encoder

Array = NDArray[Any]
Int64 = NDArray[np.int64]
LOGITS = "logits"
KNOWN = Dim("known")


def word_graphs(model: TextClassifier, encoder: Encoder, classes: int) -> tuple[Graph, Graph] | None:
    """Build the graph of what a model makes of each word by itself, and that of the logits where this is known.

    Returns:
        the first has an output for each table; the second an input of the same name, (rows, …), whose rows ``ids`` are.
        None where the model makes nothing of words by themselves.
    """
    parameters = {
        name: input_node(name, Type("float", shape)) for name, shape in model.shapes(encoder, classes).items()
    }
    inputs = {name: input_node(name, type) for name, type in encoder.input_types().items()}
    made = model.of_words(parameters, inputs)
    if not made:
        return None
    tables = {name: input_node(name, Type("float", (KNOWN, *node.shape[1:]))) for name, node in made.items()}
    logits = model.logits_of(tables, parameters, inputs)
    return (
        Graph(_read({**parameters, **inputs}, list(made.values())), made, name=f"words_{model.name}"),
        Graph(_read({**tables, **parameters, **inputs}, [logits]), {LOGITS: logits}, name=f"predict_{model.name}"),
    )


def _read(inputs: Mapping[str, Node], outputs: list[Node]) -> dict[str, Node]:
    """Those inputs that the outputs depend on."""
    nodes = set(topological(outputs))
    return {name: node for name, node in inputs.items() if node in nodes}


def prediction_graph(model: TextClassifier, encoder: Encoder, classes: int) -> Graph:
    """Build the graph from parameters and a batch to logits, without dropout."""
    parameters = {
        name: input_node(name, Type("float", shape)) for name, shape in model.shapes(encoder, classes).items()
    }
    inputs = {name: input_node(name, type) for name, type in encoder.input_types().items()}
    logits = model.logits(parameters, inputs, undropped)
    return Graph({**parameters, **inputs}, {LOGITS: logits}, name=f"predict_{model.name}")


class Predictor:
    """Runs the prediction graph of a model.

    Args:
        model: whose graph it is.
        encoder: says what the batch's inputs are.
        classes: how many classes there are.
        steady: whether parameters stay as they are from call to call, until another array takes an array's place.
    """

    def __init__(self, model: TextClassifier, encoder: Encoder, classes: int, *, steady: bool = True) -> None:
        self.dtype = DTYPES[model.precision]
        # bf16 is for training alone: what it learned predicts anywhere.
        precision = "fp32" if model.precision == "bf16" else model.precision
        shapes, graphs = model.shapes(encoder, classes), word_graphs(model, encoder, classes)
        self._words: _Words | None = None
        graph = prediction_graph(model, encoder, classes) if graphs is None else graphs[1]
        if graphs is not None:
            assert isinstance(encoder, WordEncoder)
            self._words = _Words(graphs[0], shapes, precision, model.threads, encoder, steady)
        fixed = [name for name in graph.inputs if name not in encoder.input_types()]
        self._apply = Applier(graph, fixed, precision, model.threads)
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
            rows = self._words.rows(parameters)
            given = {name: batch[name] for name in self._varying}
            given["ids"] = rows.places(batch["ids"])
            logits = self._apply({**parameters, **rows.tables}, given)[LOGITS]
        return logits.astype(np.float64)


class _Words:
    """What the network makes of each word by itself, for the parameters of the latest call.

    Steady parameters that it has read are not written to any more: it would not be noticed.
    """

    def __init__(
        self,
        graph: Graph,
        shapes: Mapping[str, Any],
        precision: str,
        threads: int | None,
        encoder: WordEncoder,
        steady: bool,
    ) -> None:
        self._apply = Applier(graph, [name for name in graph.inputs if name in shapes], precision, threads)
        self._inputs = [name for name in graph.inputs if name not in shapes]
        self._encoder, self._steady = encoder, steady
        self._parameters: Mapping[str, Array] = {}
        self._read: list[Array] = []
        self._rows = WordRows(self._compute)

    def rows(self, parameters: Mapping[str, Array]) -> WordRows:
        """The tables of these parameters."""
        read = [parameters[name] for name in self._apply.parameters]
        if not self._steady or not self._read or not all(map(operator.is_, read, self._read)):
            self._rows.forget()
            self._parameters, self._read = parameters, read
            if self._steady:
                for array in read:
                    array.flags.writeable = False
        return self._rows

    def _compute(self, words: Int64) -> dict[str, Array]:
        batch = self._encoder.one_text(words)
        return self._apply(self._parameters, {name: batch[name] for name in self._inputs})


def as_precision(batch: Mapping[str, Array], dtype: Any) -> dict[str, Array]:
    """Bring the real-valued arrays of a batch to the model's precision."""
    return {
        name: array.astype(dtype, copy=False) if array.dtype.kind == "f" else array for name, array in batch.items()
    }


def probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn logits into probabilities (n, K), float64: σ(z) for the second of two classes, or the softmax."""
    if logits.size == 1 or logits.shape == (1, 2):
        return _of_two(*([0.0, *logits.tolist()] if logits.ndim == 1 else logits[0].tolist()))
    if logits.ndim == 1:
        both = np.zeros((len(logits), 2))
        both[:, 1] = logits  # softmax([0, z]) = [1 − σ(z), σ(z)]
        logits = both
    powers = np.exp(logits - np.maximum.reduce(logits, axis=1, keepdims=True))
    return np.asarray(powers / np.add.reduce(powers, axis=1, keepdims=True))


def _of_two(first: float, second: float) -> NDArray[np.float64]:
    """The same for one text and two classes, (1, 2), bit for bit, where somebody waits."""
    less = float(np.exp(-abs(second - first)))  # of the greater one it is exp(0)
    total = 1.0 + less
    both = (1.0 / total, less / total)
    return np.array([both if first >= second else both[::-1]])
