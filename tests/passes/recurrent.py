"""Training steps of recurrent language models, as graphs, for tests of what happens to their loops."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import lexgrad as lg
from lexgrad.grad import gradient
from lexgrad.graph import Dim, Graph, Node, Size, Type, input_node

Arrays = dict[str, NDArray[Any]]

GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def states(kind: str, p: dict[str, Node], x: Node, h: Node) -> Node:
    """The states of all steps, ``(time, batch, units)``."""

    def rnn(h: Node, x: Node) -> tuple[Any, Node]:
        return (lg.rnn_cell(h, x, p["W_x"], p["W_h"], p["b"]),) * 2

    def lstm(state: Any, x: Node) -> tuple[Any, Node]:
        new = lg.lstm_cell(state, x, p["W_x"], p["W_h"], p["b"])
        return new, new[0]

    def gru(h: Node, x: Node) -> tuple[Any, Node]:
        return (lg.gru_cell(h, x, p["W_x"], p["W_h"], p["b"], p["b"]),) * 2

    step = {"rnn": rnn, "lstm": lstm, "gru": gru}[kind]
    found: Node = lg.scan(step, (h, 0.5 * h) if kind == "lstm" else h, x)[1]
    return found


def training_step(
    kind: str, vocabulary: int = 11, units: int = 4, time: Size = 5, batch: Size = 3, tied: bool = False
) -> Graph:
    """Words in, updated parameters and the loss out: embedding, recurrence, softmax, SGD with clipping by the norm."""
    gates = GATES[kind]
    shapes: dict[str, tuple[int, ...]] = {
        "E": (vocabulary, units),
        "W_x": (units, gates * units),
        "W_h": (units, gates * units),
        "b": (gates * units,),
        **({} if tied else {"U": (units, vocabulary)}),
        "b_2": (vocabulary,),
    }
    parameters = {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}
    h = input_node("h", Type("float", (batch, units)))
    words, following = (input_node(name, Type("int", (time, batch))) for name in ("words", "following"))
    x = lg.take(parameters["E"], words)
    found = lg.reshape(states(kind, parameters, x, h), (time * batch, units))
    logits = found @ (parameters["E"].T if tied else parameters["U"]) + parameters["b_2"]
    loss = lg.mean(lg.cross_entropy(logits, lg.reshape(following, (time * batch,))))
    gradients = gradient(loss, list(parameters.values()))
    total: Node = lg.sqrt(sum((lg.sum(lg.square(g)) for g in gradients), lg.ops.constant(0.0)))
    factor = lg.minimum(1.0, 0.5 / total)
    new = {f"new_{name}": p - 0.1 * factor * g for (name, p), g in zip(parameters.items(), gradients, strict=True)}
    inputs = {**parameters, "h": h, "words": words, "following": following}
    return Graph(inputs, {"loss": loss, **new}, kind)


def values_for(graph: Graph, sizes: dict[str, int] | None = None, seed: int = 3) -> Arrays:
    """Values for the inputs of a training step."""
    generator = np.random.default_rng(seed)
    drawn: Arrays = {}
    for name, type in graph.with_sizes(sizes or {}).input_types.items():
        shape = [size for size in type.shape if not isinstance(size, Dim)]
        vocabulary = graph.input_types["E"].shape[0]
        assert isinstance(vocabulary, int)
        whole = generator.integers(0, vocabulary, shape)
        drawn[name] = whole if type.dtype == "int" else generator.normal(size=shape)
    return drawn
