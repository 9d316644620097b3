"""Matrices in panels: where they are, what comes out has the same bits; and which matrices are not stored so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile.arrays import Precision, in_panels
from lexgrad.compile.machine import limited
from lexgrad.errors import InputError
from lexgrad.graph import Dim, Graph
from lexgrad.nn.recurrence import recurrence_of_sums
from lexgrad.train.engine import Applier
from tests.compile.running import PROCESSORS, Arrays, assert_same_bits, graph_of, reals, whole

ROWS = Dim("n")


def layer(rows: Any = ROWS, columns: int = 131) -> Graph:
    """A layer whose weights are multiplied, and a table of which rows are taken as well."""
    return graph_of(
        lambda x, W, b, T: {"a": ops.tanh(ops.matmul(x, W) + b), "t": ops.matmul(x, T), "rows": ops.take(T, [2, 0])},
        x=reals(rows, 37),
        W=reals(37, columns),
        b=reals(columns),
        T=reals(37, columns),
    )


def values(rows: int, columns: int = 131) -> Arrays:
    rng = np.random.default_rng(rows)
    shapes = {"x": (rows, 37), "W": (37, columns), "b": (columns,), "T": (37, columns)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def test_panels_lie_one_behind_the_other() -> None:
    matrix = np.arange(15.0).reshape(3, 5)
    laid = in_panels(matrix, 2)
    assert laid.shape == (3, 5)
    assert laid.ravel().tolist() == [0, 1, 5, 6, 10, 11, 2, 3, 7, 8, 12, 13, 4, 9, 14]


@pytest.mark.parametrize("limit", PROCESSORS)
@pytest.mark.parametrize("precision", ["fp32", "fp64"])
@pytest.mark.usefixtures("small_work")
def test_a_product_has_the_same_bits(limit: str, precision: Precision) -> None:
    expected = Program(layer(), precision, 1, processor=limited(limit))
    for threads in (1, 2, 4):
        program = Program(layer(), precision, threads, processor=limited(limit), steady=["W", "b", "T"])
        assert list(program.plan.panels) == ["W"]  # of T, rows are taken
        for rows in (0, 1, 2, 9, 40):
            assert_same_bits(program.run(values(rows)), expected.run(values(rows)))


@pytest.mark.parametrize("columns", [130, 512, 1030])
@pytest.mark.usefixtures("small_work")
def test_threads_that_share_the_columns_begin_inside_a_panel(columns: int) -> None:
    graph, given = layer(3, columns), values(3, columns)
    expected = Program(graph, "fp32", 1).run(given)
    for threads in (1, 2, 3, 4):
        program = Program(graph, "fp32", threads, steady=["W"])
        assert list(program.plan.panels) == ["W"]
        assert_same_bits(program.run(given), expected)


@pytest.mark.parametrize("limit", PROCESSORS)
@pytest.mark.usefixtures("small_work")
def test_a_loop_reads_its_weights_in_panels(limit: str) -> None:
    def loop(z: Any, U: Any, steps: Any, rank: Any) -> dict[str, Any]:
        last, states = recurrence_of_sums("lstm", z, steps, rank, U, reverse=True)
        return {"last": last, "states": states}

    batch, time = Dim("batch"), Dim("time")
    graph = graph_of(loop, z=reals(Dim("tokens"), 120), U=reals(30, 120), steps=whole(time + 1), rank=whole(batch))
    rng = np.random.default_rng(0)
    for steps, texts in (([0, 1, 2, 3, 4], 1), ([0, 9, 15, 16], 9)):
        given = {
            "z": rng.normal(size=(steps[-1], 120)),
            "U": rng.normal(size=(30, 120)),
            "steps": np.array(steps),
            "rank": np.arange(texts),
        }
        expected = Program(graph, "fp32", 1, processor=limited(limit)).run(given)
        for threads in (1, 2):
            program = Program(graph, "fp32", threads, processor=limited(limit), steady=["U"])
            assert list(program.plan.panels) == ["U"]
            assert_same_bits(program.run(given), expected)


def test_what_is_more_than_multiplied_lies_as_it_is() -> None:
    kept = {
        "given out": lambda x, W: {"out": ops.matmul(x, W), "W": W},
        "added to": lambda x, W: ops.matmul(x, W) + ops.sum(W),
        "turned": lambda x, W: ops.matmul(ops.matmul(x, W), W.T),
        "cut": lambda x, W: ops.matmul(x, W[:, :100]),
        "a left operand": lambda x, W: ops.matmul(W, ops.matmul(x, W).T),
        "a vector's": lambda x, W: ops.matmul(ops.sum(x, 0), W),
        "carried": lambda x, W: {"out": ops.matmul(x, W), **_doubled(W)},
    }
    x, W = np.random.default_rng(1).normal(size=(5, 60)), np.random.default_rng(2).normal(size=(60, 131))
    for name, function in kept.items():
        graph = graph_of(function, x=reals(5, 60), W=reals(60, 131))
        program = Program(graph, "fp64", 1, steady=["W"])
        assert not program.plan.panels, name
        assert_same_bits(program.run({"x": x, "W": W}), Program(graph, "fp64", 1).run({"x": x, "W": W}))
    narrow = graph_of(ops.matmul, x=reals(5, 60), W=reals(60, 3))
    assert not Program(narrow, "fp64", steady=["W"]).plan.panels  # one panel has all of it


def test_what_is_steady_is_fixed() -> None:
    program = Program(layer(), "fp32", 1, steady=["W"])
    with pytest.raises(InputError, match="W: said to be steady"):
        program.fixed({"b": np.zeros(131)})


def _doubled(W: Any) -> dict[str, Any]:
    from lexgrad.trace import scan

    return {"doubled": scan(lambda carry, _: (carry * 2.0, None), W, length=3)[0]}


def test_bf16_is_packed_as_ever() -> None:
    assert not Program(layer(), "bf16", 1, steady=["W"]).plan.panels


@pytest.mark.parametrize("steady", [True, False])
def test_an_applier_lays_parameters_out_again_when_they_change(steady: bool) -> None:
    given = values(3)
    parameters = {name: given[name].astype(np.float32) for name in ("W", "b", "T")}
    apply = Applier(layer(), parameters, "fp32", 1, panels=True, steady=steady)
    for turn in range(3):
        expected = Program(layer(), "fp32", 1).run({**given, **parameters})
        assert_same_bits(apply(parameters, {"x": given["x"]}), expected)
        if steady or turn:
            parameters = {name: 2 * array for name, array in parameters.items()}
        else:
            for array in parameters.values():
                np.multiply(array, 2, out=array)
