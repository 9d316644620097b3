"""Recurrent language models: Elman, LSTM and GRU networks, trained by truncated backpropagation through time."""

# `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.graph import Dim, Graph, Node, Type, input_node
from lexgrad.models.language.drawing import State, product
from lexgrad.models.language.lines import Lines, telling
from lexgrad.models.language.neural import Float, NeuralLM
from lexgrad.models.language.running import LOGARITHMS
from lexgrad.models.language.streams import FRESH, IDS, TARGETS, Columns, Ints
from lexgrad.models.settings import setting
from lexgrad.nn.initialisers import generator, initialiser
from lexgrad.nn.layers import Drop, undropped
from lexgrad.nn.recurrence import CELLS, cell_update
from lexgrad.trace import scan
from lexgrad.train.engine import DTYPES
from lexgrad.train.progress import Progress

COLUMNS = 32  # places of a dev text that are measured at once
WARM = 128  # tokens read before a column, so that its state is what the text before it leaves
TIME = Dim("time")


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class RecurrentLM(NeuralLM):
    """A recurrent language model: h_t from h_{t−1} and the embedding of token t, then softmax(h_t O + c) for the next.

    The text is one stream: the state goes on from line to line, and before the first line it is 0, as if a line had
    just ended (``by_line``: as it is before every line). Training goes along ``batch`` places of the stream at once,
    ``chunk`` tokens a step; gradients stop where a chunk begins, the state does not. Measuring goes along the whole
    text in order, from the state 0.

    Dropout is on embeddings and on the output of every layer, not on the way from h_{t−1} to h_t (Zaremba et al. 2014);
    ``locked``: with the same mask at every place of a chunk (after Gal and Ghahramani 2016).

    Parameters (``parameters_``): ``E`` (V, d); of layer l ``Wl`` (inputs, g units), ``Ul`` (units, g units), ``bl``
    (g units,), with g = 1, 4, 3 for Elman, LSTM, GRU; ``O`` (units, V), ``c`` (V,). Tied: no ``O``, and where units are
    not d, ``P`` (units, d). ``sampled``: ``R`` (V, units) for ``O``. An LSTM's parts are in the order input, forget,
    candidate, output.

    References:
        Mikolov et al. 2010, Recurrent neural network based language model. Zaremba et al. 2014, Recurrent neural
        network regularization. Press and Wolf 2017, Using the output embedding to improve language models.
    """

    cell: ClassVar[str] = "rnn"

    layers: int = setting(1, "recurrent layers", least=1)
    units: int = setting(200, "units of each layer", least=1)
    chunk: int = setting(35, "tokens that gradients go back through", least=1)
    batch: int = setting(20, "places of the text that are read at once", least=1)
    by_line: bool = setting(False, "whether each line is read on its own, from the state 0, and not the text as one")
    locked: bool = setting(False, "whether dropout's mask is the same at every place of a chunk")
    clip_norm: float | None = setting(5.0, "scale the whole gradient down to this norm", least=0)
    epochs: int = setting(20, "passes over the training text", least=1)

    def shapes(self, words: int) -> dict[str, tuple[int, ...]]:
        """See NeuralLM.shapes."""
        gates = CELLS[self.cell] * self.units
        shapes: dict[str, tuple[int, ...]] = {"E": (words, self.width)}
        for layer in range(1, self.layers + 1):
            inputs = self.width if layer == 1 else self.units
            shapes |= {f"W{layer}": (inputs, gates), f"U{layer}": (self.units, gates), f"b{layer}": (gates,)}
        return {**shapes, **self.output_shapes(words, self.units), "c": (words,)}

    def initial(self, name: str, shape: tuple[int, ...]) -> Float:
        """See NeuralLM.initial."""
        random = generator(self.seed, name)
        if name in ("E", "R"):
            return np.asarray(random.standard_normal(shape) * self.init_std)
        if name.startswith(("b", "c")):
            values = np.zeros(shape)
            if name.startswith("b") and self.cell == "lstm":
                values[self.units : 2 * self.units] = 1.0  # an LSTM that remembers at first (Jozefowicz et al. 2015)
            return values
        gates = CELLS[self.cell] if name[0] in "WU" else 1
        wide = (shape[0], shape[1] // gates)  # each gate is a layer of its own
        return np.concatenate([initialiser("xavier", self.init_std)(wide, random) for _ in range(gates)], axis=1)

    # ---- graphs -------------------------------------------------------------------------------------------------

    def state_names(self) -> list[str]:
        """The names of the states: h1, and of an LSTM c1, for each layer."""
        kinds = "hc" if self.cell == "lstm" else "h"
        return [f"{kind}{layer}" for layer in range(1, self.layers + 1) for kind in kinds]

    def objective(self, parameters: Mapping[str, Node], drop: Drop) -> tuple[Node, dict[str, Node], dict[str, Node]]:
        """See NeuralLM.objective."""
        shape = (self.chunk, self.batch)
        ids, targets = input_node(IDS, Type("int", shape)), input_node(TARGETS, Type("int", shape))
        fresh = input_node(FRESH, Type("int"))
        states = {name: input_node(name, Type("float", (self.batch, self.units))) for name in self.state_names()}
        kept = {name: ops.where(ops.equal(fresh, 1), 0.0, state) for name, state in states.items()}
        h, carried = self._hidden(parameters, ids, kept, drop)
        loss, more = self.loss(parameters, h, ops.reshape(targets, (self.chunk * self.batch,)))
        return loss, {IDS: ids, TARGETS: targets, FRESH: fresh, **states, **more}, carried

    def _hidden(
        self, parameters: Mapping[str, Node], ids: Node, states: Mapping[str, Node], drop: Drop
    ) -> tuple[Node, dict[str, Node]]:
        """The last layer (time batch, units) and the states after the last token; ``ids`` is (time, batch)."""
        time, batch = ids.shape
        locked = self._locked(drop)
        x = locked(ops.take(parameters["E"], ids))
        after: dict[str, Node] = {}
        for layer in range(1, self.layers + 1):
            names = [name for name in self.state_names() if name[1:] == str(layer)]
            z = ops.matmul(x, parameters[f"W{layer}"]) + parameters[f"b{layer}"]
            U = parameters[f"U{layer}"]

            def step(state: tuple[Node, ...], at: list[Node], U: Node = U) -> tuple[tuple[Node, ...], Node]:
                state = tuple(part * at[1] for part in state) if self.by_line else state
                new = cell_update(self.cell, state, at[0], ops.matmul(state[0], U))
                return new, new[0]

            goes_on = [ops.expand_dims(self._goes_on(ids), 2)] if self.by_line else []
            last, h = scan(step, tuple(states[name] for name in names), [z, *goes_on])
            after |= dict(zip(names, last, strict=True))
            x = locked(h)
        return ops.reshape(x, (time * batch, self.units)), after

    def _goes_on(self, ids: Node) -> Node:
        """1 where the state goes on, 0 where a token ends a line and the next one begins with it."""
        return ops.where(ops.equal(ids, self.end), 0.0, 1.0)

    def _locked(self, drop: Drop) -> Callable[[Node], Node]:
        if not self.locked:
            return drop
        return lambda x: x * drop(ops.broadcast_to(1.0, (1, *x.shape[1:])))

    def measuring_graph(self, columns: int = 1) -> Graph:
        """The graph of one stretch of a text: log P of each target given what came before it, and the states after.

        Args:
            columns: how many places of the text are read at once: ids and targets are (time, columns).
        """
        parameters = self._parameter_nodes()
        shape = (TIME, columns)
        ids, targets = input_node(IDS, Type("int", shape)), input_node(TARGETS, Type("int", shape))
        states = {name: input_node(name, Type("float", (columns, self.units))) for name in self.state_names()}
        h, after = self._hidden(parameters, ids, states, undropped)
        logits = self.output(parameters, h) + parameters["c"]
        flat = ops.reshape(targets, (TIME * columns,))
        found = ops.reshape(ops.negative(ops.cross_entropy(logits, flat)), shape)
        inputs = {**parameters, IDS: ids, TARGETS: targets, **states}
        return Graph(inputs, {LOGARITHMS: found, **after}, name=f"measure_{self.cell}")

    def graphs(self) -> dict[str, Callable[[], Graph]]:
        """See NeuralLM.graphs."""
        return {**super().graphs(), "columns": lambda: self.measuring_graph(COLUMNS)}

    def advance(self, parameters: Mapping[str, Node], token: Node, state: State) -> tuple[Node, State]:
        """See NeuralLM.advance."""
        x = ops.take(parameters["E"], token)
        after: State = {}
        gates = CELLS[self.cell] * self.units
        if self.by_line:
            state = {name: part * self._goes_on(token) for name, part in state.items()}
        for layer in range(1, self.layers + 1):
            last = {name: node for name, node in state.items() if name[1:] == str(layer)}
            z = product(x, parameters[f"W{layer}"], gates) + parameters[f"b{layer}"]
            u = product(last[f"h{layer}"], parameters[f"U{layer}"], gates)
            new = cell_update(self.cell, tuple(last.values()), z, u)
            after |= dict(zip(last, new, strict=True))
            x = new[0]
        return self.output(parameters, x) + parameters["c"], after

    def state_types(self) -> dict[str, Type]:
        """See NeuralLM.state_types."""
        return {name: Type("float", (self.units,)) for name in self.state_names()}

    # ---- use ----------------------------------------------------------------------------------------------------

    def examples(self, texts: Lines, key: NDArray[np.int64] | None) -> Columns:
        """See NeuralLM.examples."""
        stream = self.stream(texts, 1)
        return Columns(stream, self.batch, self.chunk, self.seed, key, self.noise(stream))

    def carried_start(self) -> dict[str, NDArray[Any]]:
        """See NeuralLM.carried_start."""
        return {name: np.zeros((self.batch, self.units)) for name in self.state_names()}

    def zero_states(self, columns: int = 1) -> dict[str, NDArray[Any]]:
        """The states before a text, or before each of some columns of it."""
        return {name: np.zeros((columns, self.units), DTYPES[self.precision]) for name in self.state_names()}

    def line_logarithms(self, lines: Lines, progress: Progress | None = None) -> Float:
        """See LanguageModel.line_logarithms: the whole text in order, the state going on from line to line."""
        stream = self.stream(lines, 1)
        found, _ = self._measured(stream[:-1, None], stream[1:, None], self.zero_states(), telling(progress, lines))
        return found[:, 0]

    def dev_logarithms(self, lines: Lines) -> Float:
        """See NeuralLM.dev_logarithms: columns of the text side by side, each read from ``WARM`` tokens before it on.

        A text of less than ``COLUMNS`` times as many is read in order.
        """
        stream = self.stream(lines, 1)
        tokens = len(stream) - 1
        length = -(-tokens // COLUMNS)
        if length < WARM:
            return self.line_logarithms(lines)
        places = (np.arange(-WARM, length)[:, None] + length * np.arange(COLUMNS)).clip(0, tokens - 1)
        ids, targets = stream[places], stream[places + 1]
        _, states = self._measured(ids[:WARM], targets[:WARM], self.zero_states(COLUMNS))
        for state in states.values():
            state[0] = 0.0  # nothing comes before the first column
        found, _ = self._measured(ids[WARM:], targets[WARM:], states)
        return np.asarray(found.T.reshape(-1)[:tokens])

    def _measured(
        self,
        ids: Ints,
        targets: Ints,
        states: dict[str, NDArray[Any]],
        tell: Callable[[float], None] = lambda share: None,
    ) -> tuple[Float, dict[str, NDArray[Any]]]:
        """log P of ``targets`` (time, columns), and the states after them; ``states`` are those before."""
        columns, found = ids.shape[1], []
        program = self.program("measure" if columns == 1 else "columns")
        stretch = max(self.stretch // columns, 1)
        for first in range(0, len(ids), stretch):
            part = slice(first, first + stretch)
            out = program.run({**self.parameters_, IDS: ids[part], TARGETS: targets[part], **states})
            states = {name: out[name] for name in states}
            found.append(np.asarray(out[LOGARITHMS], np.float64))
            tell(min((first + stretch) / len(ids), 1.0))
        return np.concatenate(found), states

    def first_state(self) -> dict[str, NDArray[Any]]:
        """See NeuralLM.first_state."""
        return {name: array[0] for name, array in self.zero_states().items()}

    def check(self) -> None:
        """See Model.check."""
        super().check()
        if self.cell not in CELLS:
            raise InputError(f"a recurrent cell is one of {', '.join(CELLS)}; got {self.cell!r}")


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class RNNLM(RecurrentLM):
    """An Elman network as a language model: h_t = tanh(e_t W + h_{t−1} U + b). See RecurrentLM."""

    name: ClassVar[str] = "rnn-lm"
    cell: ClassVar[str] = "rnn"


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class LSTMLM(RecurrentLM):
    """A long short-term memory network as a language model. See RecurrentLM."""

    name: ClassVar[str] = "lstm-lm"
    cell: ClassVar[str] = "lstm"


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class GRULM(RecurrentLM):
    """A gated recurrent unit network as a language model. See RecurrentLM."""

    name: ClassVar[str] = "gru-lm"
    cell: ClassVar[str] = "gru"
