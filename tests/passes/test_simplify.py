"""What the pipeline does to particular graphs, what it leaves alone, and how it can be watched."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.errors import LexgradError
from lexgrad.evaluate import evaluate
from lexgrad.grad import differentiate
from lexgrad.graph import Dim, Firing, Graph, Node, RewriteRule, Type, input_node, rewrite
from lexgrad.passes import Pass, apply_rules, run, simplify, stabilise
from lexgrad.trace import trace
from tests.passes.steps import language_model

N = Dim("n")
REAL = Type("float", (N, 4))


def shown(function: Callable[..., Node], *types: Type) -> str:
    """The names of the primitives in the simplified graph of a function, inputs and constants left out."""
    graph = simplify(trace(function, *types))
    return " ".join(node.primitive.name for node in graph.nodes if node.primitive.name not in ("input", "constant"))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x * 1.0 + 0.0, ""),
        (lambda x: ops.negative(ops.negative(x)), ""),
        (lambda x: x.T.T, ""),
        (lambda x: 2.0 * (3.0 * x) / 6.0, ""),
        (lambda x: x**2.0, "multiply"),
        (lambda x: x - (-x), "broadcast multiply"),
        (lambda x: ops.reshape(ops.reshape(x, (-1,)), x.shape), ""),
        (ops.stop_gradient, ""),
        (lambda x: ops.sum(ops.broadcast_to(2.0, x.shape)), "size cast multiply"),
        (lambda x: ops.where(True, x, ops.exp(x)), ""),
        (lambda x: ops.log(ops.exp(x) + 1.0), "softplus"),
        (lambda x: 1.0 / (1.0 + ops.exp(-x)), "sigmoid"),
        (lambda x: ops.log(ops.sum(ops.exp(x), 1)), "logsumexp"),
        (lambda x: ops.exp(x) / ops.sum(ops.exp(x), 1, keepdims=True), "logsumexp broadcast subtract exp"),
        (lambda x: ops.log(ops.exp(x) / ops.sum(ops.exp(x), 1, keepdims=True)), "logsumexp broadcast subtract"),
    ],
)
def test_what_is_left(function: Callable[..., Node], expected: str) -> None:
    assert shown(function, REAL) == expected


def test_a_softmax_with_the_largest_entry_taken_away_needs_no_maximum() -> None:
    def softmax(x: Node) -> Node:
        shifted = x - ops.max(x, 1, keepdims=True)
        return ops.exp(shifted) / ops.sum(ops.exp(shifted), 1, keepdims=True)

    assert shown(softmax, REAL) == "logsumexp broadcast subtract exp"


def test_stable_forms_survive_where_naive_ones_overflow() -> None:
    graph = trace(lambda x: ops.log(ops.exp(x) / ops.sum(ops.exp(x), 0, keepdims=True)), Type("float", (2,)))
    x = np.array([1000.0, 0.0])
    assert not np.isfinite(evaluate(graph, {"x": x})["out"]).all()
    np.testing.assert_allclose(evaluate(simplify(graph), {"x": x})["out"], [0.0, -1000.0])


def test_stable_forms_can_be_differentiated_afterwards() -> None:
    graph = trace(lambda x: ops.sum(ops.log(ops.stop_gradient(x) + ops.exp(x) * 0.0) + ops.log(ops.exp(x))), REAL)
    x = {"x": np.full((2, 4), 1.5)}
    steps = differentiate(stabilise(graph)), differentiate(graph)
    np.testing.assert_allclose(evaluate(steps[0], x)["d_x"], evaluate(steps[1], x)["d_x"])
    assert "stop_gradient" in str(stabilise(graph))


def test_zero_times_the_users_data_stays_as_it_is() -> None:
    graph = trace(lambda x: x * 0.0, Type("float", (2,)))
    assert np.isnan(evaluate(simplify(graph), {"x": np.array([math.inf, math.nan])})["out"]).all()
    counted = trace(lambda i: i * 0, Type("int", (2,)))
    assert [node.primitive.name for node in simplify(counted).nodes] == ["input", "constant", "broadcast"]


def test_small_constants_are_folded_and_large_ones_never_made() -> None:
    def function(x: Node) -> Node:
        large = ops.tanh(ops.broadcast_to(ops.constant([1.0, 2.0]) * 2.0, (1000, 2)))
        return ops.sum(large * x) + ops.sum(ops.cast(ops.arange(1000), "float") * 2.0)

    after = simplify(trace(function, Type("float", (1000, 2))))
    assert max(int(str(n.type.size)) for n in after.nodes if n.primitive.name == "constant") == 2
    assert "tanh" not in {node.primitive.name for node in after.nodes}
    assert "iota" in {node.primitive.name for node in after.nodes}


def test_random_numbers_are_drawn_when_the_graph_is_run() -> None:
    graph = trace(lambda x: ops.dropout(x, 0.5, 3, 4), Type("float", (2,)))
    assert "random_uniform" in {node.primitive.name for node in simplify(graph).nodes}


def test_an_index_out_of_range_is_for_whoever_runs_the_graph() -> None:
    graph = Graph({}, {"out": ops.take(ops.constant([1.0]), ops.constant(5))})
    assert "take" in {node.primitive.name for node in simplify(graph).nodes}


def test_backward_nodes_keep_their_origin_and_line() -> None:
    after = simplify(language_model())
    backward = [node for node in after.nodes if node.origin is not None]
    assert {"matmul", "multiply", "subtract", "exp"} <= {node.primitive.name for node in backward}
    for node in after.nodes:
        if node.location is not None:
            assert "passes" not in node.location.file or "tests" in node.location.file
    forward = [node for node in after.nodes if node.primitive.name == "tanh"]
    assert [node.origin for node in forward] == [None]


def test_names_stay_where_values_do() -> None:
    def function(x: Node) -> Node:
        hidden = (ops.tanh(x) * 1.0).named("hidden")
        return hidden + hidden

    assert "hidden: float[n, 4] = tanh(x)" in str(simplify(trace(function, REAL)))


def test_it_can_be_watched(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    graph = trace(lambda x: (ops.tanh(x) * 1.0).named("hidden"), REAL)
    simplify(graph)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("LEXGRAD_DEBUG", "passes")
    simplify(graph)
    assert capsys.readouterr().err.splitlines() == [
        f"algebra, {graph.name}: x * 1 → x",
        "    before:  hidden = tanh(x) * 1",
        "        %2: float[n, 4] = broadcast(`1`, shape=(n, 4), axes=())",
        "        hidden: float[n, 4] = multiply(`tanh(x)`, %2)",
        "    after:  hidden = tanh(x)",
    ]


def test_rules_that_undo_each_other_are_reported() -> None:
    def swapped(node: Node) -> Node:
        return node.inputs[1] + node.inputs[0]

    rule = RewriteRule("x + y → y + x", "add", swapped)
    graph = trace(lambda x, y: x + y, REAL, REAL)
    with pytest.raises(LexgradError, match=r"x \+ y → y \+ x"):
        rewrite(graph, [rule])
    endless = Pass("endless", lambda graph: (graph, [Firing("again", graph.nodes[-1], graph.nodes[-1])]))
    with pytest.raises(LexgradError, match="still find something"):
        run([endless], graph)


def test_a_family_that_there_is_not() -> None:
    with pytest.raises(KeyError):
        apply_rules(trace(lambda x: x, REAL), "alchemy")


def test_inputs_stay_in_their_order_used_or_not() -> None:
    x, y = input_node("x", REAL), input_node("y", REAL)
    graph = Graph({"y": y, "x": x}, {"out": x * 1.0})
    assert list(simplify(graph).inputs) == ["y", "x"]
    assert simplify(graph).outputs["out"] is x
