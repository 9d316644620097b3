"""Law: the text form of a graph is the graph: it parses, prints the same, and evaluates the same."""

from __future__ import annotations

import pytest

from lexgrad.evaluate import evaluate
from lexgrad.grad import differentiate
from lexgrad.graph import Graph, check, parse, print_graph
from tests.comparing import assert_same_values
from tests.laws.cases import ALL, DIFFERENTIABLE, Case


def assert_round_trip(graph: Graph, case: Case) -> None:
    text = str(graph)
    again = check(parse(text))
    assert str(again) == text
    assert_same_values(evaluate(again, case.values), evaluate(graph, case.values))


@pytest.mark.parametrize("case", ALL)
def test_a_primitive_prints_and_parses_back(case: Case) -> None:
    assert_round_trip(case.graph(), case)


@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_its_backward_graph_prints_and_parses_back(case: Case) -> None:
    graph = differentiate(case.scalar_graph())
    assert_round_trip(graph, case)
    assert str(parse(print_graph(graph, origins=True))) == str(graph)
