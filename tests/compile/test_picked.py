"""Tables of which a step changes the same rows pass the cache once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.graph import Dim, Graph, Node
from tests.compile.running import assert_on_any_threads, graph_of, reals, whole

TOKENS, WORDS, WIDTH = Dim("tokens"), 50, 20
Nodes = dict[str, Node]


def momentum(E: Node, m: Node, g: Node, ids: Node) -> Nodes:
    """Weights that a mean moves, and the mean."""
    words, rows = ops.distinct(ids), ops.combine_rows(g, ids)
    mean = 0.9 * ops.take(m, words) + rows
    return {"E": ops.set_rows(E, ops.take(E, words) - mean, words), "m": ops.set_rows(m, mean, words)}


def other_rows(E: Node, m: Node, g: Node, ids: Node) -> Nodes:
    """The second table needs rows of the first one that are changed in other turns."""
    words, rows = ops.distinct(ids), ops.combine_rows(g, ids)
    new = ops.set_rows(E, ops.take(E, words) - rows, words)
    before = ops.take(new, ops.maximum(words - 1, 0))
    return {"E": new, "m": ops.set_rows(m, before, words)}


def other_numbers(E: Node, m: Node, g: Node, ids: Node) -> Nodes:
    """The rows of the second table are not those of the first."""
    first, second, rows = ops.distinct(ids), ops.distinct(WORDS - 1 - ids), ops.combine_rows(g, ids)
    return {"E": ops.set_rows(E, rows, first), "m": ops.set_rows(m, rows, second)}


def step_of(function: Callable[..., Nodes]) -> Graph:
    return graph_of(function, E=reals(WORDS, WIDTH), m=reals(WORDS, WIDTH), g=reals(TOKENS, WIDTH), ids=whole(TOKENS))


def merged(program: Program) -> bool:
    """Whether a kernel changes both tables."""
    return any(kernel.comment.count("= set_rows") == 2 for kernel in program.kernels)


@pytest.mark.parametrize("function", [momentum, other_rows, other_numbers])
@pytest.mark.parametrize("donated", [{"E": "E", "m": "m"}, {}])
def test_it_changes_what_two_kernels_would(function: Callable[..., Nodes], donated: dict[str, str]) -> None:
    graph = step_of(function)
    program = Program(graph, "fp64", threads=1, donated=donated)
    assert merged(program) == (function is momentum and bool(donated))
    generator = np.random.default_rng(0)
    for tokens in 30, 1, 0:
        given: dict[str, Any] = {
            "E": generator.normal(size=(WORDS, WIDTH)),
            "m": generator.normal(size=(WORDS, WIDTH)),
            "g": generator.normal(size=(tokens, WIDTH)),
            "ids": generator.integers(0, WORDS, tokens),
        }
        assert_on_any_threads(program, graph, given, (2, 4))
