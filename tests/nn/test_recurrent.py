"""Recurrent layers over packed texts: their places, and each text by itself gives the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.errors import InputError
from lexgrad.evaluate import Interpreter
from lexgrad.grad import gradient
from lexgrad.graph import Dim, Graph, Node, Type, input_node
from lexgrad.nn.neighbours import beside
from lexgrad.nn.recurrent import CELLS, Recurrence, places, recurrent

Array = NDArray[Any]
OFFSETS = np.array([0, 2, 2, 5, 6])  # texts of two rows, none, three and one
TOKENS, BATCH, TIME = Dim("tokens"), Dim("batch"), Dim("time")
INPUTS, UNITS = 3, 2


def nodes() -> dict[str, Node]:
    types = {
        "x": Type("float", (TOKENS, INPUTS)),
        "offsets": Type("int", (BATCH + 1,)),
        "clock": Type("int", (TIME,)),
    }
    return {name: input_node(name, type) for name, type in types.items()}


def test_places_are_counted_from_either_end() -> None:
    given = nodes()
    both = {way: places(given["offsets"], given["clock"], way == "backwards") for way in ("forwards", "backwards")}
    graph = Graph({name: given[name] for name in ("offsets", "clock")}, both)
    found = Interpreter(graph).run({"offsets": OFFSETS, "clock": np.arange(4)})
    nothing = [-1, -1, -1, -1]
    assert found["forwards"].tolist() == [[0, -1, 2, 5], [1, -1, 3, -1], [-1, -1, 4, -1], nothing]
    assert found["backwards"].tolist() == [[1, -1, 4, 5], [0, -1, 3, -1], [-1, -1, 2, -1], nothing]


def layer(kind: str) -> tuple[Graph, dict[str, Array]]:
    """A graph of the states both ways, and of gradients of some function of them; and its inputs."""
    random = np.random.default_rng(3)
    given, sums = nodes(), CELLS[kind] * UNITS
    shapes = {
        f"{name}{way}": shape
        for way in "fb"
        for name, shape in {"W": (INPUTS, sums), "U": (UNITS, sums), "b": (sums,)}.items()
    }
    weights = {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}
    ways = [Recurrence(*(weights[name + way] for name in "WUb")) for way in "fb"]
    forwards, backwards = recurrent(kind, given["x"], given["offsets"], given["clock"], ways)
    loss = ops.sum(ops.sin(forwards)) + ops.sum(ops.square(backwards))
    slopes = gradient(loss, [given["x"], *weights.values()])
    outputs = {"forwards": forwards, "backwards": backwards}
    outputs |= {f"d_{name}": slope for name, slope in zip(["x", *weights], slopes, strict=True)}
    values: dict[str, Array] = {name: random.normal(size=shape) for name, shape in shapes.items()}
    values |= {"x": random.normal(size=(6, INPUTS)), "offsets": OFFSETS, "clock": np.arange(3)}
    return Graph({**given, **weights}, outputs), values


def alone(kind: str, x: Array, W: Array, U: Array, b: Array) -> Array:
    """The states of one text, step by step."""
    states, h, c = [], np.zeros(UNITS), np.zeros(UNITS)
    for row in x:
        z, s = row @ W + b, h @ U
        if kind == "rnn":
            h = np.tanh(z + s)
        elif kind == "lstm":
            i, f, g, o = np.split(z + s, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            r, u = sigmoid((z + s)[:UNITS]), sigmoid((z + s)[UNITS : 2 * UNITS])
            h = (1 - u) * np.tanh(z[2 * UNITS :] + r * s[2 * UNITS :]) + u * h
        states.append(h)
    return np.array(states).reshape(-1, UNITS)


def sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


@pytest.mark.parametrize("kind", CELLS)
def test_packed_texts_are_read_as_each_by_itself(kind: str) -> None:
    graph, values = layer(kind)
    found = Interpreter(graph).run(values)
    texts = np.split(values["x"], OFFSETS[1:-1])
    forwards = [alone(kind, text, *(values[f"{name}f"] for name in "WUb")) for text in texts]
    backwards = [alone(kind, text[::-1], *(values[f"{name}b"] for name in "WUb"))[::-1] for text in texts]
    np.testing.assert_allclose(found["forwards"], np.concatenate(forwards), rtol=1e-12)
    np.testing.assert_allclose(found["backwards"], np.concatenate(backwards), rtol=1e-12)
    compiled = Program(graph, "fp64").run(values)
    for name, value in found.items():
        np.testing.assert_allclose(compiled[name], value, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("kind", CELLS)
def test_gradients_are_pytorchs(kind: str) -> None:
    torch = pytest.importorskip("torch")
    graph, values = layer(kind)
    found = Interpreter(graph).run(values)
    module = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind]
    theirs = module(INPUTS, UNITS, batch_first=True, bidirectional=True).double()
    with torch.no_grad():
        for way, suffix in (("f", ""), ("b", "_reverse")):
            getattr(theirs, f"weight_ih_l0{suffix}").copy_(torch.tensor(values[f"W{way}"].T))
            getattr(theirs, f"weight_hh_l0{suffix}").copy_(torch.tensor(values[f"U{way}"].T))
            getattr(theirs, f"bias_ih_l0{suffix}").copy_(torch.tensor(values[f"b{way}"]))
            getattr(theirs, f"bias_hh_l0{suffix}").zero_()
    x = torch.tensor(values["x"], requires_grad=True)
    states = [theirs(x[first:last][None])[0][0] for first, last in ((0, 2), (2, 5), (5, 6))]
    both = torch.cat(states)
    (torch.sin(both[:, :UNITS]).sum() + both[:, UNITS:].square().sum()).backward()
    np.testing.assert_allclose(found["d_x"], x.grad.numpy(), rtol=1e-9, atol=1e-12)
    for way, suffix in (("f", ""), ("b", "_reverse")):
        for name, theirs_is in (("W", "weight_ih_l0"), ("U", "weight_hh_l0"), ("b", "bias_ih_l0")):
            slope = getattr(theirs, theirs_is + suffix).grad.numpy().T
            np.testing.assert_allclose(found[f"d_{name}{way}"], slope, rtol=1e-9, atol=1e-12)


def test_one_way_and_unknown_cells() -> None:
    given = nodes()
    weights = [input_node(name, Type("float", (INPUTS, UNITS) if name == "W" else (UNITS,))) for name in ("W", "b")]
    U = input_node("U", Type("float", (UNITS, UNITS)))
    ways = [Recurrence(weights[0], U, weights[1])]
    assert len(recurrent("rnn", given["x"], given["offsets"], given["clock"], ways)) == 1
    with pytest.raises(InputError, match="one of rnn, lstm, gru; got 'elman'"):
        recurrent("elman", given["x"], given["offsets"], given["clock"], ways)


def test_rows_beside_their_neighbours_do_not_leave_their_text() -> None:
    given = nodes()
    graph = Graph(
        {name: given[name] for name in ("x", "offsets")}, {"beside": beside(given["x"], given["offsets"], 1, 2)}
    )
    x = np.arange(1.0, 19.0).reshape(6, INPUTS)
    zero = np.zeros(INPUTS)
    rows = [(zero, x[0], x[1], zero), (x[0], x[1], zero, zero), (zero, x[2], x[3], x[4])]
    rows += [(x[2], x[3], x[4], zero), (x[3], x[4], zero, zero), (zero, x[5], zero, zero)]
    found = Interpreter(graph).run({"x": x, "offsets": OFFSETS})["beside"]
    np.testing.assert_array_equal(found, [np.concatenate(row) for row in rows])
