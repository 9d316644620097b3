"""Law: a rule agrees with finite differences, and so does the rule of the rule, and the rule of that."""

from __future__ import annotations

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.eager import GradientError
from lexgrad.grad import differentiate
from lexgrad.graph import Node, Primitive, apply
from tests.laws.cases import DIFFERENTIABLE, Case

MOVES_NOTHING = {"stop_gradient"}
"""Its value depends on its input and its derivative is 0 by definition, so finite differences must disagree."""


@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_derivatives_agree_with_finite_differences_to_order_3(case: Case) -> None:
    if case.primitive.name in MOVES_NOTHING:
        pytest.skip("the derivative is 0 by definition")
    lg.check_gradients(case.apply, *case.arrays, order=3, tolerance=1e-6)


@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_the_backward_graph_has_the_types_of_the_inputs(case: Case) -> None:
    graph = differentiate(case.scalar_graph())
    for name in case.float_inputs:
        assert graph.outputs[f"d_{name}"].type == graph.inputs[name].type


@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_every_backward_node_says_where_it_comes_from(case: Case) -> None:
    forward = case.scalar_graph()
    own = set(forward.nodes)
    for node in differentiate(forward):
        if node not in own and node.inputs and node.origin is not None:
            assert node.origin.node in own or node.origin.node.origin is not None


def test_the_check_catches_a_wrong_rule() -> None:
    wrong = Primitive("wrong", lambda x: x, np.sin, (lambda g, out, x: g * lg.sin(x),), notation="wrong({0})")
    with pytest.raises(GradientError, match=r"derivative of order 1: the graph gives .*, finite differences"):
        lg.check_gradients(lambda x: apply(wrong, x), np.array([0.3, -0.4]))


def test_the_check_catches_a_rule_that_is_wrong_in_second_order_only() -> None:
    def rule(g: Node, out: Node, x: Node) -> Node:
        return g * lg.stop_gradient(lg.cos(x))

    wrong = Primitive("wrong", lambda x: x, np.sin, (rule,), notation="wrong({0})")
    lg.check_gradients(lambda x: apply(wrong, x), np.array([0.3, -0.4]))
    with pytest.raises(GradientError, match="derivative of order 2"):
        lg.check_gradients(lambda x: apply(wrong, x), np.array([0.3, -0.4]), order=2)


def test_a_constant_sum_does_not_fool_the_check() -> None:
    # The plain sum of a softmax is 1, and its derivative 0 whatever the rule says; random weights bring it out.
    def halved(g: Node, out: Node, x: Node) -> Node:
        return 0.5 * out * (g - lg.sum(g * out))

    wrong = Primitive("wrong", lambda x: x, lambda x: np.exp(x) / np.exp(x).sum(), (halved,), notation="wrong({0})")
    with pytest.raises(GradientError):
        lg.check_gradients(lambda x: apply(wrong, x), np.array([0.3, -0.4, 1.0]))
