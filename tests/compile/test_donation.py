"""Donated outputs take the place of inputs, and mean the same as outputs that do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.errors import InputError
from lexgrad.evaluate import evaluate
from lexgrad.graph import Graph, Node
from tests.comparing import assert_same_values
from tests.compile.running import Array, Arrays, graph_of, reals, whole

Outputs = dict[str, Node]


def _both(a: Node, b: Node) -> Outputs:
    total = a + b
    return {"a": total, "b": total}


CASES: dict[str, Callable[[Node, Node], Outputs]] = {
    "each its own": lambda a, b: {"a": a * 2.0, "b": b + 1.0},
    "a swap": lambda a, b: {"a": b, "b": a},
    "a swap with arithmetic": lambda a, b: {"a": b * 2.0, "b": a + 1.0},
    "each reads both": lambda a, b: {"a": a + b, "b": a * b},
    "one behind the other": lambda a, b: {"a": a + b, "b": (a + b) * b},
    "the same": lambda a, b: {"a": a, "b": b},
    "one node twice": _both,
    "an input twice": lambda a, b: {"a": b, "b": b},
    "the old one too": lambda a, b: {"a": a + 1.0, "old": a, "b": b},
    "the old one in another shape": lambda a, b: {"a": a + 1.0, "old": ops.reshape(a, (8, 2)), "b": b},
    "transposed": lambda a, b: {"a": a + a.T, "b": b.T},
    "transposed elsewhere": lambda a, b: {"other": b.T + 1.0, "a": a * 2.0, "b": b * 2.0},
    "reversed": lambda a, b: {"a": ops.reverse(a) * 0.5, "b": ops.reverse(b, 0) + b},
    "a product with itself": lambda a, b: {"a": a @ a, "b": a @ b + b},
    "a product's update": lambda a, b: {"a": a - 0.1 * (b.T @ b), "b": b - 0.1 * (a @ b)},
    "a sum and what it came from": lambda a, b: {"a": a - ops.sum(a, 0), "b": b / ops.sum(ops.exp(a), 1, True)},
    "rows": lambda a, b: {"a": ops.add_rows(a, b, [3, 0, 3, -1]), "b": ops.add_rows(b, ops.take(b, [1]), [2])},
    "rows of a shrunk table": lambda a, b: {"a": ops.add_rows(a * 0.9, b, [3, 0, 3, -1]), "b": b},
    "constants": lambda a, b: {"a": ops.constant(np.arange(16.0).reshape(4, 4)), "b": ops.broadcast_to(2.0, (4, 4))},
    "what a reshape holds": lambda a, b: {"a": ops.reshape(ops.reshape(b, (16,)), (4, 4)), "b": b * 1.0},
}


def graph_and_values(name: str) -> tuple[Graph, dict[str, Array]]:
    """A case with values for its inputs."""
    generator = np.random.default_rng(0)
    values: dict[str, Array] = {"a": generator.normal(size=(4, 4)), "b": generator.normal(size=(4, 4))}
    return graph_of(CASES[name], a=reals(4, 4), b=reals(4, 4)), values


@pytest.mark.parametrize("name", CASES)
def test_donated_is_not_donated(name: str) -> None:
    graph, values = graph_and_values(name)
    program = Program(graph, "fp64", donated={"a": "a", "b": "b"})
    assert_same_values(program.run(values), evaluate(graph, values), 1e-13)


@pytest.mark.parametrize("name", CASES)
def test_running_leaves_the_inputs_alone_and_results_are_the_callers_own(name: str) -> None:
    graph, values = graph_and_values(name)
    before = {key: value.copy() for key, value in values.items()}
    program = Program(graph, "fp64", donated={"a": "a", "b": "b"})
    first = program.run(values)
    for result in first.values():
        result[...] = 7.0
    assert_same_values(values, before)
    assert_same_values(program.run(values), evaluate(graph, values), 1e-13)


@pytest.mark.parametrize("name", CASES)
def test_a_launch_updates_the_arrays_that_it_was_given(name: str) -> None:
    graph, values = graph_and_values(name)
    program = Program(graph, "fp64", donated={"a": "a", "b": "b"})
    arrays = {key: program.prepared(key, value, copy=True) for key, value in values.items()}
    result = program.launch([arrays])[0]
    assert result["a"] is arrays["a"]
    assert result["b"] is arrays["b"]
    assert_same_values(result, evaluate(graph, values), 1e-13)


@pytest.mark.parametrize("name", CASES)
def test_a_launch_of_three_steps_is_three_launches(name: str) -> None:
    graph, values = graph_and_values(name)
    program = Program(graph, "fp64", donated={"a": "a", "b": "b"})
    arrays = {key: program.prepared(key, value, copy=True) for key, value in values.items()}
    found = program.launch([arrays] * 3)[-1]
    state: Mapping[str, Array] = values
    for _ in range(3):
        expected = evaluate(graph, state)
        state = {"a": expected["a"], "b": expected["b"]}
    assert_same_values(found, expected, 1e-12)


def test_without_donation_outputs_that_are_inputs_or_constants_are_copies() -> None:
    def outputs(a: Node) -> Outputs:
        return {"same": a, "again": a, "constant": ops.constant([1.0, 2.0]), "number": ops.constant(3)}

    graph = graph_of(outputs, a=reals(3))
    program, a = Program(graph, "fp64"), np.arange(3.0)
    for _ in range(2):
        result = program.run({"a": a})
        assert_same_values(result, evaluate(graph, {"a": a}))
        assert not np.shares_memory(result["same"], result["again"])
        for array in result.values():
            array[...] = 9
    np.testing.assert_array_equal(a, [0.0, 1.0, 2.0])


def test_an_update_in_place_needs_no_memory_of_its_own() -> None:
    graph = graph_of(lambda a, b: {"a": a - 0.1 * (b.T @ b)}, a=reals(4, 4), b=reals(4, 4))
    program = Program(graph, donated={"a": "a"})
    assert program.donation.in_place
    assert not program.donation.copied
    assert program.memory_plan().splitlines()[0] == "0 bytes of scratch memory in 0 slots"


def test_rows_are_added_to_a_donated_table_in_its_place() -> None:
    types = {"table": reals(100, 3), "rows": reals(2, 3), "ids": whole(2)}
    program = Program(graph_of(lambda t, r, i: {"table": ops.add_rows(t, r, i)}, **types), donated={"table": "table"})
    assert program.donation.in_place
    table = program.prepared("table", np.zeros((100, 3)), copy=True)
    arrays: Arrays = {"table": table, "rows": np.ones((2, 3), np.float32), "ids": np.array([5, 5])}
    program.launch([arrays])
    np.testing.assert_array_equal(table[5], [2.0, 2.0, 2.0])
    assert table.sum() == 6.0


@pytest.mark.parametrize(
    ("donated", "message"),
    [
        ({"aa": "a"}, "no output 'aa' .did you mean 'a'"),
        ({"a": "bb"}, "no input 'bb' .did you mean 'b'"),
        ({"a": "a", "b": "a"}, "by one output only"),
        ({"sum": "a"}, r"output 'sum', float\[4\], cannot take the place of input 'a', float\[4, 4\]"),
    ],
)
def test_a_donation_that_does_not_fit(donated: dict[str, str], message: str) -> None:
    graph = graph_of(lambda a, b: {"a": a + b, "b": b, "sum": ops.sum(a, 0)}, a=reals(4, 4), b=reals(4, 4))
    with pytest.raises(InputError, match=message):
        Program(graph, donated=donated)


def test_an_array_that_cannot_be_written_to_cannot_be_donated() -> None:
    program = Program(graph_of(lambda a: {"a": a + 1.0}, a=reals(3)), donated={"a": "a"})
    fixed = np.zeros(3, np.float32)
    fixed.flags.writeable = False
    with pytest.raises(InputError, match="input 'a' is donated, and its array cannot be written to"):
        program.launch([{"a": fixed}])
    assert program(a=fixed)["a"].tolist() == [1.0, 1.0, 1.0]
