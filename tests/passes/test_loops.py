"""What the passes do to loops: rule by rule, for language models' training steps, and for any loop."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings

import lexgrad as lg
from lexgrad.errors import InputError
from lexgrad.evaluate import evaluate
from lexgrad.grad import differentiate
from lexgrad.graph import Dim, Graph, Node, check, parse
from lexgrad.ops.unrolling import unroll
from lexgrad.passes import LOOP_RULES, simplify
from lexgrad.passes.scans import LoopRule, groups, rewrite_loops
from tests.comparing import assert_same_values
from tests.passes.recurrent import GATES, training_step, values_for
from tests.passes.test_rules import values_for as values_of_example
from tests.recurrences import recurrences
from tests.strategies import RandomGraph

TOLERANCE = 1e-9


def bodies(graph: Graph) -> list[Graph]:
    return [members[0].attributes["body"] for members in groups(graph).values()]


def counted(body: Graph) -> Counter[str]:
    return Counter(node.primitive.name for node in body.nodes if node.inputs)


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.name) for rule in LOOP_RULES])
def test_a_rule_fires_on_its_example_and_keeps_the_values(rule: LoopRule) -> None:
    graph = check(rule.example())
    after, firings = rewrite_loops(graph, [rule])
    assert [firing.rule for firing in firings] == [rule.name]
    check(after)
    assert str(parse(str(after))) == str(after)
    for seed in range(3):
        values = values_of_example(graph, seed)
        assert_same_values(evaluate(after, values), evaluate(graph, values), 1e-12)


def test_no_two_rules_have_one_name() -> None:
    assert len({rule.name for rule in LOOP_RULES}) == len(LOOP_RULES)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", GATES)
def test_the_loops_of_a_language_model_hold_the_recurrent_product_the_gates_and_the_carries(
    kind: str, tied: bool
) -> None:
    graph = training_step(kind, tied=tied)
    after = check(simplify(graph))
    forwards, backwards = bodies(after)
    for body, carries in ((forwards, 2 if kind == "lstm" else 1), (backwards, 2 if kind == "lstm" else 1)):
        found = counted(body)
        assert found["matmul"] == 1
        assert not set(found) & {"take", "scatter_add", "logsumexp", "exp", "sum", "transpose", "pad", "take_along"}
        members = next(group for group in groups(after).values() if group[0].attributes["body"] is body)
        assert members[0].attributes["carries"] == carries
        assert members[0].attributes["sequences"] <= 7
    # x W and h U, and for each weight a gradient, and what goes back through either: nothing is left per step.
    assert counted(after)["matmul"] == 2 + 3 + 2
    values = values_for(graph)
    assert_same_values(evaluate(after, values), evaluate(graph, values), 1e-12)


@pytest.mark.parametrize("kind", GATES)
def test_named_sizes_of_batch_and_time_make_no_difference(kind: str) -> None:
    graph = training_step(kind, time=Dim("time"), batch=Dim("batch"))
    after = check(simplify(graph))
    assert [counted(body)["matmul"] for body in bodies(after)] == [1, 1]
    for sizes in {"time": 1, "batch": 1}, {"time": 5, "batch": 2}, {"time": 7, "batch": 3}:
        values = values_for(graph, sizes)
        assert_same_values(evaluate(after, values), evaluate(graph, values), 1e-12)


def test_the_product_is_made_of_all_rows_and_the_bias_added_there() -> None:
    after = simplify(training_step("rnn", units=4, time=5, batch=3))
    (loop, *_) = groups(after).values()
    hoisted = loop[0].inputs[1]
    assert hoisted.primitive.name == "add"
    product = hoisted.inputs[0].inputs[0]
    assert (product.primitive.name, product.shape) == ("matmul", (15, 4))


def test_simplifying_twice_is_simplifying_once() -> None:
    for kind in GATES:
        once = simplify(training_step(kind))
        assert str(simplify(once)) == str(once)


def test_the_graph_that_was_given_stays_as_it_is() -> None:
    graph = training_step("lstm")
    before = str(graph)
    simplify(graph)
    assert str(graph) == before


def test_a_loop_that_carries_nothing_is_none() -> None:
    def function(x: Node, W: Node) -> Node:
        found: Node = lg.scan(lambda carry, x: (carry, lg.tanh(x @ W)), None, x)[1]
        return found

    graph = lg.trace(function, np.ones((4, 2, 3)), np.ones((3, 3)))
    assert bodies(simplify(graph)) == []


def test_a_loop_that_only_adds_is_a_sum() -> None:
    graph = lg.trace(lambda x: lg.scan(lambda total, x: (total + lg.exp(x), None), 0.0, x)[0], np.ones(4))
    after = simplify(graph)
    assert bodies(after) == []
    assert [node.primitive.name for node in after if node.inputs] == ["exp", "sum"]


def test_arrays_are_added_up_where_they_are_made_unless_their_stack_is_there_anyway() -> None:
    def function(h: Node, x: Node, W: Node) -> Node:
        found: Node = lg.scan(lambda h, x: (lg.sum(lg.tanh(W * h), 1) + x, None), h, x)[0]
        return lg.sum(found)

    graph = lg.differentiate(lg.trace(function, np.ones(3), np.ones((4, 3)), np.ones((3, 3))), ["W"])
    after = simplify(graph)
    _, backwards = groups(after).values()
    assert backwards[0].type.shape == (3, 3)  # the sum over the steps, and no stack of four matrices
    values = values_of_example(graph, 0)
    assert_same_values(evaluate(after, values), evaluate(graph, values), 1e-12)


def test_loops_that_do_different_things_stay_two() -> None:
    def function(h: Node, x: Node) -> tuple[Node, Node]:
        first: Node = lg.scan(lambda h, x: (lg.tanh(h * x), None), h, x)[0]
        second: Node = lg.scan(lambda h, x: (lg.tanh(h - x), None), h, x)[0]
        return first, second

    assert len(bodies(simplify(lg.trace(function, 0.5, np.ones(4))))) == 2


def test_a_loop_written_twice_is_run_once() -> None:
    def function(h: Node, x: Node) -> tuple[Node, Node]:
        first: Node = lg.scan(lambda h, x: (lg.tanh(h * x), None), h, x)[0]
        second: Node = lg.scan(lambda h, x: (lg.tanh(x * h), h), h, x)[1]
        return first, second

    graph = lg.trace(function, 0.5, np.ones(4))
    after = simplify(graph)
    assert len(bodies(after)) == 1
    values = {"h": np.array(0.5), "x": np.array([1.0, 2.0, -1.0, 0.5])}
    assert_same_values(evaluate(after, values), evaluate(graph, values), 1e-12)


@settings(max_examples=40)
@given(recurrences())
def test_any_loop_keeps_its_values_and_gradients(case: RandomGraph) -> None:
    for graph in case.graph, differentiate(case.graph, output="loss"):
        after = check(simplify(graph))
        assert str(parse(str(after))) == str(after)
        assert_same_values(evaluate(after, case.values), evaluate(graph, case.values), TOLERANCE)
        assert str(simplify(after)) == str(after)


@settings(max_examples=40)
@given(recurrences())
def test_any_loop_and_its_gradient_are_what_they_are_written_out(case: RandomGraph) -> None:
    graph = case.with_numbers()
    written_out = check(unroll(graph))
    assert bodies(written_out) == []
    assert_same_values(
        evaluate(differentiate(graph, output="loss"), case.values),
        evaluate(differentiate(written_out, output="loss"), case.values),
        TOLERANCE,
    )


def test_written_out_steps_are_numbered() -> None:
    def step(h: Node, x: Node) -> tuple[Node, None]:
        return lg.tanh(x + h), None

    graph = lg.trace(lambda x: lg.scan(step, 0.0, x)[0], np.ones(3))
    assert [node.name for node in unroll(graph) if node.primitive.name == "tanh"] == ["h_1", "h_2", "h_3"]


def test_a_named_length_cannot_be_written_out() -> None:
    with pytest.raises(InputError, match="a loop of time steps cannot be written out; fill in its sizes"):
        unroll(training_step("rnn", time=Dim("time")))
