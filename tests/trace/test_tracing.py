"""From functions to graphs."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.errors import InputError, ShapeError
from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Type, check
from lexgrad.trace import trace, trace_with_trees


def affine(params: Any, x: Any) -> Any:
    return x @ params["W"] + params["b"]


PARAMS = {"W": np.ones((3, 2)), "b": np.zeros(2)}


def test_inputs_are_named_after_parameters_and_paths() -> None:
    graph = check(trace(affine, PARAMS, Type("float", (Dim("batch"), 3))))
    assert str(graph) == (
        "graph affine(`params.W`: float[3, 2], `params.b`: float[2], x: float[batch, 3]) {\n"
        "  %3: float[batch, 2] = matmul(x, `params.W`)\n"
        "  %4: float[batch, 2] = broadcast(`params.b`, shape=(batch, 2), axes=(1,))\n"
        "  %5: float[batch, 2] = add(%3, %4)\n"
        "  return out=%5\n"
        "}"
    )


def test_a_tree_comes_back_as_a_tree() -> None:
    traced = trace_with_trees(lambda x: {"twice": 2 * x, "both": (x, [x + 1])}, 1.0)
    assert list(traced.graph.outputs) == ["out.twice", "out.both.0", "out.both.1.0"]
    assert traced.result.leaves == 3
    assert traced.arguments.leaves == 1
    assert traced.graph.name == "function"


def test_names_of_parameters_are_found_where_they_can_be() -> None:
    class Model:
        def loss(self, x: Any, *others: Any) -> Any:
            return x + sum(others)

    def clash(arg1: Any, *others: Any) -> Any:
        return arg1 - others[0]

    assert list(trace(Model().loss, 1.0, 2.0, 3.0).inputs) == ["x", "arg1", "arg2"]
    assert list(trace(functools.partial(affine, PARAMS), np.ones((2, 3))).inputs) == ["x"]
    graph = trace(clash, 5.0, 3.0)
    assert list(graph.inputs) == ["arg1", "arg1_"]
    assert evaluate(graph, {"arg1": 5.0, "arg1_": 3.0})["out"] == 2.0


def test_variables_that_a_function_captures_become_constants() -> None:
    w = lg.variable([1.0, 2.0, 3.0], "w")
    doubled = w * 2
    graph = check(trace(lambda x: lg.sum(x * doubled) + w[0] * lg.size(x.shape[0]), Type("float", (Dim("n"), 3))))
    assert list(graph.inputs) == ["x"]
    assert not any(isinstance(node, lg.Variable) for node in graph)
    assert evaluate(graph, {"x": np.ones((5, 3))})["out"] == 5 * 12 + 5


def test_a_function_of_variables_alone_is_a_constant() -> None:
    w = lg.variable(2.0)
    graph = check(trace(lambda x: w * w, 1.0))
    assert evaluate(graph, {"x": 0.0})["out"] == 4.0


def test_numbers_and_arrays_can_be_returned() -> None:
    graph = trace(lambda x: (x, 3, np.eye(2)), 1.0)
    assert graph.output_types["out.1"] == Type("int")
    assert graph.output_types["out.2"] == Type("float", (2, 2))


def test_what_cannot_be_traced() -> None:
    with pytest.raises(InputError, match="argument 'name': expected numbers; got an array of dtype"):
        trace(lambda name: name, "text")
    with pytest.raises(InputError, match="a traced function returns nodes, numbers or arrays; out is 'text'"):
        trace(lambda x: "text", 1.0)


def test_a_branch_on_a_traced_value_is_explained() -> None:
    with pytest.raises(TypeError, match=r"use lexgrad\.where"):
        trace(lambda x: x if x > 0 else -x, 1.0)


def test_numpys_own_functions_are_refused() -> None:
    with pytest.raises(TypeError, match="does not support ufuncs"):
        trace(np.exp, 1.0)
    with pytest.raises(TypeError, match="has no value yet"):
        trace(np.asarray, 1.0)


def test_an_error_names_the_line_inside_the_function() -> None:
    def wrong(x: Any, y: Any) -> Any:
        return x + y  # this line

    line = wrong.__code__.co_firstlineno + 1
    with pytest.raises(ShapeError, match=rf"add\(x float\[2\], y float\[3\]\): .* at .*test_tracing\.py:{line}$"):
        trace(wrong, np.ones(2), np.ones(3))
