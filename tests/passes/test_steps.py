"""Training steps compute the same numbers after simplification, with less to do and no dense gradient of a table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Graph, Shape, check, product, resolve
from lexgrad.passes import simplify
from tests.passes.steps import MODELS, convolution, language_model, model_step, small_network, step_values

STEPS: dict[str, Callable[[], Graph]] = {
    **{name: lambda name=name: model_step(name) for name in MODELS},  # type: ignore[misc]
    "mean weighted": lambda: model_step("mean", weighted=True),
    "language model": language_model,
    "language model clipped": lambda: language_model(clip=0.1),
    "language model clipped, many words": lambda: language_model(clip=0.1, words=1500),
    "small network": small_network,
    **{f"convolution {name}": lambda name=name: convolution(name) for name in ("relu", "tanh", "sigmoid")},  # type: ignore[misc]
    "convolution adam": lambda: convolution("tanh", "adam"),
}
CHEAP = {"broadcast", "cast", "constant", "input", "iota", "reshape", "size", "slice", "transpose"}
"""Primitives that a compiler does not spend arithmetic on."""


def work(graph: Graph) -> int:
    """Entries that are computed for a batch of 64 texts with 400 words; quotients count as four, matmul by terms."""
    total, sizes = 0, {"batch": 64, "tokens": 400}
    for node in graph.nodes:
        if node.primitive.name not in CHEAP:
            times = {"divide": 4, "matmul": resolve(product(node.inputs[0].shape[-1:]), sizes) if node.inputs else 0}
            total += resolve(node.type.size, sizes) * times.get(node.primitive.name, 1)
    return total


def has_rows(graph: Graph) -> bool:
    """Whether rows or entries are told apart by number."""
    return bool({"order_met", "segment_argmax"} & {node.primitive.name for node in graph.nodes})


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
    assert len(after) <= len(graph) or has_rows(after)
    assert str(simplify(after)) == str(after)


def changes(graph: Graph) -> set[str]:
    """The primitives that make arrays of the shape of the model's first parameter, a table."""
    return set(tables_made(graph, next(iter(graph.inputs.values())).shape))


@pytest.mark.parametrize("name", ["mean", "concat", "logistic sparse", "softmax sparse", "ffnn sparse x0"])
def test_sgd_changes_the_rows_that_were_read_and_no_others(name: str) -> None:
    assert changes(simplify(model_step(name))) == {"add_rows"}


def test_of_pooled_maxima_only_the_winning_entries_change() -> None:
    after = simplify(model_step("max"))
    assert changes(after) == {"add_along"}
    assert not [node for node in after.nodes if node.shape == (Dim("tokens"), 2) and node.primitive.name != "take"]


@pytest.mark.parametrize("name", ["many adagrad", "many logistic adagrad", "many clipped values", "many max adagrad"])
def test_where_no_row_moves_that_was_not_read_only_rows_change(name: str) -> None:
    assert changes(simplify(model_step(name))) == {"add_rows"}


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("lazy") and name[5:] not in ("few", "x0")])
def test_a_lazy_optimiser_changes_rows_alone(name: str) -> None:
    assert changes(simplify(model_step(name))) == {"set_rows"}


def test_the_norm_for_clipping_comes_from_rows() -> None:
    assert tables_made(simplify(language_model(clip=0.1, words=1500)), (1500, 4)) == ["add_rows"]


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_the_gradient_of_a_pooled_convolution_is_one_of_the_winning_windows(activation: str) -> None:
    after = simplify(convolution(activation))
    dense = [node for node in after.nodes if node.shape == (Dim("tokens"), 5)]
    assert {node.primitive.name for node in dense} == {"matmul", "broadcast", "add", activation}  # the way forward
    products = [
        node for node in after.nodes if node.primitive.name == "matmul" and Dim("tokens") in node.inputs[0].shape
    ]
    assert len(products) == 1


@pytest.mark.parametrize("case", ["filters", "lazy filters", "lazy filters twice"])
def test_of_a_convolution_that_is_pooled_over_all_time_only_the_winning_windows_come_back(case: str) -> None:
    """Each kernel multiplies every word once, for the way forward; there is no second convolution."""
    after = simplify(model_step(case))
    products = [n for n in after.nodes if n.primitive.name == "matmul" and Dim("tokens") in n.inputs[0].shape]
    assert len(products) == 2 + 3
    (x,) = {n.inputs[0] for n in products}
    assert x.primitive.name == ("concatenate" if case == "lazy filters twice" else "take")
    assert changes(after) == {"add_rows" if case == "filters" else "set_rows"}
    along = [n for n in after.nodes if n.ndim > 1 and isinstance(n.shape[0], Dim) and "tokens" in n.shape[0].names]
    assert not [n for n in along if n.shape[1] == 3 and n.primitive.name == "put_along"]
    assert all(n.shape[0] == Dim("tokens") for n in along if n.primitive.name in ("scatter_add", "add_rows"))


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
