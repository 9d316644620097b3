"""What holds for any graph, on graphs that Hypothesis grows."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings

import lexgrad as lg
from lexgrad.eager import array_of
from lexgrad.evaluate import Interpreter, evaluate
from lexgrad.grad import differentiate
from lexgrad.graph import PRIMITIVES, Graph, check, parse, resolve, rewrite
from tests.comparing import assert_same_values
from tests.strategies import RandomGraph, graphs


@given(graphs())
def test_it_passes_the_checker(case: RandomGraph) -> None:
    check(case.graph)
    check(case.with_numbers())


@given(graphs())
def test_it_reads_back_from_its_text(case: RandomGraph) -> None:
    text = str(case.graph)
    again = check(parse(text))
    assert str(again) == text
    assert_same_values(evaluate(again, case.values), evaluate(case.graph, case.values))


@given(graphs())
def test_types_say_what_values_are(case: RandomGraph) -> None:
    for precision, width in ("fp64", np.float64), ("fp32", np.float32):
        values = Interpreter(case.graph, precision).run(case.values)  # type: ignore[arg-type]
        for name, type in case.graph.output_types.items():
            assert values[name].shape == tuple(resolve(size, case.sizes) for size in type.shape)
            assert values[name].dtype == {"float": width, "int": np.int64, "bool": np.bool_}[type.dtype]


@given(graphs())
def test_evaluation_is_deterministic_and_leaves_the_inputs_alone(case: RandomGraph) -> None:
    before = {name: value.copy() for name, value in case.values.items()}
    run = Interpreter(case.graph).run
    first = run(case.values)
    for value in first.values():
        value[...] = 0  # results are the caller's own
    assert_same_values(case.values, before)
    second, third = run(case.values), evaluate(case.graph, case.values)
    assert_same_values(second, third)


@given(graphs())
def test_each_output_alone_is_what_it_is_among_the_others(case: RandomGraph) -> None:
    together = evaluate(case.graph, case.values)
    for name, node in case.graph.outputs.items():
        assert_same_values(evaluate(Graph(case.graph.inputs, {name: node}), case.values), {name: together[name]})


@given(graphs())
def test_named_sizes_mean_what_numbers_mean(case: RandomGraph) -> None:
    assert_same_values(evaluate(case.with_numbers(), case.values), evaluate(case.graph, case.values), 1e-13)


@given(graphs())
def test_rewriting_without_rules_is_the_identity(case: RandomGraph) -> None:
    same, firings = rewrite(case.graph, [])
    assert same.nodes == case.graph.nodes
    assert same.outputs == case.graph.outputs
    assert not firings


@given(graphs())
def test_a_copy_on_its_own_inputs_is_the_same(case: RandomGraph) -> None:
    outputs = case.graph.inline(*case.graph.inputs.values())
    assert outputs == case.graph.outputs


@given(graphs())
def test_variables_compute_what_the_interpreter_does(case: RandomGraph) -> None:
    graph = case.with_numbers()
    variables = [lg.variable(value) for value in case.values.values()]
    eager = {name: array_of(node) for name, node in graph.inline(*variables).items()}
    assert_same_values(eager, evaluate(graph, case.values))


@given(graphs())
def test_its_gradient_is_a_legal_graph_that_reads_back(case: RandomGraph) -> None:
    graph = check(differentiate(case.graph, output="loss"))
    assert str(check(parse(str(graph)))) == str(graph)
    values = evaluate(graph, case.values)
    for name, type in case.graph.input_types.items():
        if type.dtype == "float":
            assert values[f"d_{name}"].shape == case.values[name].shape


@given(graphs())
def test_named_sizes_mean_what_numbers_mean_in_gradients(case: RandomGraph) -> None:
    general = evaluate(differentiate(case.graph, output="loss"), case.values)
    particular = evaluate(differentiate(case.with_numbers(), output="loss"), case.values)
    assert_same_values(particular, general, 1e-11)


@given(graphs(smooth=True))
def test_the_gradient_of_a_smooth_graph_agrees_with_finite_differences(case: RandomGraph) -> None:
    graph = differentiate(case.graph, output="loss")
    run = Interpreter(graph).run
    here = run(case.values)
    generator = np.random.default_rng(0)
    names = [name for name, type in case.graph.input_types.items() if type.dtype == "float"]
    direction = {name: generator.normal(size=case.values[name].shape) for name in names}

    def moved(step: float) -> float:
        values: dict[str, Any] = {name: case.values[name] + step * v for name, v in direction.items()}
        return float(run({**case.values, **values})["loss"])

    exact = sum(float(np.sum(here[f"d_{name}"] * v)) for name, v in direction.items())
    h = 1e-5
    # Fourth-order differences, and a tolerance that grows with the loss, of which they are the rounding error.
    numeric = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h)
    assert abs(exact - numeric) <= 1e-6 * max(1.0, abs(exact), abs(float(here["loss"])))


def test_together_the_graphs_hold_nearly_every_primitive() -> None:
    held: set[str] = set()

    @settings(max_examples=300)
    @given(graphs())
    def collect(case: RandomGraph) -> None:
        held.update(node.primitive.name for node in differentiate(case.graph, output="loss"))

    collect()
    missing = set(PRIMITIVES) - held
    assert len(missing) <= 4, missing  # which graphs are drawn is up to the version of Hypothesis
