"""Inputs stored as bf16: their values are the nearest bf16 numbers, and all else is as wide as ever."""

from __future__ import annotations

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program, arrays
from lexgrad.compile.arrays import Precision
from lexgrad.errors import InputError
from lexgrad.evaluate import evaluate, round_to_bf16
from lexgrad.graph import Graph, Node, Type, input_node


def _graph(left: Node, W: Node) -> Graph:
    return Graph({"x": left, "W": W}, {"out": ops.tanh(ops.matmul(left, W)), "rows": ops.take(W, [2, 0])}, "halved")


@pytest.mark.parametrize("precision", ["fp32", "fp64"])
@pytest.mark.parametrize("shape", [(7,), (5, 7), (40, 7)])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_halved_input_is_read_rounded(precision: Precision, shape: tuple[int, ...], threads: int) -> None:
    graph = _graph(input_node("x", Type("float", shape)), input_node("W", Type("float", (7, 33))))
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=shape), rng.normal(size=(7, 33))
    found = Program(graph, precision, threads, halved=["W"]).run({"x": x, "W": W})
    expected = evaluate(graph, {"x": x, "W": round_to_bf16(W)})
    np.testing.assert_array_equal(found["rows"], expected["rows"])
    np.testing.assert_allclose(found["out"], expected["out"], rtol=1e-5 if precision == "fp32" else 1e-12, atol=1e-6)


def test_what_is_written_or_given_out_is_not_halved() -> None:
    W = input_node("W", Type("float", (3,)))
    with pytest.raises(InputError, match="'W' cannot be stored as bf16"):
        Program(Graph({"W": W}, {"same": W}, "same"), halved=["W"])
    with pytest.raises(InputError, match="'W' cannot be stored as bf16"):
        Program(Graph({"W": W}, {"W2": W + 1.0}, "next"), donated={"W2": "W"}, halved=["W"])
    with pytest.raises(InputError, match="'V' cannot be stored as bf16"):
        Program(Graph({"W": W}, {"next": W + 1.0}, "next"), halved=["V"])


def test_many_are_rounded_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
    values[2, 3] = np.nan
    monkeypatch.setattr(arrays, "_BLOCK", 4)
    for given in (values, values.T, values[1, 1], values.astype(np.float64), values[:0]):
        found = (arrays.halves(given).astype(np.uint32) << 16).view(np.float32)
        np.testing.assert_array_equal(found, round_to_bf16(np.asarray(given, np.float32)))
