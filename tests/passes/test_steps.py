"""Training steps compute the same numbers after simplification, with less to do and no dense gradient of a table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lexgrad.evaluate import evaluate
from lexgrad.graph import Graph, Shape, check, resolve
from lexgrad.passes import simplify
from tests.passes.steps import MODELS, language_model, model_step, small_network, step_values

STEPS: dict[str, Callable[[], Graph]] = {
    **{name: lambda name=name: model_step(name) for name in MODELS},  # type: ignore[misc]
    "mean weighted": lambda: model_step("mean", weighted=True),
    "language model": language_model,
    "language model clipped": lambda: language_model(clip=0.1),
    "language model clipped, many words": lambda: language_model(clip=0.1, words=1500),
    "small network": small_network,
}
CHEAP = {"broadcast", "cast", "constant", "input", "iota", "reshape", "size", "slice", "transpose"}
"""Primitives that a compiler does not spend arithmetic on."""


def work(graph: Graph) -> int:
    """Entries that are computed for a batch of 64 texts with 400 words; a quotient counts as four."""
    total = 0
    for node in graph.nodes:
        if node.primitive.name not in CHEAP:
            entries = resolve(node.type.size, {"batch": 64, "tokens": 400})
            total += entries * (4 if node.primitive.name == "divide" else 1)
    return total


def tables_made(graph: Graph, shape: Shape) -> list[str]:
    """The primitives that make arrays of the shape of the table E, besides E itself."""
    return [
        n.primitive.name for n in graph.nodes if n.shape == shape and n.primitive.name not in ("input", "broadcast")
    ]


@pytest.mark.parametrize("name", STEPS)
def test_a_step_keeps_its_numbers(name: str) -> None:
    graph = STEPS[name]()
    after = check(simplify(graph))
    assert list(after.inputs) == list(graph.inputs)
    assert after.output_types == graph.output_types
    for seed in range(3):
        values = step_values(graph, seed)
        expected, found = evaluate(graph, values), evaluate(after, values)
        for output, value in expected.items():
            scale = np.abs(value).max(initial=0.0)
            np.testing.assert_allclose(found[output], value, rtol=1e-12, atol=1e-12 * scale, err_msg=output)


@pytest.mark.parametrize("name", STEPS)
def test_there_is_less_to_do_and_nothing_left(name: str) -> None:
    graph = STEPS[name]()
    after = simplify(graph)
    assert work(after) < work(graph)
    assert len(after) <= len(graph)
    assert str(simplify(after)) == str(after)


@pytest.mark.parametrize("name", ["mean", "max", "concat", "logistic sparse", "softmax sparse", "ffnn sparse x0"])
def test_sgd_changes_the_rows_that_were_read_and_no_others(name: str) -> None:
    after = simplify(model_step(name))
    table = next(iter(after.inputs.values()))
    assert set(tables_made(after, table.shape)) == {"add_rows"}


def test_clipping_needs_the_norm_and_adds_rows_all_the_same() -> None:
    after = simplify(language_model(clip=0.1, words=1500))
    assert sorted(tables_made(after, (1500, 4))) == ["add_rows", "scatter_add"]


def test_a_penalty_shrinks_the_table_and_adds_rows() -> None:
    after = simplify(model_step("mean l2"))
    assert "scatter_add" not in tables_made(after, (900, 2))
    assert tables_made(after, (900, 2)).count("add_rows") == 1


def test_momentum_adds_rows_to_what_is_left_of_the_velocity() -> None:
    names = [node.primitive.name for node in simplify(model_step("mean momentum")).nodes]
    assert "add_rows" in names or "scatter_add" in names


def test_the_gradient_of_softmax_cross_entropy_is_softmax_minus_one_hot() -> None:
    names = [node.primitive.name for node in simplify(language_model()).nodes]
    text = str(simplify(language_model()))
    assert names.count("exp") == 1
    assert names.count("put_along") == 1
    difference = next(node for node in simplify(language_model()).nodes if node.primitive.name == "put_along")
    assert difference.inputs[0].primitive.name == "broadcast", text  # of the constant 1


def test_every_parameter_is_scaled_once() -> None:
    after = simplify(language_model())
    for name in ("W", "b", "U", "c"):
        update = after.outputs[name]
        assert update.primitive.name == "subtract"
        scaled = update.inputs[1]
        assert scaled.primitive.name == "multiply"
        assert {operand.primitive.name for operand in scaled.inputs} <= {"broadcast", "matmul", "sum"}


def test_naive_sigmoids_are_found() -> None:
    names = [node.primitive.name for node in simplify(small_network()).nodes]
    assert names.count("sigmoid") == 2
