"""For any graph: after every pass, and after all of them, the same values; legal; and nothing left to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from lexgrad.compile import Program
from lexgrad.evaluate import evaluate
from lexgrad.grad import differentiate
from lexgrad.graph import Graph, check, parse
from lexgrad.passes import FAMILIES, apply_rules, combined, common_subexpressions, dead_code, simplify, stabilise
from tests.comparing import assert_same_values
from tests.passes.linear import linear_graphs
from tests.strategies import RandomGraph, graphs

TOLERANCE = 1e-10
"""Terms are grouped anew, and where they cancel that shows; values here are about 1."""

PASSES: dict[str, Callable[[Graph], Graph]] = {
    "common": common_subexpressions,
    "dead": dead_code,
    "stabilise": stabilise,
    **{family: lambda graph, family=family: apply_rules(graph, family) for family in FAMILIES},  # type: ignore[misc]
    "simplify": simplify,
}


@pytest.mark.parametrize("name", PASSES)
@settings(max_examples=15)
@given(case=graphs(smooth=True))
def test_a_pass_keeps_the_values_of_a_smooth_graph_and_its_gradient(name: str, case: RandomGraph) -> None:
    graph = differentiate(case.graph, output="loss")
    after = check(PASSES[name](graph))
    assert list(after.inputs) == list(graph.inputs)
    assert_same_values(evaluate(after, case.values), evaluate(graph, case.values), TOLERANCE)


@pytest.mark.parametrize("name", PASSES)
@settings(max_examples=15)
@given(case=graphs())
def test_a_pass_keeps_the_values_of_any_graph(name: str, case: RandomGraph) -> None:
    after = check(PASSES[name](case.graph))
    assert str(parse(str(after))) == str(after)
    assert_same_values(evaluate(after, case.values), evaluate(case.graph, case.values), TOLERANCE)


@settings(max_examples=30)
@given(graphs())
def test_simplifying_twice_is_simplifying_once(case: RandomGraph) -> None:
    for graph in case.graph, differentiate(case.graph, output="loss"):
        once = simplify(graph)
        assert str(simplify(once)) == str(once)


@settings(max_examples=20)
@given(graphs())
def test_the_graph_that_was_given_stays_as_it_is(case: RandomGraph) -> None:
    before = str(case.graph)
    simplify(case.graph)
    assert str(case.graph) == before


@pytest.mark.parametrize("large", [combined.LARGE, 1])
@settings(max_examples=100)
@given(case=linear_graphs())
def test_signs_scalars_and_rows_keep_the_values(large: int, case: tuple[Graph, dict[str, NDArray[Any]]]) -> None:
    graph, values = case
    with mock.patch.object(combined, "LARGE", large):  # 1: rows are told apart in any table
        after = check(simplify(graph))
        assert str(simplify(after)) == str(after)
        compiled = Program(graph, "fp64", threads=1).run(values) if large == 1 else {}
    expected, found = evaluate(graph, values), evaluate(after, values)
    for name, value in expected.items():
        scale = np.abs(value).max(initial=1.0)
        np.testing.assert_allclose(found[name], value, rtol=TOLERANCE, atol=TOLERANCE * scale, err_msg=name)
        if compiled:
            np.testing.assert_allclose(compiled[name], value, rtol=TOLERANCE, atol=TOLERANCE * scale, err_msg=name)
