"""Rows that are read several times are multiplied once."""

from __future__ import annotations

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Graph, Node
from lexgrad.passes import simplify
from lexgrad.passes.repeats import multiply_once
from tests.comparing import assert_same_values
from tests.compile.running import assert_same_bits, graph_of, reals, whole

TOKENS, WORDS = Dim("tokens"), 1000


def _products(E: Node, W: Node, U: Node, ids: Node) -> dict[str, Node]:
    rows = ops.take(E, ids)
    z = rows @ W
    before = ops.arange(TOKENS) - 1
    return {"z": z, "before": ops.take(rows @ U, before) * 2.0, "u": ops.tanh(rows @ U)}


def _graph(width: int = 64) -> Graph:
    return graph_of(_products, E=reals(WORDS, 5), W=reals(5, width), U=reals(5, 80), ids=whole(TOKENS))


def test_each_different_row_is_multiplied_once() -> None:
    after, firings = multiply_once(_graph())
    assert firings
    names = [node.primitive.name for node in after.nodes]
    assert "order_met" in names
    simple = simplify(_graph())
    assert [node.primitive.name for node in simple.nodes].count("order_met") == 1
    assert multiply_once(simple) == (simple, [])


def test_narrow_products_and_small_tables_are_left_alone() -> None:
    def narrow(E: Node, W: Node, ids: Node) -> dict[str, Node]:
        return {"z": ops.take(E, ids) @ W}

    for words, width in (WORDS, 8), (20, 64):
        graph = graph_of(narrow, E=reals(words, 5), W=reals(5, width), ids=whole(TOKENS))
        assert multiply_once(graph)[0] is graph


@pytest.mark.parametrize("precision", ["fp64", "bf16"])
@pytest.mark.parametrize("width", [64, 300])
def test_compiled_is_evaluated_on_any_number_of_threads(precision: str, width: int) -> None:
    graph = _graph(width)
    program = Program(graph, precision, threads=1)  # type: ignore[arg-type]
    generator = np.random.default_rng(0)
    weights = {"E": (WORDS, 5), "W": (5, width), "U": (5, 80)}
    given = {name: generator.normal(size=shape).astype(np.float32) for name, shape in weights.items()}
    for ids in ([], [-1, -1], [7] * 40, list(range(100)), generator.integers(-1, 9, 300).tolist()):
        given["ids"] = np.array(ids, np.int64)
        program.threads = 1
        alone = program.run(given)
        meant = evaluate(graph, given) if precision == "fp64" else evaluate(graph, given, precision="bf16")
        assert_same_values(alone, meant, 1e-12 if precision == "fp64" else 1e-5)
        for threads in 2, 3, 4:
            program.threads = threads
            assert_same_bits(program.run(given), alone)
