"""Recurrent networks over the words of a text: Elman, LSTM and GRU, from one end or from both."""

# `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.models.classifiers.words import WordClassifier
from lexgrad.models.features.stepped import SteppedEncoder
from lexgrad.models.settings import setting
from lexgrad.nn.initialisers import generator, initialiser, orthogonal
from lexgrad.nn.layers import Drop, linear, undropped
from lexgrad.nn.recurrence import CELLS, POOLS, pooled_steps, recurrence_of_sums

if TYPE_CHECKING:
    from lexgrad.graph import Node
    from lexgrad.models.features.encoder import Encoder
    from lexgrad.models.features.words import WordEncoder


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class RecurrentClassifier(WordClassifier):
    """A recurrent network reads the words of a text one by one; of its states, a softmax tells the class.

    Texts have any length, and nothing is computed for padding: see ``lexgrad.packed_scan``. With ``bidirectional`` a
    second network reads from each text's last word to its first, and the states of both stand side by side, also as
    what the next layer reads. Before the first word the state is 0; so it is where a text has no words.

    Parameters (``parameters_``), layer l counted from 1: ``E`` (words, dimensions); ``W{l}`` (inputs, g units),
    ``U{l}`` (units, g units), ``b{l}`` (g units,), with g = 1 for rnn, 4 for lstm (in the order i, f, g, o) and 3 for
    gru (r, z, n), which has ``bn{l}`` (units,) besides, the bias that r acts upon; the same with ``_back`` behind the
    name for the way back; ``V`` (states, classes) and ``b`` (classes,). An LSTM's forget gate has bias 1 at first.

    References:
        Elman, "Finding structure in time", 1990; Hochreiter and Schmidhuber, "Long short-term memory", 1997; Cho and
        others, "Learning phrase representations using RNN encoder-decoder", 2014; Schuster and Paliwal,
        "Bidirectional recurrent neural networks", 1997; Jozefowicz and others, "An empirical exploration of recurrent
        network architectures", 2015, for the forget gate's bias.
    """

    word_encoder: ClassVar[type[WordEncoder]] = SteppedEncoder
    cell: ClassVar[str] = ""

    layers: int = setting(1, "recurrent layers, one above the other", least=1, search="1..2")
    units: int = setting(100, "units of a layer, each way", least=1, search="32..256:log")
    bidirectional: bool = setting(False, "whether a second network reads each text from its end", search="true,false")
    pool: str = setting(
        "last", "what is made of the states: the last one, their mean or maximum", choices=POOLS, search="last,mean,max"
    )
    dropout: float = setting(
        0.2, "share of embeddings, layers' and pooled states set to zero while training", least=0, search="0..0.6"
    )

    learning_rate: float = setting(
        0.002, "step size of the first step (after warm-up)", least=0, search="3e-4..1e-2:log"
    )
    lazy: bool = setting(True, "a step updates only the rows of embeddings that its batch reads (state and l2 too)")
    clip_norm: float | None = setting(5.0, "scale the whole gradient down to this norm", least=0)

    def shapes(self, encoder: Encoder, classes: int) -> dict[str, tuple[int, ...]]:
        """See TextClassifier.shapes."""
        shapes = self.embedding_shapes(encoder)
        width, sums = shapes["E"][1], CELLS[self.cell] * self.units
        for layer in range(1, self.layers + 1):
            for way in self._ways():
                shapes[f"W{layer}{way}"] = (width, sums)
                shapes[f"U{layer}{way}"] = (self.units, sums)
                shapes[f"b{layer}{way}"] = (sums,)
                if self.cell == "gru":
                    shapes[f"bn{layer}{way}"] = (self.units,)
            width = self.units * len(self._ways())
        return {**shapes, "V": (width, classes), "b": (classes,)}

    def _ways(self) -> tuple[str, ...]:
        return ("", "_back") if self.bidirectional else ("",)

    def initial(self, name: str, shape: tuple[int, ...], encoder: Encoder) -> NDArray[np.float64]:
        """See TextClassifier.initial; recurrent weights are orthogonal, gate by gate."""
        if name[0] in "UW":
            random = generator(self.seed, name)
            first = orthogonal if name.startswith("U") else initialiser(self.init, self.init_std)
            gate = (shape[0], self.units)
            return np.concatenate([first(gate, random) for _ in range(CELLS[self.cell])], axis=1)
        value = super().initial(name, shape, encoder)
        if self.cell == "lstm" and name.startswith("b") and name != "b":
            value[self.units : 2 * self.units] = 1.0
        return value

    def logits(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node], drop: Drop) -> Node:
        """See TextClassifier.logits."""
        x = drop(ops.take(parameters["E"], self.read(inputs["ids"], drop)).named("e"))
        return self._classified(self._sums(x, 1, parameters), parameters, inputs, drop)

    def of_words(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node]) -> dict[str, Node]:
        """See TextClassifier.of_words: the first layer's weighted sums of what comes in."""
        x = ops.take(parameters["E"], inputs["ids"])
        return {f"sums{way}": sums for way, sums in self._sums(x, 1, parameters).items()}

    def logits_of(self, tables: Mapping[str, Node], parameters: Mapping[str, Node], inputs: Mapping[str, Node]) -> Node:
        """See TextClassifier.logits_of."""
        sums = {way: ops.take(tables[f"sums{way}"], inputs["ids"]) for way in self._ways()}
        return self._classified(sums, parameters, inputs, undropped)

    def _sums(self, x: Node, layer: int, parameters: Mapping[str, Node]) -> dict[str, Node]:
        """A layer's weighted sums of what comes in, for each way (tokens, g units)."""
        return {way: linear(x, parameters[f"W{layer}{way}"], parameters[f"b{layer}{way}"]) for way in self._ways()}

    def _classified(
        self,
        sums: Mapping[str, Node],
        parameters: Mapping[str, Node],
        inputs: Mapping[str, Node],
        drop: Drop,
    ) -> Node:
        """The logits; ``sums`` are the first layer's, see ``_sums``."""
        steps, rank = inputs["steps"], inputs["rank"]
        for layer in range(1, self.layers + 1):
            ways = [
                recurrence_of_sums(
                    self.cell,
                    sums[way],
                    steps,
                    rank,
                    parameters[f"U{layer}{way}"],
                    parameters.get(f"bn{layer}{way}"),
                    reverse=bool(way),
                )
                for way in self._ways()
            ]
            x = _beside([states for _, states in ways]).named(f"h{layer}")
            if layer < self.layers:
                sums = self._sums(drop(x), layer + 1, parameters)
        last = self.pool == "last"
        pooled = _beside([h for h, _ in ways]) if last else pooled_steps(x, steps, rank, self.pool)
        a = ops.take(pooled, rank).named("a")
        return linear(drop(a), parameters["V"], parameters["b"]).named("z")


def _beside(parts: list[Node]) -> Node:
    return ops.concatenate(parts, 1) if len(parts) > 1 else parts[0]


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class RNNClassifier(RecurrentClassifier):
    """``RecurrentClassifier`` with Elman's cell: h' = tanh(x W + h U + b)."""

    name: ClassVar[str] = "rnn"
    cell: ClassVar[str] = "rnn"


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class LSTMClassifier(RecurrentClassifier):
    """``RecurrentClassifier`` with LSTM cells: see ``lexgrad.lstm_cell``."""

    name: ClassVar[str] = "lstm"
    cell: ClassVar[str] = "lstm"


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class GRUClassifier(RecurrentClassifier):
    """``RecurrentClassifier`` with gated recurrent units: see ``lexgrad.gru_cell``."""

    name: ClassVar[str] = "gru"
    cell: ClassVar[str] = "gru"
