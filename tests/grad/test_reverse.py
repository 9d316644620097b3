"""Reverse mode, graph to graph."""

from __future__ import annotations

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.errors import InputError, LexgradError
from lexgrad.evaluate import Interpreter, evaluate
from lexgrad.grad import backward, differentiate, gradient
from lexgrad.graph import Graph, Node, Primitive, Type, apply, check, formula, input_node, print_graph

FLOAT = Type("float")
X, Y = input_node("x", FLOAT), input_node("y", FLOAT)


def derivative(node: Node, x: float, y: float = 0.0) -> tuple[float, float]:
    graph = check(Graph({"x": X, "y": Y}, dict(zip(["dx", "dy"], gradient(node, [X, Y]), strict=True))))
    values = evaluate(graph, {"x": x, "y": y})
    return float(values["dx"]), float(values["dy"])


def test_a_node_that_is_used_twice_collects_both_shares() -> None:
    assert derivative(X * X, 3.0) == (6.0, 0.0)
    assert derivative(X + X, 3.0) == (2.0, 0.0)
    assert derivative(X - X, 3.0) == (0.0, 0.0)
    assert derivative(X * X * X, 2.0) == (12.0, 0.0)


def test_diamonds() -> None:
    left, right = X * Y, X + Y
    assert derivative(left * right, 2.0, 5.0) == (2 * 2 * 5 + 25.0, 4 + 2 * 2 * 5.0)
    node = X
    for _ in range(10):
        node = node + node
    assert derivative(node, 1.0) == (1024.0, 0.0)


def test_what_the_output_does_not_depend_on_has_zeros() -> None:
    v = input_node("v", Type("float", (2, 3)))
    (zeros,) = gradient(X * X, [v])
    assert zeros.type == v.type
    assert evaluate(Graph({}, {"out": zeros}), {})["out"].tolist() == np.zeros((2, 3)).tolist()
    assert v not in backward(X * X, [v])


def test_the_derivative_in_itself_is_1() -> None:
    assert derivative(X, 7.0) == (1.0, 0.0)


def test_intermediate_nodes_have_derivatives_too() -> None:
    square = X * X
    out = lg.sin(square)
    (share,) = gradient(out, [square])
    assert evaluate(Graph({"x": X}, {"out": share}), {"x": 2.0})["out"] == np.cos(4.0)


def test_a_chain_of_20_000_nodes_needs_no_recursion() -> None:
    node = X
    for _ in range(20_000):
        node = lg.sin(node)
    graph = differentiate(Graph({"x": X}, {"out": node}))
    value, slope = 0.5, 1.0
    for _ in range(20_000):
        slope *= np.cos(value)
        value = np.sin(value)
    found = Interpreter(graph)(x=0.5)
    np.testing.assert_allclose([found["out"], found["d_x"]], [value, slope], rtol=1e-9)


def test_backward_nodes_say_where_they_come_from() -> None:
    product = (X * Y).named("product")
    graph = differentiate(Graph({"x": X, "y": Y}, {"out": lg.tanh(product)}))
    dx = graph.outputs["d_x"]
    assert dx.origin is not None
    assert (dx.origin.node, dx.origin.input) == (product, 0)
    assert dx.location == product.location
    text = print_graph(graph, origins=True)
    assert "# from multiply product, input 1" in text


def test_sums_of_shares_belong_to_the_node_that_collects_them() -> None:
    square = X * X
    graph = differentiate(Graph({"x": X}, {"out": lg.sin(square) + square}))
    sums = [node for node in graph if node.primitive.name == "add" and node.origin is not None]
    assert [(node.origin.node, node.origin.input) for node in sums if node.origin] == [(square, None), (X, None)]


def test_differentiating_by_name() -> None:
    graph = Graph({"x": X, "y": Y}, {"out": X * Y, "other": X + Y})
    result = differentiate(graph, ["y"], "out")
    assert list(result.outputs) == ["out", "other", "d_y"]
    assert result.name == "graph_backward"
    assert formula(result.outputs["d_y"]) == "1 * x"


def test_derivatives_of_derivatives_have_names_of_their_own() -> None:
    graph = Graph({"x": X}, {"out": X**4})
    for _ in range(3):
        graph = differentiate(graph, ["x"], list(graph.outputs)[-1])
    assert list(graph.outputs) == ["out", "d_x", "d_d_x", "d_d_d_x"]
    values = evaluate(check(graph), {"x": 2.0})
    assert [float(value) for value in values.values()] == [16.0, 32.0, 48.0, 48.0]


def test_what_cannot_be_differentiated() -> None:
    ids = input_node("ids", Type("int"))
    vector = input_node("v", Type("float", (3,)))
    with pytest.raises(
        InputError, match=r"can differentiate a scalar only; got tanh: float\[3\]: take its sum or mean"
    ):
        gradient(lg.tanh(vector), [vector])
    with pytest.raises(InputError, match=r"can differentiate floats only; got add: int\[\]: write 3\.0 for 3"):
        gradient(ids + 1, [X])
    with pytest.raises(InputError, match=r"with respect to floats only; got ids: int\[\]"):
        gradient(X * 1.0, [ids])
    graph = Graph({"weights": X, "y": Y}, {"loss": X * Y, "accuracy": X + Y})
    with pytest.raises(InputError, match=r"has no input 'weight' \(did you mean 'weights'\?\)"):
        differentiate(graph, ["weight"], "loss")
    with pytest.raises(InputError, match=r"has several outputs \(loss, accuracy\): say which one"):
        differentiate(graph)
    with pytest.raises(InputError, match=r"has no output 'los' \(did you mean 'loss'\?\)"):
        differentiate(graph, output="los")


def test_a_rule_of_the_wrong_type_is_our_fault_and_said_so() -> None:
    wrong = Primitive("wrong", lambda x: x.with_shape(()), np.sum, (lambda g, out, x: g,))
    vector = input_node("v", Type("float", (3,)))
    with pytest.raises(LexgradError, match=r"the rule of wrong for input 0 gives float\[\]; the input is float\[3\]"):
        gradient(apply(wrong, vector), [vector])


def test_stop_gradient_stops_it() -> None:
    assert derivative(lg.stop_gradient(X) * X, 3.0) == (3.0, 0.0)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0])
def test_powers_have_all_their_derivatives_at_0(exponent: float) -> None:
    graph = Graph({"x": X}, {"out": X**exponent})
    expected = [0.0**exponent]
    factor = 1.0
    for order in range(1, 5):
        graph = differentiate(graph, ["x"], list(graph.outputs)[-1])
        factor *= exponent - order + 1
        expected.append(factor * 0.0 ** (exponent - order) if factor else 0.0)
    assert [float(value) for value in evaluate(graph, {"x": 0.0}).values()] == expected


def test_the_gradient_of_a_take_is_a_scatter_of_the_rows_that_were_read() -> None:
    table, ids = input_node("E", Type("float", (1000, 8))), input_node("ids", Type("int", (5,)))
    (share,) = gradient(lg.sum(lg.take(table, ids)), [table])
    assert share.primitive.name == "scatter_add"
    assert share.inputs[0].shape == (5, 8)
