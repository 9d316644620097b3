"""Deep averaging networks: the mean of a text's embeddings, words dropped at random, and layers above it."""

# `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from lexgrad import ops
from lexgrad.models.classifiers.words import WordClassifier
from lexgrad.models.settings import setting
from lexgrad.nn.activations import ACTIVATIONS, activation
from lexgrad.nn.layers import Drop, linear, undropped

if TYPE_CHECKING:
    from lexgrad.graph import Node
    from lexgrad.models.features.encoder import Encoder


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class DeepAveraging(WordClassifier):
    """A deep averaging network: x = the mean of a text's embeddings, a[l] = g(a[l−1] W[l] + b[l]), and a softmax.

    In each training step words are left out at random (``word_dropout``), and the mean is that of the others; a text
    of which no word is left has the mean 0.

    Parameters (``parameters_``): ``E`` (words, dimensions); ``W1``, ``b1``, ... ``Wn``, ``bn``, the last to classes.

    References:
        Iyyer, Manjunatha, Boyd-Graber and Daumé, "Deep unordered composition rivals syntactic methods for text
        classification", ACL 2015.
    """

    name: ClassVar[str] = "dan"
    usual_dimensions: ClassVar[int] = 300

    dimensions: int | None = setting(
        None, "width of embeddings; None: that of the vectors, or 300", least=1, search="50..300:50"
    )
    word_dropout: float = setting(
        0.3, "share of words that a training step leaves out of the mean", least=0, search="0..0.6"
    )
    layers: int = setting(3, "layers of weights, the output layer included", least=1, search="1..3")
    units: int = setting(300, "units of a hidden layer", least=1, search="50..400:log")
    activation: str = setting("relu", "activation of the hidden layers", choices=tuple(ACTIVATIONS))
    dropout: float = setting(0.0, "share of hidden units set to zero while training", least=0, search="0..0.6")

    learning_rate: float = setting(
        0.001, "step size of the first step (after warm-up)", least=0, search="3e-4..1e-2:log"
    )
    lazy: bool = setting(True, "a step updates only the rows of embeddings that its batch reads (state and l2 too)")

    def shapes(self, encoder: Encoder, classes: int) -> dict[str, tuple[int, ...]]:
        """See TextClassifier.shapes."""
        shapes = self.embedding_shapes(encoder)
        width = shapes["E"][1]
        for layer, outputs in enumerate((*(self.units,) * (self.layers - 1), classes), 1):
            shapes[f"W{layer}"], shapes[f"b{layer}"] = (width, outputs), (outputs,)
            width = outputs
        return shapes

    def logits(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node], drop: Drop) -> Node:
        """See TextClassifier.logits."""
        x = self._mean(parameters["E"], inputs["ids"], inputs["offsets"], drop).named("x")
        return self._above(linear(x, parameters["W1"], parameters["b1"]), parameters, drop)

    def of_words(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node]) -> dict[str, Node]:
        """See TextClassifier.of_words: the first layer's product; that of a mean is the mean of products."""
        return {"sums": ops.matmul(ops.take(parameters["E"], inputs["ids"]), parameters["W1"])}

    def logits_of(self, tables: Mapping[str, Node], parameters: Mapping[str, Node], inputs: Mapping[str, Node]) -> Node:
        """See TextClassifier.logits_of."""
        mean = ops.segment_mean(ops.take(tables["sums"], inputs["ids"]), inputs["offsets"])
        return self._above(mean + parameters["b1"], parameters, undropped)

    def _above(self, z: Node, parameters: Mapping[str, Node], drop: Drop) -> Node:
        """The logits, from the first layer's weighted sum."""
        g = activation(self.activation)
        z = z.named("z1")
        for layer in range(2, self.layers + 1):
            a = drop(g(z).named(f"a{layer - 1}"))
            z = linear(a, parameters[f"W{layer}"], parameters[f"b{layer}"]).named(f"z{layer}")
        return z

    def _mean(self, E: Node, ids: Node, offsets: Node, drop: Drop) -> Node:
        """The mean of the embeddings of the words that are not left out (batch, dimensions)."""
        if not self.word_dropout:
            return ops.segment_mean(ops.take(E, ids).named("e"), offsets)
        kept = self.kept(ids, drop)
        total = ops.segment_sum(ops.take(E, ops.where(kept, ids, -1)).named("e"), offsets)
        count = ops.segment_sum(ops.cast(kept, "float"), offsets)
        return total / ops.expand_dims(ops.maximum(count, 1.0), 1)
