"""Long reductions in lanes: right for any sizes, the same bits on any number of threads, only where long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile.lanes import LANES, in_lanes
from lexgrad.compile.machine import limited
from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Node, Shape
from tests.compile.running import PROCESSORS, assert_same_bits, graph_of, reals, whole

N = Dim("n")
CASES: dict[str, tuple[Shape, tuple[int, ...]]] = {
    "everything": ((40_009,), (0,)),
    "everything of a matrix": ((307, 211), (0, 1)),
    "everything of few rows": ((3, 20_011), (0, 1)),
    "columns": ((5003, 7), (0,)),
    "the middle is kept": ((211, 5, 41), (0, 2)),
    "the end is kept": ((67, 31, 37), (0, 1)),
    "some rows": ((N, 70), (0, 1)),
    "some columns": ((N, 64), (0,)),
}


def cut(function: Callable[[Node], Any], *shape: Any) -> int:
    """How many reductions of a graph are cut into lanes."""
    graph = in_lanes(graph_of(function, x=reals(*shape)))
    return sum(node.primitive.name.startswith("lane") for node in graph.nodes)


@pytest.mark.usefixtures("small_work")
@pytest.mark.parametrize("name", CASES)
def test_sums(name: str) -> None:
    shape, axes = CASES[name]
    graph = graph_of(lambda x: {"sum": ops.sum(x * x, axes), "plain": ops.sum(x, axes)}, x=reals(*shape))
    assert cut(lambda x: ops.sum(x, axes), *shape) == 1
    for rows in [0, 1, 31, 33, 1000, 3001] if N in shape else [0]:
        sizes = [size if isinstance(size, int) else rows for size in shape]
        x = np.random.default_rng(0).normal(size=sizes).astype(np.float32)
        meaning = evaluate(graph, {"x": x})
        for limit in PROCESSORS:
            program = Program(graph, "fp32", 1, processor=limited(limit))
            alone = program.run({"x": x})
            for key, value in meaning.items():
                np.testing.assert_allclose(alone[key], value, rtol=1e-5, atol=2e-3, err_msg=f"{rows} {limit}")
            for threads in (2, 5, LANES + 1):
                program.threads = threads
                assert_same_bits(program.run({"x": x}), alone)


@pytest.mark.usefixtures("small_work")
def test_maxima() -> None:
    def outputs(x: Node, i: Node) -> dict[str, Node]:
        return {"flat": ops.max(x), "columns": ops.max(ops.exp(x), 0), "whole": ops.max(i, 0)}

    graph = graph_of(outputs, x=reals(3001, 19), i=whole(40_000))
    generator = np.random.default_rng(0)
    values = {"x": generator.normal(size=(3001, 19)), "i": generator.integers(-(2**62), 2**62, 40_000)}
    values["x"][2000, 3] = np.nan
    values["x"][:, 4] = -np.inf
    program = Program(graph, "fp64", 1)
    alone = program.run(values)
    np.testing.assert_allclose(alone["columns"], np.exp(values["x"]).max(0), rtol=1e-12)
    assert np.isnan(alone["flat"])
    assert alone["whole"] == values["i"].max()
    program.threads = 3
    assert_same_bits(program.run(values), alone)


def test_short_reductions_are_left_alone() -> None:
    assert cut(ops.sum, 100, 100) == 0
    assert cut(ops.mean, N) == 0
    assert cut(lambda x: ops.sum(x, 0), 256, 10_000) == 0  # threads share the columns
    assert cut(lambda x: ops.sum(x, 1), 1000, 1000) == 0
    assert cut(lambda x: ops.max(x, 0), 100_000) == 1


def test_whole_numbers() -> None:
    graph = graph_of(lambda i: ops.sum(i + i), i=whole(50_000))
    i = np.random.default_rng(0).integers(-(2**40), 2**40, 50_000)
    assert Program(graph, threads=2).run({"i": i})["out"] == 2 * i.sum()
