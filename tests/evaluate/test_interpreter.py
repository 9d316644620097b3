"""The interpreter: binding of inputs and sizes, precision, memory, and the search for the first NaN."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.errors import InputError, NonFiniteError
from lexgrad.evaluate import Interpreter, bind_sizes, evaluate
from lexgrad.grad import differentiate
from lexgrad.graph import Dim, Graph, Node, Type, input_node
from lexgrad.ops import constant, segment_lengths

N, M = Dim("n"), Dim("m")
X = input_node("x", Type("float", (N, 3)))
IDS = input_node("ids", Type("int", (N,)))
MASK = input_node("mask", Type("bool", ()))


def of(**outputs: Node) -> Graph:
    return Graph({"x": X, "ids": IDS, "mask": MASK}, outputs, "model")


VALUES: dict[str, Any] = {"x": np.ones((2, 3)), "ids": [0, 1], "mask": True}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"idz": [1]}, "graph 'model' has no input 'idz' (did you mean 'ids'?)"),
        ({"ids": None}, "graph 'model' needs a value for ids"),
        ({"x": None, "mask": None}, "graph 'model' needs a value for x, mask"),
        ({"x": np.ones(3)}, "input 'x' should be float[n, 3]; got shape (3,)"),
        ({"x": np.ones((2, 4))}, "input 'x' should be float[n, 3]; got shape (2, 4) with n = 2"),
        ({"ids": [0, 1, 2]}, "input 'ids' should be int[n]; got shape (3,) with n = 2"),
        ({"ids": [0.5, 1.5]}, "input 'ids' should be int[n]; got float[2]"),
        ({"mask": 1}, "input 'mask' should be bool[]; got int[]"),
        ({"x": np.ones((2, 3), bool)}, "input 'x' should be float[n, 3]; got bool[2, 3]"),
        ({"x": np.full((2, 3), "a")}, "expected numbers; got an array of dtype <U1"),
        ({"x": [[1.0, 2.0, 3.0], [1.0]]}, "a rectangular array"),
    ],
)
def test_what_is_wrong_with_inputs_is_said(changes: dict[str, Any], message: str) -> None:
    inputs = {name: value for name, value in {**VALUES, **changes}.items() if value is not None}
    with pytest.raises(InputError) as caught:
        evaluate(of(out=lg.sum(X)), inputs)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_integers_are_taken_for_floats_and_narrow_ones_are_widened() -> None:
    assert evaluate(of(out=X), {**VALUES, "x": np.ones((2, 3), np.int8)})["out"].dtype == np.float64
    graph = of(out=IDS * 200)
    assert evaluate(graph, {**VALUES, "ids": np.array([1, 2], np.int8)})["out"].tolist() == [200, 400]
    assert evaluate(graph, {**VALUES, "ids": np.array([1, 2], np.uint8)})["out"].dtype == np.int64


def test_an_empty_list_is_of_any_kind() -> None:
    assert evaluate(of(out=IDS), {"x": np.zeros((0, 3)), "ids": [], "mask": False})["out"].dtype == np.int64


def test_sizes_are_worked_out_from_one_another() -> None:
    types = {"a": Type("float", (N * M,)), "b": Type("int", (M + 1,)), "c": Type("float", (2 * N, 3))}
    assert bind_sizes(types, {"a": (12,), "b": (4,), "c": (8, 3)}) == {"m": 3, "n": 4}


def test_a_product_with_a_size_of_0_leaves_the_other_to_be_found_elsewhere() -> None:
    types = {"a": Type("float", (N,)), "b": Type("float", (N * M,)), "c": Type("float", (M,))}
    assert bind_sizes(types, {"a": (0,), "b": (0,), "c": (5,)}) == {"n": 0, "m": 5}


@pytest.mark.parametrize(
    ("shape", "given", "message"),
    [
        ((N * M,), (6,), "the size m, n does not follow from the inputs' shapes"),
        ((2 * N,), (5,), "input 'a' should be float[2*n]; got shape (5,): no size 'n' makes 2*n equal 5"),
        ((N + 3,), (1,), "no size 'n' makes n+3 equal 1"),
        ((N, N), (2, 3), "input 'a' should be float[n, n]; got shape (2, 3) with n = 2"),
    ],
)
def test_sizes_that_cannot_be(shape: Any, given: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError) as caught:
        bind_sizes({"a": Type("float", shape)}, {"a": given})
    assert message in str(caught.value)


def test_one_interpreter_serves_every_size() -> None:
    run = Interpreter(of(out=lg.mean(X), rows=lg.size(N))).run
    for n in (1, 5, 2, 1):
        values = run({"x": np.full((n, 3), float(n)), "ids": np.zeros(n, int), "mask": True})
        assert [values["out"].item(), values["rows"].item()] == [n, n]
    for n in range(100):  # more sizes than are remembered
        assert run({"x": np.ones((n, 3)), "ids": np.zeros(n, int), "mask": True})["rows"] == n


def test_precision() -> None:
    graph = of(out=lg.exp(X) * 2.5 + lg.cast(IDS[0], "float"), uniform=lg.random_uniform(1, 2, (N,)))
    for precision, width in ("fp64", np.float64), ("fp32", np.float32):
        for value in Interpreter(graph, precision).run(VALUES).values():  # type: ignore[arg-type]
            assert value.dtype == width
    wrong: Any = "fp16"
    with pytest.raises(InputError, match="precision is one of fp64, fp32, bf16; got 'fp16'"):
        Interpreter(graph, wrong)


def test_results_are_the_callers_own() -> None:
    x = np.ones((2, 3))
    graph = of(
        same=X,
        moved=lg.transpose(X),
        fixed=constant([1.0, 2.0]),
        spread=lg.broadcast_to(1.0, (N, 2)),
        part=X[0],
        row=X[:1],
    )
    run = Interpreter(graph).run
    for value in run({**VALUES, "x": x}).values():
        value[...] = 7.0
    assert x.tolist() == np.ones((2, 3)).tolist()
    assert run({**VALUES, "x": x})["fixed"].tolist() == [1.0, 2.0]


def test_values_are_released_after_their_last_use() -> None:
    alive = peak = 0

    class Counted(np.ndarray[Any, Any]):
        """An array that counts how many of its kind are alive."""

        def __array_finalize__(self, other: object) -> None:
            nonlocal alive, peak
            alive += 1
            peak = max(peak, alive)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    x = input_node("x", Type("float", (4,)))
    node = x
    for _ in range(50):
        node = lg.sin(node)
    unused = [lg.exp(x) for _ in range(3)]
    graph = Graph({"x": x}, {"out": node, **{f"unused{i}": u for i, u in enumerate(unused)}})
    steps = Interpreter(graph)._steps
    released = [slot for step in steps for slot in step.released]
    assert len(released) == len(set(released)) == 50  # the input and all but the last sine
    interpreter = Interpreter(Graph({"x": x}, {"out": node}))
    values = np.ones(4).view(Counted)
    original = np.asarray
    try:
        interpreter._bind = lambda inputs: ([values, *[None] * 50], {})  # type: ignore[method-assign]
        interpreter.run({"x": values})
    finally:
        assert np.asarray is original
    assert peak <= 6


def test_infinities_pass_without_a_warning_unless_asked() -> None:
    values = evaluate(of(out=lg.log(X - 1.0), worse=(X - 1.0) / 0.0), VALUES)
    assert np.isinf(values["out"]).all()
    assert np.isnan(values["worse"]).all()


def loss(x: Node) -> Node:
    shifted = (x - 2.0).named("shifted")
    return lg.sum(lg.log(shifted))  # here


def traced_loss() -> Graph:
    x = input_node("x", Type("float", (N,)))
    return Graph({"x": x}, {"out": loss(x)}, "model")


HERE = re.escape(f"{__file__}:{loss.__code__.co_firstlineno + 2}")
X_OF = {"x": np.array([3.0, 4.0, 1.0])}


def test_the_first_nan_is_traced_to_its_node() -> None:
    pattern = rf"log gave \[0, 0.693147\] with 1 NaN from shifted float\[3\] in \[-1, 2\] at {HERE}$"
    with pytest.raises(NonFiniteError, match=pattern):
        Interpreter(traced_loss(), nonfinite=True).run(X_OF)


def test_an_infinity_counts_too() -> None:
    with pytest.raises(
        NonFiniteError, match=r"log gave no finite number with 1 infinite from shifted float\[1\] in \[0, 0\]"
    ):
        Interpreter(traced_loss(), nonfinite=True)(x=[2.0])


def test_the_environment_can_ask_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXGRAD_DEBUG", "nonfinite")
    with pytest.raises(NonFiniteError):
        Interpreter(traced_loss()).run(X_OF)
    with pytest.raises(NonFiniteError, match=rf"log gave .* from shifted float\[3\] in \[-1, 2\] at {HERE}$"):
        loss(lg.variable(X_OF["x"]))
    assert np.isnan(Interpreter(traced_loss(), nonfinite=False).run(X_OF)["out"])


def test_an_input_can_be_the_culprit() -> None:
    with pytest.raises(NonFiniteError, match=r"input 'x' holds \[1, 1\] with 1 NaN and 1 infinite"):
        Interpreter(traced_loss(), nonfinite=True)(x=[1.0, np.nan, np.inf])


def test_in_a_derivative_the_forward_line_is_named() -> None:
    def root(x: Node) -> Node:
        return lg.sum(lg.sqrt(x))

    line = root.__code__.co_firstlineno + 1
    graph = differentiate(lg.trace(root, Type("float", (N,))))
    pattern = rf"divide gave .* in the derivative of sqrt at .*test_interpreter\.py:{line}$"
    with pytest.raises(NonFiniteError, match=pattern):
        Interpreter(graph, nonfinite=True)(x=[1.0, 0.0])


def test_a_maximum_over_a_named_size_of_0_is_explained() -> None:
    with pytest.raises(InputError, match=r"max\(x float\[n, 3\]\): axis 0 is empty and has no largest entry at "):
        evaluate(of(out=lg.max(X, 0)), {"x": np.ones((0, 3)), "ids": [], "mask": True})


def test_a_negative_size_is_an_error() -> None:
    offsets = input_node("offsets", Type("int", (N,)))
    graph = Graph({"offsets": offsets}, {"out": segment_lengths(offsets)})
    with pytest.raises(InputError, match="slice 1:0 is out of range for size 0"):
        evaluate(graph, {"offsets": []})
