"""Rows of large tables are asked for before they are read, and threads divide the rows that they change."""

from __future__ import annotations

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile.ahead import LARGE
from lexgrad.compile.machine import limited
from lexgrad.graph import Dim, Graph, Node
from tests.compile.running import PROCESSORS, assert_on_any_threads, graph_of, reals, whole

TOKENS, TEXTS, WIDTH = Dim("tokens"), Dim("texts"), 40
ROWS = LARGE // WIDTH + 1


def step_of(rows: int) -> Graph:
    """A table whose rows are looked up, and others that change: some again and again, some once."""

    def step(E: Node, m: Node, g: Node, ids: Node, words: Node, cuts: Node) -> dict[str, Node]:
        distinct = ops.distinct(ids)
        combined = ops.combine_rows(g, ids)
        return {
            "sums": ops.segment_sum(ops.take(E, words), cuts),
            "added": ops.add_rows(E, g, ids),
            "m": ops.set_rows(m, 0.5 * ops.take(m, distinct) + combined, distinct),
            "combined": combined,
        }

    table, each = reals(rows, WIDTH), reals(TOKENS, WIDTH)
    return graph_of(step, E=table, m=table, g=each, ids=whole(TOKENS), words=whole(TOKENS), cuts=whole(TEXTS + 1))


def values_of(rows: int, tokens: int, texts: int) -> dict[str, np.ndarray]:
    """Numbers of rows that are none are among those that are asked for."""
    generator = np.random.default_rng(tokens)
    cuts = np.sort(generator.integers(0, tokens + 1, texts + 1))
    cuts[0], cuts[-1] = 0, tokens
    often, once = generator.integers(-1, 5, tokens), rows - 1 - np.arange(tokens) % 30
    return {
        "E": generator.normal(size=(rows, WIDTH)),
        "m": generator.normal(size=(rows, WIDTH)),
        "g": generator.normal(size=(tokens, WIDTH)),
        "ids": np.where(generator.uniform(size=tokens) < 0.5, often, once),
        "words": generator.integers(0, rows, tokens),
        "cuts": cuts,
    }


@pytest.mark.parametrize("limit", PROCESSORS)
@pytest.mark.parametrize("rows", [40, ROWS])
def test_they_change_on_any_threads_to_the_same_bits(rows: int, limit: str) -> None:
    graph = step_of(rows)
    program = Program(graph, "fp64", threads=1, donated={"m": "m"}, processor=limited(limit))
    for tokens, texts in (100, 9), (1, 1), (0, 0), (17, 30):
        given = values_of(rows, tokens, texts)
        assert_on_any_threads(program, graph, given, (2, 3, 5))


def test_rows_of_large_tables_are_asked_for_and_no_others() -> None:
    large, small = (Program(step_of(rows), "fp32", donated={"m": "m"}).pseudocode for rows in (ROWS, 40))
    asked = [line.split("from ")[1].split("[")[0] for line in large.splitlines() if "ask for" in line]
    assert sorted(name.rsplit("_", 1)[0] for name in asked) == [
        "E",
        "set_rows",
    ]  # m, in its place; what was computed is near
    assert "ask for" not in small


def test_nothing_is_asked_for_where_rows_follow_each_other() -> None:
    graph = graph_of(ops.segment_sum, x=reals(TOKENS, WIDTH), cuts=whole(TEXTS + 1))
    assert "ask for" not in Program(graph, "fp32").pseudocode
