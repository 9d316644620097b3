"""Law: fp32 means what fp64 means, up to its rounding: forward and backward."""

from __future__ import annotations

import pytest

from lexgrad.evaluate import evaluate
from lexgrad.grad import differentiate
from tests.comparing import assert_same_values
from tests.laws.cases import ALL, DIFFERENTIABLE, Case

# An fp32 number has a relative error of 6e-8. The samples hold numbers up to 900 (logsumexp), sums of at most a
# few dozen of them, and their products.
TOLERANCE = 1e-5


@pytest.mark.parametrize("case", ALL)
def test_fp32_agrees_with_fp64(case: Case) -> None:
    graph = case.graph()
    exact, rough = evaluate(graph, case.values), evaluate(graph, case.values, "fp32")
    assert_same_values(rough, exact, TOLERANCE)


@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_fp32_gradients_agree_with_fp64(case: Case) -> None:
    graph = differentiate(case.scalar_graph())
    exact, rough = evaluate(graph, case.values), evaluate(graph, case.values, "fp32")
    assert_same_values(rough, exact, TOLERANCE)
