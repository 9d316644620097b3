"""The graph that predicts: parameters and a batch in, logits out; and probabilities from logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.graph import Graph, Type, input_node
from lexgrad.models.features.inputs import Inputs
from lexgrad.nn.layers import undropped
from lexgrad.train.engine import DTYPES, Applier

if TYPE_CHECKING:
    from lexgrad.models.classifiers.base import TextClassifier
    from lexgrad.models.features.encoder import Encoder

Array = NDArray[Any]
LOGITS = "logits"


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
    """

    def __init__(self, model: TextClassifier, encoder: Encoder, classes: int) -> None:
        self.graph = prediction_graph(model, encoder, classes)
        self.dtype = DTYPES[model.precision]
        # bf16 is for training alone: what it learned predicts anywhere.
        precision = "fp32" if model.precision == "bf16" else model.precision
        self._apply = Applier(self.graph, model.shapes(encoder, classes), precision, model.threads)

    def __call__(
        self, parameters: Mapping[str, Array], inputs: Inputs, part: Array | None = None
    ) -> NDArray[np.float64]:
        """Return the logits, float64: (n,) for a sigmoid output, (n, K) for a softmax output.

        ``part`` picks examples by index; None takes all.
        """
        batch = inputs.whole() if part is None else inputs.batch(part)[0]
        logits = self._apply(parameters, as_precision(batch, self.dtype))[LOGITS]
        return np.asarray(logits, dtype=np.float64)


def as_precision(batch: Mapping[str, Array], dtype: Any) -> dict[str, Array]:
    """Bring the real-valued arrays of a batch to the model's precision."""
    return {
        name: array.astype(dtype, copy=False) if array.dtype.kind == "f" else array for name, array in batch.items()
    }


def probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn logits into probabilities (n, K), float64: σ(z) for the second of two classes, or the softmax."""
    if logits.ndim == 1:
        both = np.zeros((len(logits), 2))
        both[:, 1] = logits  # softmax([0, z]) = [1 − σ(z), σ(z)]
        logits = both
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
