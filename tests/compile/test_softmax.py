"""logsumexp and softmax of rows, also in blocks: right wherever the largest entries are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile.arrays import Precision
from lexgrad.compile.machine import limited
from lexgrad.compile.softmax import AHEAD, LONG, LONGEST
from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Node, Size
from tests.comparing import assert_same_values
from tests.compile.running import PROCESSORS, TOLERANCE, Array, assert_same_bits, graph_of, reals

N = Dim("n")
WIDTHS = (64, 71, 1000, LONG - 1, LONG, LONG + 1, 5003, 6 * AHEAD, LONGEST)


def rows(width: int, most: float) -> Array:
    """Rows up to ``most``: largest entries first, last, again and again larger; infinities and NaN here and there."""
    draws = np.random.default_rng(width)
    x = draws.uniform(-1, 1, (13, width))
    x[1] = np.linspace(-most, most, width)
    x[2] = np.linspace(most, -most, width)
    x[3, -1] = most
    x[4, 0] = most
    x[5] = -np.inf
    x[6, : width // 2] = -np.inf
    x[7, width // 2 :] = -np.inf
    x[8, width // 2] = np.inf
    x[9, [0, -1]] = np.inf
    x[10, -1] = np.nan
    x[11, [0, -1]] = np.nan, np.inf
    x[12] = -most
    return x


@pytest.mark.usefixtures("small_work")
@pytest.mark.parametrize(("limit", "precision"), [(limit, "fp32") for limit in PROCESSORS] + [("", "fp64")])
def test_rows_of_any_length(limit: str, precision: Precision) -> None:
    most = 90.0 if precision == "fp32" else 750.0
    types = {f"x{width}": reals(N, width) for width in WIDTHS}
    for function in ops.logsumexp, ops.softmax:
        graph = graph_of(lambda *xs, f=function: {f"out{x.shape[1]}": f(x, 1) for x in xs}, **types)
        program = Program(graph, precision, 1, processor=limited(limit))
        for count in 13, 0:
            values = {f"x{width}": rows(width, most)[:count].astype(np.float32) for width in WIDTHS}
            program.threads = 1
            alone = program.run(values)
            assert_same_values(alone, evaluate(graph, values), TOLERANCE[precision])
            for threads in 2, 3:
                program.threads = threads
                assert_same_bits(program.run(values), alone)


def test_exponentials_are_taken_once_where_nothing_else_needs_their_sum() -> None:
    def kernels(function: Callable[[Node], Any], *shape: Size) -> str:
        return Program(graph_of(function, x=reals(*shape))).pseudocode

    assert kernels(ops.softmax, N, 100).count("exp(") == 1
    assert kernels(ops.softmax, N, 3, Dim("m")).count("exp(") == 1
    assert kernels(lambda x: {"p": ops.softmax(x), "z": ops.logsumexp(x, 1)}, N, 100).count("exp(") == 2
    assert kernels(lambda x: ops.softmax(x) * 2.0, N, 100).count("exp(") == 2
    assert kernels(lambda x: ops.softmax(x, 0), N, 100).count("exp(") == 2


@pytest.mark.usefixtures("small_work")
@pytest.mark.parametrize("width", [100, LONGEST])
def test_in_the_place_of_its_rows(width: int) -> None:
    graph = graph_of(lambda x: {"x": ops.softmax(x)}, x=reals(N, 2, width))
    program = Program(graph, "fp64", 2, donated={"x": "x"})
    assert not program.donation.copied
    x = np.random.default_rng(0).normal(size=(5, 2, width))
    assert_same_values(program.run({"x": x}), evaluate(graph, {"x": x}), 1e-12)
