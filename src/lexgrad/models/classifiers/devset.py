"""The dev set of a training: encoded once, measured with the parameters of any moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.classifiers.decision import probabilities
from lexgrad.models.classifiers.prediction import Predictor
from lexgrad.models.classifiers.targets import Codes
from lexgrad.models.features.encoder import Encoder
from lexgrad.models.sources import Source
from lexgrad.train.metrics import classification_metrics
from lexgrad.train.position import Arrays

if TYPE_CHECKING:
    from lexgrad.models.classifiers.base import TextClassifier

CHUNK = 2048  # texts that are encoded at a time


class DevSet:
    """Labelled texts that a training is measured on.

    Attributes:
        labels: their classes (n,).

    Raises:
        InputError: texts where the model learns from numbers, or the reverse; or not one label for each text.
    """

    def __init__(
        self, model: TextClassifier, encoder: Encoder, classes: NDArray[Any], source: Source, labels: Codes
    ) -> None:
        encoder.check_source(source)
        self.labels = labels
        self._parts = [encoder.encode(chunk) for chunk in source.chunks(CHUNK)]
        if sum(map(len, self._parts)) != len(self.labels):
            raise InputError(f"the dev set has {sum(map(len, self._parts))} texts but {len(self.labels)} labels")
        self._classes = classes
        self._predictor = Predictor(model, encoder, len(classes), steady=False)

    def logits(self, parameters: Arrays) -> NDArray[np.float64]:
        """Return the logits, (n,) or (n, K)."""
        return np.concatenate([self._predictor(parameters, part) for part in self._parts])

    def measure(self, parameters: Arrays) -> Mapping[str, Any]:
        """Return ``classification_metrics``, with neither temperature nor threshold: those are found at the end."""
        return classification_metrics(self.labels, probabilities(self.logits(parameters)), self._classes)
