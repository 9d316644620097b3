"""Reductions over leading axes fold several rows at a time into their result: right for any number of rows."""

from __future__ import annotations

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile.machine import limited
from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Node
from tests.comparing import assert_same_values
from tests.compile.running import PROCESSORS, TOLERANCE, assert_same_bits, graph_of, reals

N = Dim("n")


@pytest.mark.usefixtures("small_work")
@pytest.mark.parametrize("limit", PROCESSORS)
def test_any_number_of_rows(limit: str) -> None:
    def outputs(x: Node, *rows: Node) -> dict[str, Node]:
        found = {"named": ops.sum(x, 0), "computed": ops.sum(x * x, 0), "both": ops.sum(ops.expand_dims(x, 1), (0, 1))}
        found |= {f"sum{r.shape[0]}": ops.sum(r, 0) for r in rows}
        return found | {f"max{r.shape[0]}": ops.max(r, 0) for r in rows}

    counts = (1, 3, 4, 5, 8, 11)
    graph = graph_of(outputs, x=reals(N, 19), **{f"r{count}": reals(count, 19) for count in counts})
    draws = np.random.default_rng(0)
    values = {f"r{count}": draws.normal(size=(count, 19)) for count in counts}
    values["r11"][[3, 9], 2] = np.nan, np.inf
    program = Program(graph, "fp64", 1, processor=limited(limit))
    for count in 0, 1, 3, 4, 7, 13:
        values["x"] = draws.normal(size=(count, 19))
        program.threads = 1
        alone = program.run(values)
        assert_same_values(alone, evaluate(graph, values), TOLERANCE["fp64"])
        program.threads = 3
        assert_same_bits(program.run(values), alone)
