"""Positions of the largest entries: the first of equal ones, or of NaN, wherever it stands and whatever the sizes."""

from __future__ import annotations

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile.argmax import PART
from lexgrad.compile.machine import limited
from lexgrad.evaluate import evaluate
from lexgrad.grad import differentiate
from lexgrad.graph import Dim, Graph, Node, Type
from tests.comparing import assert_same_values
from tests.compile.running import PROCESSORS, Array, Arrays, assert_same_bits, graph_of, reals, truths, whole

N = Dim("n")
WIDTHS = (1, 2, 7, 8, 9, 31, 64, PART - 1, PART, PART + 1, 1031, 2 * PART)


def rows(width: int) -> Array:
    """Rows in which something is special: equal entries, infinities, NaN, zeros of either sign, first and last ones."""
    draws = np.random.default_rng(width)
    x = draws.integers(-3, 3, (14, width)).astype(np.float64)
    x[1] = -np.inf
    x[2] = np.nan
    x[3, -1] = np.inf
    x[4, -1] = np.nan
    x[5, [0, -1]] = np.inf
    x[6, width // 2 :] = np.nan
    x[7, [0, width // 2]] = np.nan, np.inf
    x[8] = 0.0
    x[8, : width // 2] = -0.0
    x[9] = np.arange(width)
    x[10] = -np.arange(width)
    x[11] = -np.inf
    x[11, -1] = -1e30
    x[12, [width // 3, width // 2]] = 7.0
    x[13] = -1e-40
    return x


def agrees(graph: Graph, values: Arrays, limit: str) -> None:
    """Compiled is evaluated, on any number of threads."""
    program = Program(graph, "fp64", 1, processor=limited(limit))
    expected = evaluate(graph, values)
    for threads in 1, 2, 3:
        program.threads = threads
        assert_same_bits(program.run(values), expected)


@pytest.mark.usefixtures("small_work")
@pytest.mark.parametrize("limit", PROCESSORS)
def test_the_first_largest_entry_of_a_row(limit: str) -> None:
    graph = graph_of(
        lambda *xs: {f"out{x.shape[1]}": ops.argmax(x, 1) for x in xs},
        **{f"x{width}": reals(N, width) for width in WIDTHS},
    )
    values = {f"x{width}": rows(width) for width in WIDTHS}
    agrees(graph, values, limit)
    agrees(graph, {name: x[:0] for name, x in values.items()}, limit)


@pytest.mark.usefixtures("small_work")
@pytest.mark.parametrize("limit", PROCESSORS)
def test_along_any_axis(limit: str) -> None:
    def outputs(x: Node, narrow: Node, wide: Node, named: Node, flat: Node) -> dict[str, Node]:
        found = {f"x{axis}": ops.argmax(x, axis) for axis in range(3)}
        found |= {f"wide{axis}": ops.argmax(wide, axis) for axis in range(2)}
        return found | {"narrow": ops.argmax(narrow, 0), "named": ops.argmax(named), "flat": ops.argmax(flat, 1)}

    types = {
        "x": reals(5, 30, 11),
        "narrow": reals(N, 3),
        "wide": reals(29, 14),
        "named": reals(N),
        "flat": reals(2, N),
    }
    many = rows(1200)
    values = {
        "x": rows(150)[:11].reshape(11, 5, 30).transpose(1, 2, 0),
        "narrow": many[[0, 4, 7]].T,
        "wide": rows(29).T,
        "named": many[12],
        "flat": many[[6, 9]],
    }
    agrees(graph_of(outputs, **types), values, limit)


def test_whole_numbers_and_booleans() -> None:
    types: dict[str, Type] = {"i": whole(6, 1100), "b": truths(6, 1100)}

    def outputs(i: Node, b: Node) -> dict[str, Node]:
        return {f"{x.type.dtype}{axis}": ops.argmax(x, axis) for x in (i, b) for axis in (0, 1)}

    graph = graph_of(outputs, **types)
    draws = np.random.default_rng(0)
    i = draws.integers(-5, 5, (6, 1100))
    i[1] = np.iinfo(np.int64).min
    i[2, 700] = np.iinfo(np.int64).max
    b = draws.random((6, 1100)) < 0.3
    b[1] = False
    b[2] = np.arange(1100) == 1099
    assert_same_bits(Program(graph, threads=2).run({"i": i, "b": b}), evaluate(graph, {"i": i, "b": b}))


def test_single_precision() -> None:
    graph = graph_of(lambda x: {"rows": ops.argmax(x, 1), "columns": ops.argmax(x, 0)}, x=reals(N, 1031))
    x = rows(1031).astype(np.float32)
    assert_same_values(Program(graph, "fp32", 2).run({"x": x}), evaluate(graph, {"x": x}))


def test_gradients_of_maxima_go_to_the_first() -> None:
    graph = graph_of(lambda x: ops.max(x, 1), x=reals(3, 1031))
    x = np.zeros((3, 1031))
    x[1, [600, 900]] = 2.0
    gradient = differentiate(Graph(graph.inputs, {"out": ops.sum(graph.outputs["out"])}))
    found = Program(gradient, "fp64").run({"x": x})
    assert_same_values(found, evaluate(gradient, {"x": x}))
    (dx,) = (value for value in found.values() if value.shape == x.shape)
    assert np.flatnonzero(dx).tolist() == [0, 1031 + 600, 2 * 1031]
