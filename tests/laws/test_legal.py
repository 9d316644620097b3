"""Law: every graph passes the checker, and so do its derivatives and what no rewrite rule changed."""

from __future__ import annotations

import pytest

from lexgrad.grad import differentiate
from lexgrad.graph import check, rewrite
from tests.laws.cases import ALL, DIFFERENTIABLE, Case


@pytest.mark.parametrize("case", ALL)
def test_a_primitive_makes_a_legal_graph(case: Case) -> None:
    check(case.graph())


@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_its_first_and_second_derivatives_are_legal_graphs(case: Case) -> None:
    first = check(differentiate(case.scalar_graph()))
    gradient = first.outputs[f"d_{case.float_inputs[0]}"]
    for output in ["out", *(["d_x0"] if gradient.shape == () and case.float_inputs[0] == "x0" else [])]:
        check(differentiate(first, case.float_inputs, output))


@pytest.mark.parametrize("case", ALL)
def test_rewriting_without_rules_changes_nothing(case: Case) -> None:
    graph = case.graph()
    same, firings = rewrite(graph, [])
    assert same.nodes == graph.nodes
    assert firings == []
