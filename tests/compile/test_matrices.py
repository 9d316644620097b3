"""Matrix products: every small size and those around the edges of tiles, in every form, with what follows fused in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program, blocking
from lexgrad.compile.arrays import Precision
from lexgrad.compile.machine import limited
from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Graph, Node, Size
from tests.comparing import assert_same_values
from tests.compile.running import (
    PROCESSORS,
    Array,
    Arrays,
    assert_on_any_threads,
    assert_same_bits,
    graph_of,
    reals,
    whole,
)

EDGES = (47, 48, 49, 63, 64, 65, 191, 192, 193)
"""Sizes around those of tiles."""


def products(rows: Size, depth: Size, columns: Size) -> Graph:
    """Products of two matrices, as they are and transposed, alone and with other arithmetic behind them."""

    def outputs(x: Node, y: Node, xt: Node, yt: Node, w: Node, b: Node) -> dict[str, Node]:
        plain = x @ y
        return {
            "plain": plain,
            "left": xt.T @ y,
            "right": x @ yt.T,
            "both": xt.T @ yt.T,
            "activation": ops.tanh(x @ y + b),
            "update": w - 0.1 * (xt.T @ y),
            "residual": ops.relu(x @ yt.T) + w,
            "square": (x @ y) * (x @ y),
            "two": (x @ yt.T) * (xt.T @ y),
            "signs": (x @ y) > 0.0,
            "twice": plain.T + plain.T,
            "folded": ops.sum((x @ y) * w, 1),
        }

    types = {"x": (rows, depth), "y": (depth, columns), "xt": (depth, rows), "yt": (columns, depth)}
    shapes = {**types, "w": (rows, columns), "b": (columns,)}
    return graph_of(outputs, **{name: reals(*shape) for name, shape in shapes.items()})


def operands(rows: int, depth: int, columns: int) -> dict[str, Array]:
    """Values for the inputs of ``products``: small whole numbers, so that every sum is exact in fp32."""
    generator = np.random.default_rng([rows, depth, columns])
    x, y = generator.integers(-4, 5, (rows, depth)), generator.integers(-4, 5, (depth, columns))
    w, b = generator.integers(-4, 5, (rows, columns)), generator.integers(-4, 5, columns)
    return {"x": x, "y": y, "xt": x.T, "yt": y.T, "w": w, "b": b}


def expected(v: Arrays) -> dict[str, Array]:
    """What ``products`` gives, by NumPy; of the sign's edge nothing can go wrong, for the numbers are whole."""
    p = (v["x"] @ v["y"]).astype(float)
    plain = dict.fromkeys(("plain", "left", "right", "both"), p)
    fused = {
        "activation": np.tanh(p + v["b"]),
        "update": v["w"] - 0.1 * p,
        "residual": np.maximum(p, 0) + v["w"],
        "square": p * p,
        "two": p * p,
        "signs": p > 0,
        "twice": (p + p).T,
        "folded": np.sum(p * v["w"], 1),
    }
    return {**plain, **fused}


def small() -> Iterator[tuple[int, int, int]]:
    """Every number of rows, and of columns, up to 20, with depths of all kinds."""
    for rows in range(21):
        for depth in (0, 1, 2, 5, 16, 17, 20):
            yield rows, depth, (rows * 7 + depth * 5) % 21


def edges() -> Iterator[tuple[int, int, int]]:
    """Every two sizes around those of tiles."""
    for i, rows in enumerate(EDGES):
        for columns in EDGES:
            yield rows, 3 + i, columns


def agree(program: Program, sizes: Iterable[tuple[int, int, int]]) -> None:
    """Compare with NumPy at every size, and 2 to 4 threads with 1, bit for bit, where sums have to be rounded."""
    for rows, depth, columns in sizes:
        values = operands(rows, depth, columns)
        program.threads = 1
        assert_same_values(program.run(values), expected(values), 1e-13 if program.precision == "fp64" else 1e-6)
        values = {name: np.sin(value * 7.0) for name, value in values.items()}
        alone = program.run(values)
        program.threads = 2 + (rows + columns) % 3
        assert_same_bits(program.run(values), alone)


