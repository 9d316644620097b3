"""Many rows that are added by number, and sums of rows: block by block, with the same bits on any threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Node
from tests.comparing import assert_same_values
from tests.compile.running import assert_on_any_threads, graph_of, reals, whole

ROWS, TEXTS, FILTERS = Dim("rows"), Dim("texts"), 7


@pytest.mark.parametrize("width", [64, 65, 100, 300])
def test_rows_from_outer_products_and_sums_of_rows(width: int) -> None:
    shape = TEXTS, FILTERS, width

    def all_of(x: Node, v: Node, K: Node, places: Node, others: Node) -> dict[str, Node]:
        each = ops.broadcast_to(ops.expand_dims(v, 2), shape)
        rows = each * ops.broadcast_to(K, shape)
        return {
            "added": ops.add_rows(x * 2.0, rows, places),
            "scattered": ops.scatter_add(rows, others, 11),
            "summed": ops.sum(ops.take(x, places) * each, 0),
        }

    operands = {"x": reals(ROWS, width), "v": reals(TEXTS, FILTERS), "K": reals(FILTERS, width)}
    indices = {"places": whole(TEXTS, FILTERS), "others": whole(TEXTS, FILTERS)}
    graph = graph_of(all_of, **operands, **indices)
    program = Program(graph, "fp64", threads=1)
    assert program.pseudocode.count("by their ids") == 2
    generator = np.random.default_rng(width)
    for rows, texts in (20, 30), (1, 1), (3, 0), (33, 50):
        given = {
            "x": generator.normal(size=(rows, width)),
            "v": generator.normal(size=(texts, FILTERS)),
            "K": generator.normal(size=(FILTERS, width)),
            "places": generator.integers(-1, rows, (texts, FILTERS)),
            "others": generator.integers(-1, 11, (texts, FILTERS)),
        }
        assert_on_any_threads(program, graph, given, (2, 3, 4))


def test_a_donated_table_changes_in_its_place() -> None:
    def step(x: Node, v: Node, K: Node, places: Node) -> dict[str, Node]:
        shape = TEXTS, FILTERS, 70
        rows = ops.broadcast_to(ops.expand_dims(v, 2), shape) * ops.broadcast_to(K, shape)
        return {"x": ops.add_rows(x, rows, places)}

    operands = {"x": reals(5, 70), "v": reals(TEXTS, FILTERS), "K": reals(FILTERS, 70)}
    graph = graph_of(step, **operands, places=whole(TEXTS, FILTERS))
    program = Program(graph, "fp64", donated={"x": "x"})
    assert program.donation.in_place
    generator = np.random.default_rng(0)
    given: dict[str, Any] = {
        name: generator.normal(size=node) for name, node in {"x": (5, 70), "v": (9, 7), "K": (7, 70)}.items()
    }
    given["places"] = generator.integers(-1, 5, (9, 7))
    assert_same_values(program.run(given), evaluate(graph, given), 1e-12)
