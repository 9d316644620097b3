"""Deep averaging networks: the mean of a text's embeddings, words dropped at random, and layers above it."""

# `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.models.classifiers.words import WordClassifier
from lexgrad.models.settings import setting
from lexgrad.nn.activations import ACTIVATIONS, activation
from lexgrad.nn.layers import Drop, linear, undropped
from lexgrad.ops.windows import preceding

if TYPE_CHECKING:
    from lexgrad.graph import Node
    from lexgrad.models.features.encoder import Encoder

GAIN = 5.0  # of shifts: 3 is as good, 1 (too slow) and 30 (rare words shift by chance) are worse on SST-2


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class DeepAveraging(WordClassifier):
    """A deep averaging network: x = the mean of a text's embeddings, a[l] = g(a[l−1] W[l] + b[l]), and a softmax.

    In each training step words are left out at random (``word_dropout``), and the mean is that of the others; a text
    of which no word is left has the mean 0.

    A mean does not know of order: "not good, but short" has that of "good, but not short". With ``scope`` k each word
    shifts the k words after it, as Polanyi and Zaenen's valence shifters do: word i counts (1 + 5 Σ_j s[word i−j])
    times its embedding, j = 1 .. k, where s is learned, a number a word, and begins at 0, where the network is the one
    without. Words that are left out of the mean shift all the same. The 5 lets Adam move a factor as far in one step
    as an entry of an embedding in five.

    Parameters (``parameters_``): ``E`` (words, dimensions); with ``scope`` ``s`` (words,); ``W1``, ``b1``, ... ``Wn``,
    ``bn``, the last to classes.

    References:
        Iyyer, Manjunatha, Boyd-Graber and Daumé, "Deep unordered composition rivals syntactic methods for text
        classification", ACL 2015.
        Polanyi and Zaenen, "Contextual valence shifters", in Computing Attitude and Affect in Text, 2006.
    """

    name: ClassVar[str] = "dan"
    usual_dimensions: ClassVar[int] = 300

    dimensions: int | None = setting(
        None, "width of embeddings; None: that of the vectors, or 300", least=1, search="50..300:50"
    )
    word_dropout: float = setting(
        0.3, "share of words that a training step leaves out of the mean", least=0, search="0..0.6"
    )
    scope: int = setting(
        0,
        "how many words after it each word shifts, as not does: scales, by a learned number; 0: none",
        least=0,
        search="0..3",
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
        words, width = shapes["E"]
        if self.scope:
            shapes["s"] = (words,)
        for layer, outputs in enumerate((*(self.units,) * (self.layers - 1), classes), 1):
            shapes[f"W{layer}"], shapes[f"b{layer}"] = (width, outputs), (outputs,)
            width = outputs
        return shapes

    def initial(self, name: str, shape: tuple[int, ...], encoder: Encoder) -> NDArray[np.float64]:
        """See TextClassifier.initial."""
        return np.zeros(shape) if name == "s" else super().initial(name, shape, encoder)

    def logits(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node], drop: Drop) -> Node:
        """See TextClassifier.logits."""
        x = self._mean(parameters, inputs["ids"], inputs["offsets"], drop).named("x")
        return self._above(linear(x, parameters["W1"], parameters["b1"]), parameters, drop)

    def of_words(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node]) -> dict[str, Node]:
        """See TextClassifier.of_words: the first layer's product; that of a mean is the mean of products."""
        ids = inputs["ids"]
        shifts = {"shifts": ops.take(parameters["s"], ids)} if self.scope else {}
        return {"sums": ops.matmul(ops.take(parameters["E"], ids), parameters["W1"]), **shifts}

    def logits_of(self, tables: Mapping[str, Node], parameters: Mapping[str, Node], inputs: Mapping[str, Node]) -> Node:
        """See TextClassifier.logits_of."""
        ids, offsets = inputs["ids"], inputs["offsets"]
        sums = self._shifted(ops.take(tables["sums"], ids), tables.get("shifts"), ids, offsets)
        return self._above(ops.segment_mean(sums, offsets) + parameters["b1"], parameters, undropped)

    def shifters(self, most: int = 20) -> dict[str, list[tuple[str, float]]]:
        """What has been learned of words that shift those after them, by ``scope``.

        Args:
            most: how many words of either kind.

        Returns:
            ``"down"`` and ``"up"``: words and what they add to the factor of an embedding after them, 5 s; those that
            shift the furthest first. Where a factor falls below 0, an embedding is turned round.

        Raises:
            InputError: the model has no ``scope``.
            NotFittedError: before ``fit``.
        """
        self._require_fitted()
        if not self.scope:
            raise InputError("no word shifts others in this model: scope is 0")
        shifts, words = GAIN * self.parameters_["s"], self.encoder_.tokenizer.vocabulary
        order = np.argsort(shifts, kind="stable")
        found = {"down": order[:most], "up": order[::-1][:most]}
        signs = {"down": -1, "up": 1}
        return {
            kind: [(words[i], float(shifts[i])) for i in chosen if signs[kind] * shifts[i] > 0]
            for kind, chosen in found.items()
        }

    def _above(self, z: Node, parameters: Mapping[str, Node], drop: Drop) -> Node:
        """The logits, from the first layer's weighted sum."""
        g = activation(self.activation)
        z = z.named("z1")
        for layer in range(2, self.layers + 1):
            a = drop(g(z).named(f"a{layer - 1}"))
            z = linear(a, parameters[f"W{layer}"], parameters[f"b{layer}"]).named(f"z{layer}")
        return z

    def _mean(self, parameters: Mapping[str, Node], ids: Node, offsets: Node, drop: Drop) -> Node:
        """The mean of the embeddings of the words that are not left out (batch, dimensions)."""
        E, s = parameters["E"], parameters.get("s")
        if not self.word_dropout:
            return ops.segment_mean(self._shifted(ops.take(E, ids).named("e"), s, ids, offsets), offsets)
        kept = self.kept(ids, drop)
        e = ops.take(E, ops.where(kept, ids, -1)).named("e")
        total = ops.segment_sum(self._shifted(e, s, ids, offsets), offsets)
        count = ops.segment_sum(ops.cast(kept, "float"), offsets)
        return total / ops.expand_dims(ops.maximum(count, 1.0), 1)

    def _shifted(self, rows: Node, s: Node | None, ids: Node, offsets: Node) -> Node:
        """The rows of the words (tokens, d), each scaled as the ``scope`` words before it say."""
        if s is None:
            return rows
        before = preceding(ids, offsets, self.scope).named("before")
        factors = 1.0 + GAIN * ops.sum(ops.take(s, before), axis=1)
        return rows * ops.expand_dims(factors.named("f"), 1)