@pytest.mark.parametrize("precision", ["fp32", "fp64"])
@pytest.mark.parametrize("limit", PROCESSORS)
@pytest.mark.usefixtures("small_work")
def test_products_of_any_sizes(limit: str, precision: Precision) -> None:
    graph = products(Dim("rows"), Dim("depth"), Dim("columns"))
    program = Program(graph, precision, threads=1, processor=limited(limit))
    agree(program, small())
    agree(program, edges())


@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 5, 70), (8, 24, 48), (31, 7, 200), (5, 0, 9), (0, 4, 6), (7, 4, 0)])
@pytest.mark.usefixtures("small_work")
def test_products_whose_sizes_are_known_when_they_are_compiled(sizes: tuple[int, int, int]) -> None:
    agree(Program(products(*sizes), "fp32", threads=1), [sizes])


def test_a_matrix_may_be_both_operands() -> None:
    graph = graph_of(lambda x: {"a": x @ x, "b": x.T @ x, "c": x @ x.T, "d": x.T @ x.T}, x=reals(Dim("n"), Dim("n")))
    x = np.arange(49.0).reshape(7, 7)
    assert_same_values(Program(graph, "fp64").run({"x": x}), evaluate(graph, {"x": x}), 1e-13)


def test_vectors_and_leading_axes() -> None:
    n, m = Dim("n"), Dim("m")
    types = {"x": reals(n, 3), "v": reals(3), "u": reals(n), "s": reals(m, n, 3), "t": reals(m, 3, 2)}

    def outputs(x: Node, v: Node, u: Node, s: Node, t: Node) -> dict[str, Node]:
        pairs = {"xv": (x, v), "vv": (v, v), "ux": (u, x), "st": (s, t), "sv": (s, v), "sx": (s, x.T), "xt": (x, t)}
        return {name: ops.matmul(*pair) for name, pair in pairs.items()}

    graph = graph_of(outputs, **types)
    generator = np.random.default_rng(0)
    program = Program(graph, "fp64")
    for sizes in ({"n": 5, "m": 2}, {"n": 0, "m": 2}, {"n": 1, "m": 0}, {"n": 17, "m": 3}):
        values = {
            name: generator.normal(size=[sizes[str(s)] if isinstance(s, Dim) else s for s in type.shape])
            for name, type in types.items()
        }
        assert_same_values(program.run(values), evaluate(graph, values), 1e-13)


@pytest.mark.usefixtures("small_work")
@pytest.mark.parametrize("limit", PROCESSORS)
@pytest.mark.parametrize(("depth", "columns"), [(600, 50), (1000, 64), (1033, 5)])
def test_right_operands_that_are_turned(limit: str, depth: int, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(lambda x, y: x @ y.T, x=reals(130, depth), y=reals(columns, depth))
    values: Arrays = {"x": operands(130, depth, columns)["x"], "y": operands(130, depth, columns)["yt"]}
    program = Program(graph, "fp32", threads=1, processor=limited(limit))
    assert "@lg.turn" in program.llvm
    monkeypatch.setattr(blocking, "MANY", 131)
    lying = Program(graph, "fp32", threads=1, processor=limited(limit))
    assert "@lg.turn" not in lying.llvm
    expected = lying.run(values)
    for program.threads in 1, 2, 3:
        assert_same_bits(program.run(values), expected)


@pytest.mark.usefixtures("small_work")
def test_products_of_rows_that_are_taken_once_each_when_some_threads_have_none() -> None:
    def step(E: Node, W: Node, ids: Node) -> Node:
        return ops.take(E, ops.distinct(ids)) @ W.T

    graph = graph_of(step, E=reals(500, 300), W=reals(40, 300), ids=whole(Dim("n")))
    program = Program(graph, "fp32", 1)
    generator = np.random.default_rng(0)
    tables = {"E": generator.normal(size=(500, 300)), "W": generator.normal(size=(40, 300))}
    for ids in [3, 3, 7] * 200, [3] * 5, []:
        given = {**tables, "ids": np.array(ids, np.int64)}
        assert_on_any_threads(program, graph, given, (2, 3), 1e-4)
