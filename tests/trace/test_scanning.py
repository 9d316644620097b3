"""``lexgrad.scan``: Python functions as steps, trees in and out, what is captured, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import lexgrad as lg
from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import Dim, Graph, Node, Type, check
from tests.comparing import assert_same_values

Array = NDArray[np.float64]
RNG = np.random.default_rng(4)
X, H, W = RNG.normal(size=(5, 2, 3)), RNG.normal(size=(2, 3)), RNG.normal(size=(3, 3))


def elman(h: Any, x: Any, W: Any) -> Any:
    return lg.scan(lambda h, x: (lg.rnn_cell(h, x, np.eye(3), W),) * 2, h, x)


def by_hand(h: Array, x: Array, W: Array) -> tuple[Array, Array]:
    states = []
    for row in x:
        h = np.tanh(row + h @ W)
        states.append(h)
    return h, np.stack(states)


def run(function: Any, *arguments: Any) -> list[Any]:
    graph = check(lg.trace(function, *arguments))
    return list(lg.evaluate(graph, dict(zip(graph.inputs, arguments, strict=True))).values())


def test_a_recurrence_is_what_a_loop_computes() -> None:
    for found, expected in zip(run(elman, H, X, W), by_hand(H, X, W), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_backwards_in_time_results_stand_at_their_steps() -> None:
    _, states = run(lambda x: lg.scan(lambda h, x: (h + x, h + x), 0.0, x, reverse=True), np.array([1.0, 2.0, 4.0]))
    assert states.tolist() == [7.0, 6.0, 4.0]


def test_trees_go_in_and_come_out() -> None:
    def step(carry: dict[str, Node], given: tuple[Node, Node]) -> tuple[Any, Any]:
        a, b = given
        new = {"sum": carry["sum"] + a * b, "count": carry["count"] + 1}
        return new, {"mean": new["sum"] / new["count"], "both": [a, (b,)]}

    def function(a: Any, b: Any) -> Any:
        last, results = lg.scan(step, {"sum": 0.0, "count": 0}, (a, b))
        assert list(last) == ["sum", "count"]
        return last, results

    a, b = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.5, 2.0])
    values = lg.evaluate(lg.trace(function, a, b), {"a": a, "b": b})
    assert {name: value.tolist() for name, value in values.items()} == {
        "out.0.sum": 8.0,
        "out.0.count": 3,
        "out.1.mean": [1.0, 1.0, 8 / 3],
        "out.1.both.0": [1.0, 2.0, 3.0],
        "out.1.both.1.0": [1.0, 0.5, 2.0],
    }


def test_without_sequences_the_length_is_told() -> None:
    last, powers = run(lambda x: lg.scan(lambda p, _: (p * x, p), 1.0, length=4), 3.0)
    assert (last, powers.tolist()) == (81.0, [1.0, 3.0, 9.0, 27.0])


def test_a_step_may_give_nothing_but_its_carry() -> None:
    assert run(lambda x: lg.scan(lambda total, x: (total + x, None), 0.0, x)[0], np.array([1.0, 2.0])) == [3.0]


@pytest.mark.parametrize("time", [0, 1, 7])
def test_named_lengths(time: int) -> None:
    graph = lg.trace(elman, Type("float", (2, 3)), Type("float", (Dim("time"), 2, 3)), Type("float", (3, 3)))
    x = RNG.normal(size=(time, 2, 3))
    last, states = lg.evaluate(graph, {"h": H, "x": x, "W": W}).values()
    expected = by_hand(H, x, W) if time else (H, np.zeros((0, 2, 3)))
    np.testing.assert_allclose(last, expected[0], rtol=1e-13)
    np.testing.assert_allclose(states, expected[1], rtol=1e-13)


def scan_node(graph: Graph) -> Node:
    (node,) = (node for node in graph if node.primitive.name == "scan")
    return node


def test_what_does_not_hang_on_the_step_is_computed_outside() -> None:
    def function(x: Node, W: Node) -> Node:
        def step(h: Node, x_t: Node) -> tuple[Node, None]:
            return lg.tanh(x_t + h @ lg.exp(W).T) * 2.0, None

        last: Node = lg.scan(step, np.zeros(3), x)[0]
        return last

    node = scan_node(lg.trace(function, X[:, 0], W))
    body = node.attributes["body"]
    assert [inner.primitive.name for inner in body.nodes[3:] if inner.inputs] == [
        "matmul", "add", "tanh", "broadcast", "multiply"
    ]  # fmt: skip
    assert node.inputs[-1].primitive.name == "transpose"
    assert not any(inner.primitive.name == "exp" for inner in body)


def test_captured_results_and_carries() -> None:
    last, all_ = run(lambda x, y: lg.scan(lambda h, x: (y, y), 0.0, x), np.array([1.0, 2.0]), 5.0)
    assert (last, all_.tolist()) == (5.0, [5.0, 5.0])


def test_loops_inside_loops() -> None:
    def power(x: Node, n: int) -> Node:
        last: Node = lg.scan(lambda p, _: (p * x, None), 1.0, length=n)[0]
        return last

    def polynomial(x: Any, c: Any) -> Any:
        def step(carry: tuple[Node, Node], c_i: Node) -> tuple[Any, Node]:
            total, scale = carry
            term = c_i * scale * power(x, 2)
            return (total + term, scale * x), term

        return lg.scan(step, (0.0, 1.0), c)[0][0]

    c = np.array([1.0, -2.0, 0.5])
    (found,) = run(polynomial, 1.5, c)
    assert found == pytest.approx(1.5**2 * np.polyval(c[::-1], 1.5))
    assert lg.grad(polynomial)(1.5, c) == pytest.approx(
        2 * 1.5 * np.polyval(c[::-1], 1.5) + 1.5**2 * np.polyval(np.polyder(c[::-1]), 1.5)
    )
    lg.check_gradients(polynomial, 1.5, c, order=3)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("time", [0, 1, 5])
def test_gradients_through_time(time: int, reverse: bool) -> None:
    def step(carry: tuple[Node, Node], given: tuple[Node, Node], E: Node, W: Node) -> tuple[Any, Any]:
        h, c = carry
        x, word = given
        c = lg.sigmoid(x) * c + lg.take(E, word)
        h = lg.tanh(h @ W + c * x)
        return (h, c), (h * c, lg.logsumexp(h))

    words = RNG.integers(-1, 4, time)

    def function(h: Node, c: Node, x: Node, E: Node, W: Node) -> Any:
        return lg.scan(lambda carry, given: step(carry, given, E, W), (h, c), (x, words), reverse=reverse)

    rows = [RNG.normal(size=shape) for shape in ((3,), (3,), (time, 3), (4, 3), (3, 3))]
    lg.check_gradients(function, *rows, order=2)


def test_only_what_is_asked_for_is_differentiated() -> None:
    graph = lg.trace(lambda h, x, W: lg.sum(elman(h, x, W)[1]), H, X, W)
    only_h = lg.differentiate(graph, ["h"])
    backward = next(node.attributes["body"] for node in only_h if node.attributes.get("reverse"))
    assert list(backward.outputs) == ["d_h"]
    both = lg.differentiate(graph, ["h", "W"])
    values = {"h": H, "x": X, "W": W}
    np.testing.assert_array_equal(lg.evaluate(only_h, values)["d_h"], lg.evaluate(both, values)["d_h"])


def test_variables_go_through_a_loop() -> None:
    h, x, weights = lg.variables(h=H, x=X, W=W)
    last, states = elman(h, x, weights)
    np.testing.assert_allclose(last.value, by_hand(H, X, W)[0])
    total = lg.sum(lg.sin(states) + last)
    assert isinstance(total, lg.Variable)
    total.backward()
    expected = lg.grad(lambda h, x, W: lg.sum(lg.sin(elman(h, x, W)[1]) + elman(h, x, W)[0]), (0, 1, 2))(H, X, W)
    for variable, gradient in zip((h, x, weights), expected, strict=True):
        np.testing.assert_allclose(np.asarray(variable.grad), gradient, rtol=1e-12)


def test_captured_variables_have_gradients() -> None:
    weights = lg.variable(W, "W")
    last, _ = lg.scan(lambda h, x: (lg.tanh(x + h @ weights), None), H, X)
    total = lg.sum(last)
    assert isinstance(total, lg.Variable)
    total.backward()
    np.testing.assert_allclose(np.asarray(weights.grad), lg.grad(lambda W: lg.sum(elman(H, X, W)[0]))(W), rtol=1e-12)


def test_in_fp32_every_step_is_fp32() -> None:
    graph = lg.differentiate(lg.trace(lambda h, x, W: lg.sum(elman(h, x, W)[1]), H, X, W))
    values = {"h": H, "x": X, "W": W}
    rough = lg.evaluate(graph, values, "fp32")
    assert all(value.dtype == np.float32 for value in rough.values())
    assert_same_values(rough, lg.evaluate(graph, values), 1e-5)


def test_the_results_are_arrays_of_their_own() -> None:
    graph = lg.trace(lambda h, x: lg.scan(lambda h, x: (h, x), h, x), H, X)
    for value in lg.evaluate(graph, {"h": H, "x": X}).values():
        assert not np.shares_memory(value, H)
        assert not np.shares_memory(value, X)


ONE = np.ones(1)


def add(h: Any, x: Any) -> Any:
    return h + x, None


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "message"),
    [
        ((add, 0.0), {}, InputError, "scan without sequences needs to be told its length"),
        ((add, 0.0, 1.0), {}, ShapeError, "along the first axis of its sequences; x is a scalar"),
        ((add, 0.0, ONE), {"length": 2}, ShapeError, "one number of steps; got length 2, x 1"),
        ((add, 0.0), {"length": -1}, ShapeError, "from 0 up; got -1"),
        ((add, 0, ONE), {}, ShapeError, r"carry h goes into the step as int\[\] and comes out as float\[\]: write 0"),
        (
            (add, 0.0, np.ones((1, 1))),
            {},
            ShapeError,
            r"carry h goes into the step as float\[\] and comes out as float\[1\]",
        ),
        ((lambda h, x: h, 0.0, ONE), {}, InputError, "a step returns a pair, the new carry and the step's results"),
        ((lambda h, x: ([h, x], x), 0.0, ONE), {}, InputError, "the carry as it got it, with h; got h.0, h.1"),
        ((lambda h, x: (h, "x"), 0.0, ONE), {}, InputError, "a traced function returns nodes, .* out is 'x'"),
        ((lambda h, x: (h @ x, x), np.zeros(3), np.zeros((2, 4))), {}, ShapeError, "inner sizes 3 and 4 differ"),
    ],
)
def test_mistakes_are_named(arguments: Any, settings: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as raised:
        lg.scan(*arguments, **settings)
    assert "test_scanning.py" in str(raised.value)
    assert "\n" not in str(raised.value)
