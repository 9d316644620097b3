"""Feed-forward networks of any number of layers, over embeddings or over features."""

# ruff: noqa: RUF009  # `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.models.classifiers.feature_settings import FEATURES, FeatureClassifier
from lexgrad.models.classifiers.product import feature_product
from lexgrad.models.features.pretrained import MOST_OTHERS
from lexgrad.models.features.words import DIMENSIONS, initial_embeddings
from lexgrad.models.settings import setting
from lexgrad.nn.activations import ACTIVATIONS, activation
from lexgrad.nn.initialisers import NAMES, generator, initialiser
from lexgrad.nn.layers import BIASES, POOLS, concatenated_embeddings, linear, pooled_embeddings, weight_rows

if TYPE_CHECKING:
    from lexgrad.graph import Node
    from lexgrad.models.features.encoder import Encoder
    from lexgrad.models.features.pretrained import MOST_OTHERS
from lexgrad.models.features.words import WordEncoder


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class FeedForward(FeatureClassifier):
    """A feed-forward network: a[0] = x, z[l] = a[l−1] W[l] + b[l], a[l] = g(z[l]), and at last σ or softmax.

    ``layers`` counts layers of weights, the output layer included, as the lectures do: 1 is logistic or softmax
    regression, 2 has one hidden layer. On texts the default input is the mean of learned word embeddings.

    A word that never occurred in training has the zero vector. A word of the training texts that has no vector in
    ``vectors`` starts at random, with the variance of those that have one (see ``initial_embeddings``).

    Parameters (``parameters_``): ``E`` (words, dimensions) with embeddings; ``W1``, ``b1``, ... ``Wn``, ``bn``. With
    ``bias="x0"`` there is no ``b``: each layer's input has a last column of ones, and its weight is the last row of W.
    A scalar sigmoid output has one column in Wn.

    References:
        Jurafsky and Martin, Speech and Language Processing, 3rd edition draft, chapter "Neural Networks".
    """

    name: ClassVar[str] = "ffnn"
    usual_l2: ClassVar[float] = 3e-4
    not_searched: ClassVar[tuple[str, ...]] = ("ngrams",)

    features: Any = setting(
        "embeddings",
        "input: embeddings, a feature name, or your own functions of a text",
        choices=("embeddings", *FEATURES),
    )
    pool: str = setting("mean", "how the embeddings of a text are joined", choices=POOLS, search="mean,max")
    dimensions: int | None = setting(
        None, f"width of embeddings; None: that of the vectors, or {DIMENSIONS}", least=1, search="50..300:50"
    )
    vectors: Any = setting(None, "pretrained vectors: a file, a run, WordVectors, or (words, matrix)")
    fine_tune: bool = setting(True, "whether training changes the embeddings")
    vector_words: int | None = setting(
        None,
        f"words of the vectors that no training text has, known too; None: {MOST_OTHERS:,} if fine_tune is off, else 0",
        least=0,
    )
    layers: int = setting(2, "layers of weights, the output layer included", least=1, search="2..3")
    units: int | tuple[int, ...] = setting(
        100, "units of the hidden layers: one number, or one for each", least=1, search="25..400:log"
    )
    activation: str = setting("tanh", "activation of the hidden layers", choices=tuple(ACTIVATIONS), search="tanh,relu")
    dropout: float = setting(
        0.0, "share of pooled inputs and hidden units set to zero while training", least=0, search="0..0.6"
    )
    init: str = setting("xavier", "initial weights of the layers", choices=NAMES)
    init_std: float = setting(0.1, "deviation of init=normal (limit of init=uniform), and of new embeddings", least=0)
    bias: str = setting("vector", "a bias vector, or x0 = 1 as an extra input", choices=BIASES)
    output: str = setting("auto", "sigmoid for two classes, softmax otherwise", choices=("auto", "sigmoid", "softmax"))

    learning_rate: float = setting(
        0.003, "step size of the first step (after warm-up)", least=0, search="3e-4..3e-2:log"
    )

    def check(self) -> None:
        """See TextClassifier.check."""
        super().check()
        if isinstance(self.units, tuple | list) and len(self.units) != self.layers - 1:
            raise InputError(
                f"units gives {len(self.units)} hidden layers, but layers={self.layers} has {self.layers - 1}"
                " (the output layer counts)"
            )
        if self.vectors is not None and self.features != "embeddings":
            raise InputError(f"vectors are for features='embeddings'; got features={self.features!r:.40}")

    def check_classes(self, classes: NDArray[Any]) -> None:
        """See TextClassifier.check_classes."""
        if self.output == "sigmoid" and len(classes) > 2:
            raise InputError(f"output='sigmoid' tells two classes apart; got {len(classes)}: use output='softmax'")

    def shapes(self, encoder: Encoder, classes: int) -> dict[str, tuple[int, ...]]:
        """See TextClassifier.shapes."""
        shapes: dict[str, tuple[int, ...]] = {}
        width = encoder.width
        if encoder.words:
            words: WordEncoder = encoder  # type: ignore[assignment]
            shapes["E"] = (words.width, words.dimensions)
            width = words.dimensions * (1 if words.length is None else words.length)
        scalar = self.output == "sigmoid" or (self.output == "auto" and classes == 2)
        units = self.units if isinstance(self.units, tuple | list) else (self.units,) * (self.layers - 1)
        for layer, outputs in enumerate((*units, 1 if scalar else classes), 1):
            shapes[f"W{layer}"] = (weight_rows(width, self.bias), outputs)
            if self.bias == "vector":
                shapes[f"b{layer}"] = (outputs,)
            width = outputs
        return shapes

    def initial(self, name: str, shape: tuple[int, ...], encoder: Encoder) -> NDArray[np.float64]:
        """See TextClassifier.initial."""
        random = generator(self.seed, name)
        if name == "E":
            words: WordEncoder = encoder  # type: ignore[assignment]
            return initial_embeddings(words, shape, self.init_std, random)
        if name.startswith("b"):
            return np.zeros(shape)
        weights = initialiser(self.init, self.init_std)(shape, random)
        if self.bias == "x0":
            weights[-1] = 0.0  # the bias lives here, and biases start at 0
        return weights

    def logits(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node], drop: Callable[[Node], Node]) -> Node:
        """See TextClassifier.logits."""
        g = activation(self.activation)
        for layer in range(1, self.layers + 1):
            W, b = parameters[f"W{layer}"], parameters.get(f"b{layer}")
            if layer == 1 and "E" not in parameters:
                z = feature_product(inputs, W, b)
            else:
                below = g(z).named(f"a{layer - 1}") if layer > 1 else self._embedded(parameters["E"], inputs).named("x")
                z = linear(drop(below), W, b)
            z = z.named(f"z{layer}")
        return ops.squeeze(z, 1) if z.shape[1] == 1 else z

    def _embedded(self, E: Node, inputs: Mapping[str, Node]) -> Node:
        if self.pool == "concat":
            return concatenated_embeddings(E, inputs["ids"])
        return pooled_embeddings(E, inputs["ids"], inputs["offsets"], self.pool)

    def frozen(self) -> frozenset[str]:
        """See TextClassifier.frozen."""
        return frozenset() if self.fine_tune else frozenset({"E"})

    def dropout_rate(self) -> float:
        """See TextClassifier.dropout_rate."""
        return float(self.dropout)
