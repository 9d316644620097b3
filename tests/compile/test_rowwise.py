"""Kernels that go through the same rows: which become one, and that nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Graph, Node
from tests.comparing import assert_same_values
from tests.compile.running import assert_same_bits, graph_of, reals, whole

N = Dim("n")


def _normalised(x: Node) -> Node:
    centred = x - ops.mean(x, 1, True)
    return centred / ops.sqrt(ops.mean(ops.square(centred), 1, True) + 1e-5)


def _twice(x: Node) -> dict[str, Node]:
    p = ops.softmax(x)
    return {"p": p, "entropy": -ops.sum(p * ops.log_softmax(x), 1), "total": ops.sum(p)}


def _turned(x: Node) -> Node:
    """Reads rows of what it makes in another order."""
    p = ops.softmax(x)
    return ops.tanh(p) + ops.reverse(ops.softmax(p), 0)


CASES: dict[str, tuple[Callable[[Node], Any], int]] = {
    "softmax": (ops.softmax, 1),
    "log-softmax": (ops.log_softmax, 1),
    "normalised": (_normalised, 1),
    "several results": (_twice, 4),
    "other rows": (_turned, 2),
    "over the first axis": (lambda x: ops.softmax(x, 0), 2),
}


@pytest.mark.usefixtures("small_work")
@pytest.mark.parametrize("name", CASES)
def test_rows(name: str) -> None:
    function, kernels = CASES[name]
    graph = graph_of(function, x=reals(N, 70))
    program = Program(graph, "fp64", 1)
    assert len(program.kernels) == kernels
    for n in (0, 1, 5, 33):
        x = np.random.default_rng(0).normal(size=(n, 70))
        alone = program.run({"x": x})
        assert_same_values(alone, evaluate(graph, {"x": x}), 1e-12)
        for threads in (2, 3):
            program.threads = threads
            assert_same_bits(program.run({"x": x}), alone)
        program.threads = 1


def test_short_rows_stay_side_by_side() -> None:
    assert len(Program(graph_of(ops.softmax, x=reals(N, 4))).kernels) == 2


def test_results_in_the_place_of_rows() -> None:
    graph = graph_of(lambda x: {"x": ops.softmax(x), "largest": ops.max(x, 1)}, x=reals(N, 70))
    program = Program(graph, "fp64", 1, donated={"x": "x"})
    x = np.random.default_rng(0).normal(size=(9, 70))
    assert_same_values(program.run({"x": x}), evaluate(graph, {"x": x}), 1e-12)


def test_scratch_rows_take_the_place_of_what_they_are_made_of() -> None:
    def loss(x: Node, w: Node, labels: Node) -> Node:
        logits = x @ w
        chosen = ops.put_along(ops.broadcast_to(ops.constant(1.0), (N, 1)), ops.expand_dims(labels, 1), 1, 64)
        return (ops.softmax(logits) - chosen) @ w.T

    graph = graph_of(loss, x=reals(N, 8), w=reals(8, 64), labels=whole(N))
    program = Program(graph, "fp64", 1)
    assert sum("64]" in line for line in program.memory_plan(n=5).splitlines()[1:]) == 1
    generator = np.random.default_rng(0)
    values = {
        "x": generator.normal(size=(5, 8)), "w": generator.normal(size=(8, 64)), "labels": generator.integers(0, 64, 5)
    }  # fmt: skip
    assert_same_values(program.run(values), evaluate(graph, values), 1e-12)


def test_what_every_row_needs_is_computed_once() -> None:
    graph = graph_of(lambda x, b: x * ops.exp(b), x=reals(N, 5), b=reals(5))
    assert len(Program(graph).kernels) == 2
    per_row: Graph = graph_of(lambda x, b: x * ops.exp(b)[:, None], x=reals(N, 5), b=reals(N))
    assert len(Program(per_row).kernels) == 1
