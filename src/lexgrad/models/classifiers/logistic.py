"""Binary logistic regression: ŷ = σ(w·x + b)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.classifiers.feature_settings import FeatureClassifier
from lexgrad.models.classifiers.product import feature_product

if TYPE_CHECKING:
    from sklearn.utils import Tags

    from lexgrad.graph import Node
    from lexgrad.models.features.encoder import Encoder


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class LogisticRegression(FeatureClassifier):
    """Tells two classes apart: ŷ = σ(w·x + b), the probability of the second class in sorted order.

    The loss is the cross-entropy L = −[y log ŷ + (1−y) log(1−ŷ)], whose derivatives are ∂L/∂w_j = (ŷ−y) x_j and
    ∂L/∂b = ŷ−y. Training starts from w = 0, b = 0.

    Parameters (``parameters_``): ``w`` (d,), ``b`` ().

    References:
        Jurafsky and Martin, Speech and Language Processing, 3rd edition draft, chapter "Logistic Regression".
    """

    name: ClassVar[str] = "logistic"

    def shapes(self, encoder: Encoder, classes: int) -> dict[str, tuple[int, ...]]:
        """See TextClassifier.shapes."""
        return {"w": (encoder.width,), "b": ()}

    def logits(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node], drop: Callable[[Node], Node]) -> Node:
        """See TextClassifier.logits: z = w·x + b, (batch,)."""
        return feature_product(inputs, parameters["w"], parameters["b"])

    def check_classes(self, classes: NDArray[Any]) -> None:
        """See TextClassifier.check_classes."""
        if len(classes) > 2:
            names = ", ".join(str(name) for name in classes[:5])
            # scikit-learn's checks look for its own wording, hence the first sentence.
            raise InputError(
                f"Only binary classification is supported. LogisticRegression got {len(classes)} classes ({names}"
                f"{', ...' if len(classes) > 5 else ''}); use SoftmaxRegression (softmax)"
            )

    @property
    def coef_(self) -> NDArray[Any]:
        """Weights (1, d), as scikit-learn names them."""
        return np.asarray(self.parameters_["w"])[None, :]

    @property
    def intercept_(self) -> NDArray[Any]:
        """Bias (1,), as scikit-learn names it."""
        return np.asarray(self.parameters_["b"])[None]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags
