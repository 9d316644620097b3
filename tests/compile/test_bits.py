"""Rows are computed alike wherever they stand: in a whole vector or in what is left over, on any number of threads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile.arrays import Precision
from lexgrad.compile.machine import limited
from lexgrad.graph import Dim, Graph, Node
from tests.compile.running import PROCESSORS, assert_same_bits, graph_of, reals

ROWS = Dim("rows")
TOTALS = (1, 2, 5, 8, 16, 17, 33, 65, 100, 257)


def _normalised(x: Node) -> Node:
    centred = x - ops.mean(x, 1, True)
    return centred / ops.sqrt(ops.mean(ops.square(centred), 1, True) + 1e-5)


SUMS: dict[str, Callable[[Node, Node, Node], Node]] = {
    "sum": lambda x, y, v: ops.sum(ops.tanh(x) * ops.tanh(y), 1),
    "logsumexp": lambda x, y, v: ops.logsumexp(x * y, 1),
    "softmax": lambda x, y, v: ops.softmax(x) * y,
    "product": lambda x, y, v: x @ v,
    "product and sum": lambda x, y, v: (x @ v) * ops.sum(x, 1),
    "squares": lambda x, y, v: ops.mean(x * x + y * y, 1),
    "normalised": lambda x, y, v: _normalised(x),
    "maximum": lambda x, y, v: ops.max(x * y + x, 1),
}
ENTRIES: dict[str, Callable[[Node, Node, Node], Node]] = {
    "two products": lambda x, y, z: x * y + z * x,
    "their difference": lambda x, y, z: x * y - z * x,
    "factors of sums": lambda x, y, z: (x + y) * (x - y) + z,
    "functions": lambda x, y, z: ops.tanh(x) * y + ops.sigmoid(z) * x - y * y,
    "quotients": lambda x, y, z: x / (y * y + 1.0) + z * z,
    "exp": lambda x, y, z: ops.exp(x) * y + z,
    "log": lambda x, y, z: ops.log(x * x + 1.0) * y - z,
    "a product twice": lambda x, y, z: (x * y + z) * (x * y - z) + x * y,
    "roots": lambda x, y, z: ops.sqrt(x * x + y * y + z * z),
}


def threads_agree(graph: Graph, precision: Precision, limit: str) -> None:
    """Compare 2, 3 and 7 threads with 1, bit for bit, for several numbers of rows."""
    program = Program(graph, precision, threads=1, processor=limited(limit))
    generator = np.random.default_rng(0)
    for total in TOTALS:
        values = {
            name: generator.normal(size=[total if isinstance(size, Dim) else size for size in type.shape])
            for name, type in graph.input_types.items()
        }
        program.threads = 1
        alone = program.run(values)
        for threads in 2, 3, 7:
            program.threads = threads
            assert_same_bits(program.run(values), alone)


@pytest.mark.parametrize("columns", [1, 3, 4, 7, 16, 17, 20, 33, 64, 100, 500])
@pytest.mark.usefixtures("small_work")
def test_sums_over_columns(columns: int) -> None:
    types = {"x": reals(ROWS, columns), "y": reals(ROWS, columns), "v": reals(columns)}
    graph = graph_of(lambda x, y, v: {name: own(x, y, v) for name, own in SUMS.items()}, **types)
    limit = PROCESSORS[columns % 3]
    threads_agree(graph, "fp64" if columns % 2 else "fp32", limit)
    threads_agree(graph, "fp32", "")


@pytest.mark.parametrize("limit", PROCESSORS)
@pytest.mark.usefixtures("small_work")
def test_arithmetic_on_entries(limit: str) -> None:
    def outputs(x: Node, y: Node, z: Node) -> dict[str, Node]:
        flat = {name: own(x[:, 0], y[:, 0], z[:, 0]) for name, own in ENTRIES.items()}
        return {f"{name}, flat": node for name, node in flat.items()} | {
            name: own(x, y, z) for name, own in ENTRIES.items()
        }

    graph = graph_of(outputs, x=reals(ROWS, 3), y=reals(ROWS, 3), z=reals(ROWS, 3))
    threads_agree(graph, "fp32", limit)
    threads_agree(graph, "fp64", limit)


@pytest.mark.usefixtures("small_work")
def test_sums_over_several_axes() -> None:
    def outputs(x: Node) -> dict[str, Node]:
        axes = [(1, 2), (2,), (1,), (0,), (0, 2), (0, 1), (0, 1, 2)]
        sums = {f"sum {kept}": ops.sum(x * x, kept) for kept in axes}
        return sums | {f"logsumexp {kept}": ops.logsumexp(x, kept) for kept in axes}

    threads_agree(graph_of(outputs, x=reals(ROWS, 4, 9)), "fp32", "")
