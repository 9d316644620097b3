"""Ids told apart, rows with one id added up, and tables with other rows: evaluated and compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.errors import InputError, ShapeError
from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Graph, Node, Type, input_node
from tests.comparing import assert_same_values
from tests.compile.running import assert_same_bits, graph_of, reals, whole

Array = NDArray[Any]
N = Dim("n")
SOME_IDS = st.lists(st.integers(-1, 6), max_size=30)
ANY_IDS = st.lists(st.one_of(st.integers(-1, 6), st.integers(0, 2**62)), max_size=30)


def _all_of(rows: Node, ids: Node) -> dict[str, Node]:
    return {
        "order": ops.order_met(ids),
        "distinct": ops.distinct(ids),
        "combined": ops.combine_rows(rows, ids),
    }


GRAPH = graph_of(_all_of, rows=reals(N, 3), ids=whole(N))
PROGRAM = Program(GRAPH, "fp64", threads=1)


def values(ids: list[int]) -> dict[str, Array]:
    generator = np.random.default_rng(len(ids))
    return {"rows": generator.normal(size=(len(ids), 3)), "ids": np.array(ids, np.int64)}


@given(ANY_IDS)
def test_each_id_stands_once_and_rows_with_one_id_are_added_up(ids: list[int]) -> None:
    given = values(ids)
    found = evaluate(GRAPH, given)
    met = list(dict.fromkeys(number for number in ids if number >= 0))
    assert found["distinct"].tolist() == met + [-1] * (len(ids) - len(met))
    assert found["order"].tolist() == [met.index(number) if number >= 0 else -1 for number in ids]
    for place, number in enumerate(met):
        same = [row for row, other in zip(given["rows"], ids, strict=True) if other == number]
        np.testing.assert_allclose(found["combined"][place], np.sum(same, axis=0), atol=1e-12)
    assert not found["combined"][len(met) :].any()


@given(ANY_IDS)
def test_compiled_is_evaluated(ids: list[int]) -> None:
    given = values(ids)
    assert_same_values(PROGRAM.run(given), evaluate(GRAPH, given), 1e-12)


def test_many_ids_and_collisions_on_any_number_of_threads() -> None:
    generator = np.random.default_rng(0)
    collisions = np.arange(500) * 2**40  # whose low bits are all the same
    for ids in (generator.zipf(1.3, 3000) % 1000, np.arange(3000), np.zeros(3000, int), np.tile(collisions, 3)):
        given = {"rows": generator.normal(size=(len(ids), 3)), "ids": ids}
        PROGRAM.threads = 1
        alone = PROGRAM.run(given)
        assert_same_values(alone, evaluate(GRAPH, given), 1e-11)
        for threads in 2, 3, 4:
            PROGRAM.threads = threads
            assert_same_bits(PROGRAM.run(given), alone)


@given(SOME_IDS)
def test_combined_rows_scatter_to_what_rows_scatter_to(ids: list[int]) -> None:
    def both(rows: Node, ids: Node) -> dict[str, Node]:
        combined = ops.scatter_add(ops.combine_rows(rows, ids), ops.distinct(ids), 7)
        return {"rows": ops.scatter_add(rows, ids, 7), "combined": combined}

    found = evaluate(graph_of(both, rows=reals(N, 3), ids=whole(N)), values(ids))
    np.testing.assert_allclose(found["combined"], found["rows"], atol=1e-12)


@given(SOME_IDS)
def test_distinct_rows_replace_rows_of_a_donated_table_in_its_place(ids: list[int]) -> None:
    def step(table: Node, rows: Node, ids: Node) -> dict[str, Node]:
        own = ops.distinct(ids)
        return {"table": ops.set_rows(table, ops.take(table, own) * 0.5 + ops.combine_rows(rows, ids), own)}

    graph = graph_of(step, table=reals(7, 3), rows=reals(N, 3), ids=whole(N))
    program = Program(graph, "fp64", donated={"table": "table"})
    assert program.donation.in_place
    given = values(ids) | {"table": np.arange(21.0).reshape(7, 3)}
    assert_same_values(program.run(given), evaluate(graph, given), 1e-12)


def test_rows_that_come_twice_are_read_before_any_of_them_is_replaced() -> None:
    def step(table: Node, ids: Node) -> dict[str, Node]:
        return {"table": ops.set_rows(table, ops.take(table, ids) + 1.0, ids)}

    graph = graph_of(step, table=reals(4, 2), ids=whole(3))
    given = {"table": np.zeros((4, 2)), "ids": np.array([2, 1, 2])}
    found = Program(graph, "fp64", donated={"table": "table"}).run(given)["table"]
    assert found[:, 0].tolist() == [0.0, 1.0, 1.0, 0.0]


def test_a_table_in_the_place_of_another_that_its_rows_are_read_from() -> None:
    def step(x: Node, y: Node, ids: Node) -> dict[str, Node]:
        own, other = ops.distinct(ids), ops.tanh(y)
        changed = ops.set_rows(ops.tanh(x), ops.take(other, own), own)
        return {"out": ops.sum(changed, 0), "other": ops.sum(other * other, 1)}

    graph = graph_of(step, x=reals(6, 6), y=reals(6, 6), ids=whole(N))
    generator = np.random.default_rng(0)
    given = {"x": generator.normal(size=(6, 6)), "y": generator.normal(size=(6, 6)), "ids": np.array([3, 1, 3, -1])}
    assert_same_values(Program(graph, "fp64").run(given), evaluate(graph, given), 1e-12)


def test_what_they_refuse() -> None:
    table, ids = input_node("table", Type("float", (4, 2))), input_node("ids", Type("int", (2, 3)))
    with pytest.raises(ShapeError, match=r"order_met.*needs ids with one axis, got int\[2, 3\]"):
        ops.distinct(ids)
    with pytest.raises(ShapeError, match="needs ids with one axis"):
        ops.set_rows(table, ops.take(table, ids), ids)
    with pytest.raises(ShapeError, match="do not fit a table"):
        ops.set_rows(table, table, np.array([1, 2]))
    with pytest.raises(ShapeError, match="needs int indices, got float"):
        ops.order_met(np.array([0.5]))
    graph = Graph({"table": table}, {"out": ops.set_rows(table, table[:1], [4])})
    with pytest.raises(InputError, match="index 4 is out of range for 4 rows"):
        evaluate(graph, {"table": np.zeros((4, 2))})
