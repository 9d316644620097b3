"""Feed-forward language models: the next word from a window of those before it."""

# `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.graph import Dim, Graph, Node, Size, Type, input_node
from lexgrad.models.language.drawing import State, product
from lexgrad.models.language.lines import Lines, telling
from lexgrad.models.language.neural import Float, NeuralLM
from lexgrad.models.language.running import LOGARITHMS
from lexgrad.models.language.streams import IDS, TARGETS, Windows
from lexgrad.models.settings import setting
from lexgrad.nn.activations import ACTIVATIONS, activation
from lexgrad.nn.initialisers import generator, initialiser
from lexgrad.nn.layers import Drop, undropped
from lexgrad.train.batches import Shuffled
from lexgrad.train.progress import Progress

BATCH = Dim("batch")
WINDOW = "window"


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class FeedForwardLM(NeuralLM):
    """A feed-forward language model: e the embeddings of the n − 1 tokens before, h = g(e W + b), softmax(h O + c).

    The text is one stream, in which the end of a line is a token: a window looks back over it. Before the first line
    stand ends of lines.

    Parameters (``parameters_``): ``E`` (V, d), ``W`` ((n − 1) d, units), ``b`` (units,), ``O`` (units, V), ``c`` (V,);
    with ``direct`` also ``D`` ((n − 1) d, V), from the embeddings straight to the output. Tied: no ``O``, and where
    units are not d, ``P`` (units, d). ``sampled``: ``R`` (V, units) for ``O``.

    References:
        Bengio et al. 2003, A neural probabilistic language model, equation 1.
    """

    name: ClassVar[str] = "ffnn-lm"

    order: int = setting(5, "n: the predicted token and those before it that count", least=2)
    units: int = setting(200, "units of the hidden layer", least=1)
    activation: str = setting("tanh", "activation of the hidden layer", choices=tuple(ACTIVATIONS))
    direct: bool = setting(False, "connections from the embeddings straight to the output")
    batch: int = setting(256, "tokens in a mini-batch", least=1)

    def shapes(self, words: int) -> dict[str, tuple[int, ...]]:
        """See NeuralLM.shapes."""
        width = (self.order - 1) * self.width
        shapes: dict[str, tuple[int, ...]] = {"E": (words, self.width), "W": (width, self.units)}
        shapes["b"] = (self.units,)
        shapes |= self.output_shapes(words, self.units)
        if self.direct:
            shapes["D"] = (width, words)
        return {**shapes, "c": (words,)}

    def initial(self, name: str, shape: tuple[int, ...]) -> Float:
        """See NeuralLM.initial."""
        random = generator(self.seed, name)
        if name in ("E", "R"):
            return np.asarray(random.standard_normal(shape) * self.init_std)
        if name in ("b", "c", "D"):
            return np.zeros(shape)
        return initialiser("xavier", self.init_std)(shape, random)

    # ---- graphs -------------------------------------------------------------------------------------------------

    def objective(self, parameters: Mapping[str, Node], drop: Drop) -> tuple[Node, dict[str, Node], dict[str, Node]]:
        """See NeuralLM.objective."""
        inputs = self._inputs(BATCH)
        if self.direct:
            logits = self._logits(parameters, inputs[IDS], drop)
            return ops.mean(ops.cross_entropy(logits, inputs[TARGETS])), inputs, {}
        _, h = self._hidden(parameters, inputs[IDS], drop)
        loss, more = self.loss(parameters, h, inputs[TARGETS])
        return loss, {**inputs, **more}, {}

    def check(self) -> None:
        """See Model.check."""
        super().check()
        if self.direct and self.sampled:
            raise InputError("direct connections reach every token: they do not go with sampled")

    def _inputs(self, batch: Size) -> dict[str, Node]:
        return {
            IDS: input_node(IDS, Type("int", (batch, self.order - 1))),
            TARGETS: input_node(TARGETS, Type("int", (batch,))),
        }

    def _logits(self, parameters: Mapping[str, Node], ids: Node, drop: Drop) -> Node:
        """Logits (batch, V) for the tokens behind ``ids`` (batch, n − 1), or (V,) for those behind (n − 1,)."""
        e, h = self._hidden(parameters, ids, drop)
        logits = self.output(parameters, h)
        if self.direct:
            logits = logits + product(e, parameters["D"], self.end + 1)
        return logits + parameters["c"]

    def _hidden(self, parameters: Mapping[str, Node], ids: Node, drop: Drop) -> tuple[Node, Node]:
        """The embeddings of windows, side by side, and the hidden layer."""
        width = (self.order - 1) * self.width
        e = drop(ops.reshape(ops.take(parameters["E"], ids), (*ids.shape[:-1], width)))
        return e, drop(activation(self.activation)(product(e, parameters["W"], self.units) + parameters["b"]))

    def measuring_graph(self) -> Graph:
        """The graph of log P of each target (batch,) given the window before it (batch, n − 1)."""
        parameters, inputs = self._parameter_nodes(), self._inputs(BATCH)
        logits = self._logits(parameters, inputs[IDS], undropped)
        found = ops.negative(ops.cross_entropy(logits, inputs[TARGETS]))
        return Graph({**parameters, **inputs}, {LOGARITHMS: found}, name="measure_window")

    def advance(self, parameters: Mapping[str, Node], token: Node, state: State) -> tuple[Node, State]:
        """See NeuralLM.advance; the state is the window."""
        window = ops.concatenate([state[WINDOW][1:], ops.expand_dims(token, 0)])
        return self._logits(parameters, window, undropped), {WINDOW: window}

    def state_types(self) -> dict[str, Type]:
        """See NeuralLM.state_types."""
        return {WINDOW: Type("int", (self.order - 1,))}

    # ---- use ----------------------------------------------------------------------------------------------------

    def examples(self, texts: Lines, key: NDArray[np.int64] | None) -> Shuffled:
        """See NeuralLM.examples."""
        stream = self.stream(texts, self.order - 1)
        return Shuffled(Windows(stream, self.order - 1, key, self.noise(stream)), self.batch, self.seed)

    def line_logarithms(self, lines: Lines, progress: Progress | None = None) -> Float:
        """See LanguageModel.line_logarithms."""
        tell = telling(progress, lines)
        windows = Windows(self.stream(lines, self.order - 1), self.order - 1).windows
        program, found = self.program("measure"), []
        for first in range(0, len(windows), self.stretch):
            part = np.ascontiguousarray(windows[first : first + self.stretch])
            out = program.run({**self.parameters_, IDS: part[:, :-1], TARGETS: part[:, -1]})
            found.append(np.asarray(out[LOGARITHMS], np.float64))
            tell(min((first + self.stretch) / len(windows), 1.0))
        return np.concatenate(found)

    def first_state(self) -> dict[str, NDArray[Any]]:
        """See NeuralLM.first_state."""
        return {WINDOW: np.full(self.order - 1, self.end)}
