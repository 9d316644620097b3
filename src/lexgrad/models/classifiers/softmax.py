"""Multinomial (softmax) regression: one weight vector and one bias for each of K classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lexgrad.models.classifiers.feature_settings import FeatureClassifier
from lexgrad.models.classifiers.product import feature_product

if TYPE_CHECKING:
    from lexgrad.graph import Node
    from lexgrad.models.features.encoder import Encoder


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class SoftmaxRegression(FeatureClassifier):
    """Tells K classes apart: P(y = c | x) = softmax(x W + b)_c with W (d, K) and b (K,).

    The loss is L = −log P(y | x). The bias has an entry for each class: one shared by all would cancel in
    the softmax. Training starts from W = 0, b = 0.

    Parameters (``parameters_``): ``W`` (d, K), ``b`` (K,).

    References:
        Jurafsky and Martin, Speech and Language Processing, 3rd edition draft, "Multinomial Logistic Regression".
    """

    name: ClassVar[str] = "softmax"

    def shapes(self, encoder: Encoder, classes: int) -> dict[str, tuple[int, ...]]:
        """See TextClassifier.shapes."""
        return {"W": (encoder.width, classes), "b": (classes,)}

    def logits(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node], drop: Callable[[Node], Node]) -> Node:
        """See TextClassifier.logits: z = x W + b, (batch, K)."""
        return feature_product(inputs, parameters["W"], parameters["b"])

    @property
    def coef_(self) -> NDArray[Any]:
        """Weights (K, d), as scikit-learn names them."""
        return np.asarray(self.parameters_["W"]).T

    @property
    def intercept_(self) -> NDArray[Any]:
        """Biases (K,), as scikit-learn names them."""
        return np.asarray(self.parameters_["b"])
