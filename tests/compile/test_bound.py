"""Steps bound as rows of long arrays: the same bits as steps launched with arrays of their own, and what is refused."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program, Rows
from lexgrad.errors import InputError
from lexgrad.grad import gradient
from lexgrad.graph import Dim, Graph, input_node
from tests.compile.running import assert_same_bits, graph_of, reals, whole

LENGTHS = [3, 0, 1, 7, 0, 2, 3]
WORDS = 11


def training_step() -> Graph:
    """A step of logistic regression on packed counts, a few texts at a time, with a loss for each step."""
    types = {
        "w": reals(WORDS),
        "b": reals(),
        "ids": whole(Dim("tokens")),
        "counts": reals(Dim("tokens")),
        "offsets": whole(Dim("batch") + 1),
        "y": reals(Dim("batch")),
    }
    x = {name: input_node(name, type) for name, type in types.items()}
    rows = x["counts"] * ops.take(x["w"], x["ids"])
    z = ops.segment_sum(rows, x["offsets"] - x["offsets"][0]) + x["b"]
    loss = ops.sum(ops.binary_cross_entropy(z, x["y"]))
    dw, db = gradient(loss, [x["w"], x["b"]])
    return Graph(x, {"loss": loss, "w": x["w"] - 0.1 * dw, "b": x["b"] - 0.1 * db}, "step")


def texts(seed: int = 0) -> dict[str, Any]:
    """Packed texts of ``LENGTHS``, and first weights."""
    generator = np.random.default_rng(seed)
    tokens = sum(LENGTHS)
    return {
        "w": generator.normal(size=WORDS),
        "b": np.array(0.5),
        "ids": generator.integers(0, WORDS, tokens),
        "counts": generator.normal(size=tokens),
        "offsets": np.cumsum([0, *LENGTHS]),
        "y": generator.integers(0, 2, len(LENGTHS)).astype(float),
    }


def bound_rows(data: dict[str, Any], cuts: np.ndarray) -> dict[str, Rows]:
    """The texts from each cut up to the next, as rows."""
    first, last = cuts[:-1], cuts[1:]
    starts, stops = data["offsets"][first], data["offsets"][last]
    return {
        "ids": Rows(data["ids"], starts, stops),
        "counts": Rows(data["counts"], starts, stops),
        "offsets": Rows(data["offsets"], first, last + 1),
        "y": Rows(data["y"], first, last),
    }


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("cuts", [np.arange(8), np.array([0, 3, 3, 5, 7]), np.array([0, 7])])
@pytest.mark.usefixtures("small_work")
def test_bound_steps_do_what_launched_ones_do(threads: int, cuts: np.ndarray) -> None:
    data, program = texts(), Program(training_step(), "fp64", threads, {"w": "w", "b": "b"})
    weights = {name: program.prepared(name, data[name], copy=True) for name in ("w", "b")}
    rows = bound_rows(data, cuts)
    steps = [
        {name: program.prepared(name, np.asarray(r.array)[r.starts[i] : r.stops[i]]) for name, r in rows.items()}  # type: ignore[index]
        for i in range(len(cuts) - 1)
    ]
    losses = [result["loss"] for result in program.launch([weights | step for step in steps])]
    again = {name: program.prepared(name, data[name], copy=True) for name in ("w", "b")}
    found = program.bind({**again, **rows}, len(cuts) - 1)()
    assert_same_bits(found, {"loss": np.stack(losses), **weights})
    assert found["w"] is again["w"]


def test_a_bound_launch_goes_on_from_where_it_ended() -> None:
    data, program = texts(), Program(training_step(), "fp64", 1, {"w": "w", "b": "b"})
    rows = bound_rows(data, np.arange(8))
    once = {name: program.prepared(name, data[name], copy=True) for name in ("w", "b")}
    run = program.bind({**once, **rows}, 7)
    first, second = run()["loss"].copy(), run()["loss"].copy()
    twice = {name: program.prepared(name, data[name], copy=True) for name in ("w", "b")}
    for expected in (first, second):
        np.testing.assert_array_equal(program.bind({**twice, **rows}, 7)()["loss"], expected)
    assert second.sum() < first.sum()


def test_single_rows_have_an_axis_less() -> None:
    program = Program(graph_of(lambda x, w: ops.sum(x * w), x=reals(3), w=reals(3)), "fp64", 1)
    x, w = np.arange(12.0).reshape(4, 3), np.array([1.0, 10.0, 100.0])
    run = program.bind({"x": Rows(x, np.array([2, 0, 2])), "w": program.prepared("w", w)}, 3)
    np.testing.assert_array_equal(run()["out"], (x @ w)[[2, 0, 2]])


def test_outputs_are_rows_for_every_step_and_scratch_memory_has_room_for_the_longest() -> None:
    program = Program(graph_of(lambda x: ops.softmax(ops.tanh(x @ x.T), 0)[0, :1], x=reals(Dim("n"), 2)), "fp64", 1)
    x = np.random.default_rng(0).normal(size=(60, 2))
    starts, stops = np.array([0, 3, 10, 2]), np.array([2, 60, 11, 9])
    found = program.bind({"x": Rows(x, starts, stops)}, 4)()["out"]
    expected = [program(x=x[a:b])["out"] for a, b in zip(starts, stops, strict=True)]
    np.testing.assert_array_equal(found, np.stack(expected))


def test_launches_have_memory_of_their_own_until_nobody_needs_them() -> None:
    graph = graph_of(lambda x: ops.softmax(ops.tanh(x @ x.T), 0)[0, :1], x=reals(Dim("n"), 2))
    program, alone = Program(graph, "fp64", 1), Program(graph, "fp64", 1)
    x = np.random.default_rng(0).normal(size=(60, 2))
    starts = np.array([0, 20])
    one, other = (program.bind({"x": Rows(x, starts, starts + n)}, 2) for n in (30, 40))
    assert not program._pool._free
    expected = {n: [alone(x=x[a : a + n])["out"] for a in starts] for n in (30, 40)}
    for run, n in (one, 30), (other, 40), (one, 30):
        np.testing.assert_array_equal(run()["out"], expected[n])
    assert not program._pool._free
    del run, one
    gc.collect()
    (room,) = program._pool._free
    again = program.bind({"x": Rows(x, starts, starts + 30)}, 2)
    assert not program._pool._free
    del again
    gc.collect()
    assert program._pool._free[0] is room


def test_sizes_that_do_not_follow_from_one_axis_alone() -> None:
    program = Program(graph_of(ops.sum, x=reals(2 * Dim("pairs"))), "fp64", 1)
    x = np.arange(8.0)
    found = program.bind({"x": Rows(x, np.array([0, 2]), np.array([4, 8]))}, 2)()["out"]
    np.testing.assert_array_equal(found, [6.0, 27.0])
    with pytest.raises(InputError, match="pairs"):
        program.bind({"x": Rows(x, np.array([0, 2]), np.array([4, 7]))}, 2)


def test_what_cannot_be_bound_is_refused() -> None:
    data, program = texts(), Program(training_step(), "fp64", 1, {"w": "w", "b": "b"})
    rows: dict[str, Any] = {**bound_rows(data, np.arange(8)), "w": data["w"], "b": data["b"]}
    zero, one = np.zeros(1, int), np.ones(1, int)
    cases: list[tuple[dict[str, Any], int, str]] = [
        (rows, 0, "at least 1 step; got 0"),
        (rows, 6, "one start and one stop belong to each of 6 steps"),
        (rows | {"y": Rows(data["y"], np.arange(7) + 1, np.arange(7) + 2)}, 7, "step 6 asks for 7 … 8"),
        (rows | {"y": Rows(data["y"], np.arange(7), np.arange(7) - 1)}, 7, "step 0 asks for 0 … -1"),
        (rows | {"y": Rows(data["y"], np.arange(7), np.arange(7))}, 7, "'y' should be float.*got shape"),
        (rows | {"w": Rows(np.stack([data["w"]] * 7), np.arange(7))}, 7, "'w' is donated"),
        ({name: rows[name] for name in rows if name != "y"}, 7, "needs a value for y"),
        (rows | {"v": Rows(data["y"], np.arange(7))}, 7, "no input 'v'"),
    ]
    for inputs, steps, message in cases:
        with pytest.raises(InputError, match=message):
            program.bind(inputs, steps)
    same = Program(graph_of(lambda x: {"out": x, "two": 2 * x}, x=reals(Dim("n"))), "fp64", 1)
    with pytest.raises(InputError, match="'out' is an input or a constant as it is"):
        same.bind({"x": Rows(np.zeros(3), zero, one)}, 1)
    varied = Program(graph_of(lambda x: 2 * x, x=reals(Dim("n"))), "fp64", 1)
    with pytest.raises(InputError, match="not the same shape in every step"):
        varied.bind({"x": Rows(np.zeros(3), np.zeros(2, int), np.array([1, 2]))}, 2)


def test_an_index_out_of_range_is_found_in_any_step() -> None:
    data, program = texts(), Program(training_step(), "fp64", 1, {"w": "w", "b": "b"})
    data["ids"][9] = WORDS
    run = program.bind({**bound_rows(data, np.arange(8)), "w": data["w"], "b": data["b"]}, 7)
    for _ in range(2):  # and again in every call
        with pytest.raises(InputError, match="index 11 is out of range for 11 rows"):
            run()
