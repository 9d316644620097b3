"""Bad input gives the interpreter's own error, word for word, and never reads or writes outside of what there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.errors import InputError
from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Graph, input_node
from lexgrad.ops.segment import segment_argmax
from tests.comparing import assert_same_values
from tests.compile.running import Array, graph_of, reals, run, truths, whole

N, M = Dim("n"), Dim("m")
OFFSETS = [[0, 2, 1, 4], [1, 2, 3, 4], [0, 2, 3, 5], [0, 2, 3, 3], [0, -9, 2**60, 4], [4, 4, 4, 4], [-1, 0, 0, 4]]
IDS = [[0, 5], [0, -2], [2**62, -(2**63)], [5, -1]]

ROWS: dict[str, Callable[[Any, Any], Any]] = {
    "take": ops.take,
    "scatter_add": lambda x, ids: ops.scatter_add(ops.take(x, [0, 1]), ids, 5),
    "add_rows": lambda x, ids: ops.add_rows(x, ops.take(x, [0, 1]), ids),
    "take_along": lambda x, ids: ops.take_along(x, ops.broadcast_to(ops.expand_dims(ids, 1), (2, 3)), 0),
    "put_along": lambda x, ids: ops.put_along(x[:2], ops.broadcast_to(ops.expand_dims(ids, 1), (2, 3)), 0, 5),
    "put_along, one": lambda x, ids: ops.put_along(x[:2, :1], ops.expand_dims(ids, 1), 1, 5),
    "take of a computed table": lambda x, ids: ops.sum(ops.take(ops.tanh(x) + 1.0, ids) * 2.0),
    "computed ids": lambda x, ids: ops.take(x, ops.maximum(ids, ids)),
}
TEXTS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "segment_sum": lambda x, offsets, texts: ops.segment_sum(x, offsets),
    "segment_max": lambda x, offsets, texts: ops.segment_max(x, offsets),
    "segment_argmax": lambda x, offsets, texts: segment_argmax(x, offsets),
    "segment_repeat": lambda x, offsets, texts: ops.segment_repeat(texts, offsets, N) + x,
}


def same_error(graph: Graph, values: dict[str, Any]) -> None:
    """Compiled and evaluated raise the same kind of error with the same message."""
    with pytest.raises(InputError) as expected:
        evaluate(graph, values)
    with pytest.raises(InputError) as found:
        run(graph, values)
    assert str(found.value) == str(expected.value)
    assert type(found.value) is type(expected.value)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("rows", [5, N], ids=["known", "named"])
def test_ids_out_of_range(name: str, rows: Any) -> None:
    graph = graph_of(ROWS[name], x=reals(rows, 3), ids=whole(2))
    x = np.arange(15.0).reshape(5, 3)
    program = Program(graph, "fp64")
    for ids in IDS:
        values = {"x": x, "ids": np.array(ids)}
        with pytest.raises(InputError) as expected:
            evaluate(graph, values)
        with pytest.raises(InputError) as found:
            program.run(values)
        assert str(found.value) == str(expected.value)
        assert ".py:" in str(found.value)  # the line that made the node
    fine = {"x": x, "ids": np.array([-1, 4])}
    assert_same_values(program.run(fine), evaluate(graph, fine), 1e-12)


@pytest.mark.parametrize("name", TEXTS)
def test_offsets_that_do_not_cut_the_rows(name: str) -> None:
    graph = graph_of(TEXTS[name], x=reals(N, 3), offsets=whole(M + 1), texts=reals(M, 3))
    program = Program(graph, "fp64")
    for offsets in OFFSETS:
        values = {"x": np.ones((4, 3)), "offsets": np.array(offsets), "texts": np.ones((3, 3))}
        with pytest.raises(InputError) as expected:
            evaluate(graph, values)
        with pytest.raises(InputError) as found:
            program.run(values)
        assert str(found.value) == str(expected.value)


def test_of_two_faults_the_first_is_told() -> None:
    types = {"x": reals(5, 3), "i": whole(M), "j": whole(M)}
    graph = graph_of(lambda x, i, j: {"a": ops.take(x, i), "b": ops.take(x, j)}, **types)
    same_error(graph, {"x": np.ones((5, 3)), "i": [7], "j": [8]})
    same_error(graph, {"x": np.ones((5, 3)), "i": [0], "j": [8]})


def test_a_fault_in_any_step_of_a_launch_is_told() -> None:
    graph = graph_of(ops.take, x=reals(5), i=whole(M))
    program = Program(graph)
    x = np.ones(5, np.float32)
    with pytest.raises(InputError, match="index 9 is out of range for 5 rows"):
        program.launch([{"x": x, "i": np.array([i])} for i in (3, 9, 2, 11)])
    assert program.launch([{"x": x, "i": np.array([3])}])[0]["out"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("function", "rows"),
    [
        (lambda x: ops.max(x, 0), 0),
        (lambda x: ops.argmax(x, 0), 0),
        (lambda x: x[2:], 1),
        (lambda x: x[:-2], 1),
        (lambda x: ops.pad(x[3:], [(1, 1), (0, 0)]), 2),
    ],
    ids=["max", "argmax", "slice from", "slice to", "slice inside"],
)
def test_named_sizes_that_do_not_go(function: Callable[[Any], Any], rows: int) -> None:
    same_error(graph_of(function, x=reals(N, 2)), {"x": np.ones((rows, 2))})


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"x": np.ones(3)},
        {"x": np.ones(3), "i": [1, 2, 3], "y": 1.0},
        {"x": np.ones(4), "i": [1, 2, 3]},
        {"x": np.ones((3, 1)), "i": [1, 2, 3]},
        {"x": 1.0, "i": [1, 2, 3]},
        {"x": np.ones(3), "i": [1.0, 2.0, 3.0]},
        {"x": np.ones(3), "i": [True, False, True]},
        {"x": np.ones(3, bool), "i": [1, 2, 3]},
        {"x": np.array(["a", "b", "c"]), "i": [1, 2, 3]},
        {"x": np.ones(3, complex), "i": [1, 2, 3]},
        {"x": np.ones(3), "i": [1, 2]},
    ],
)
def test_inputs_that_do_not_fit(values: dict[str, Any]) -> None:
    same_error(graph_of(lambda x, i: x * i, x=reals(N), i=whole(N)), values)


@pytest.mark.parametrize(
    "x",
    [
        [1, 2, 3],
        np.arange(3, dtype=np.int16),
        np.arange(3.0, dtype=">f8"),
        np.arange(6.0)[::2],
        np.arange(6.0)[::-2],
        np.frombuffer(b"\0" + np.arange(3.0).tobytes(), np.float64, offset=1),
        np.array([1, 2, 3], np.float16),
    ],
    ids=["list", "ints", "big-endian", "strided", "backwards", "not aligned", "half"],
)
def test_inputs_of_any_make(x: Any) -> None:
    graph = graph_of(lambda x: x * 2.0, x=reals(3))
    assert_same_values(run(graph, {"x": x}), evaluate(graph, {"x": x}))


def test_a_launch_takes_what_it_can_read_and_nothing_else() -> None:
    program = Program(graph_of(lambda x: x * 2.0, x=reals(3)))
    for wrong in (np.ones(3), np.ones(6, np.float32)[::2]):
        with pytest.raises(InputError, match=r"input 'x' should be an array that Program.prepared made"):
            program.launch([{"x": wrong}])
    with pytest.raises(InputError, match="needs a value for x"):
        program.launch([{}])
    assert program.launch([]) == []


def test_a_precision_or_a_number_of_threads_that_there_is_not() -> None:
    graph = graph_of(lambda x: x, x=reals(3))
    with pytest.raises(InputError, match="precision is one of fp32, fp64, bf16; got 'fp8'"):
        Program(graph, "fp8")  # type: ignore[arg-type]
    for threads in 0, -1:
        with pytest.raises(InputError, match="at least 1 thread"):
            Program(graph, threads=threads)


def empty(*shape: int) -> Array:
    """An array without entries whose memory is followed by nothing of ours."""
    return np.empty(shape)


@pytest.mark.parametrize("rows", [0, N], ids=["known", "named"])
def test_an_empty_table_has_no_rows_but_nothing_can_be_taken_from_it(rows: Any) -> None:
    # Each row would be 8 MB: reading one would be noticed.
    graph = graph_of(lambda x, ids: ops.sum(ops.take(x, ids)), x=reals(rows, 1_000_000), ids=whole(M))
    program = Program(graph, "fp64")
    values = {"x": empty(0, 1_000_000), "ids": np.array([-1, -1])}
    assert program.run(values)["out"] == 0.0
    with pytest.raises(InputError, match="index 0 is out of range for 0 rows"):
        program.run({**values, "ids": np.array([0])})


@pytest.mark.parametrize("ids", [[-1, -1, -1], [-1, 0, -1]])
def test_nothing_is_added_where_there_are_no_rows(ids: list[int]) -> None:
    types = {"rows": reals(M, 40_000), "ids": whole(M), "size": reals(N)}

    def outputs(rows: Any, ids: Any, size: Any) -> dict[str, Any]:
        many = ops.broadcast_to(ops.expand_dims(ids, 1), rows.shape)
        wide = ops.scatter_add(rows, ids, N)
        thin = ops.scatter_add(ops.sum(rows, 1), ids, N)
        return {"wide": wide, "thin": thin, "along": ops.put_along(rows, many, 0, N), "size": size}

    graph = graph_of(outputs, **types)
    values = {"rows": np.ones((3, 40_000)), "ids": np.array(ids), "size": empty(0)}
    if min(ids) == max(ids):
        assert_same_values(run(graph, values), evaluate(graph, values))
    else:
        same_error(graph, values)


@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_padding_of_what_may_be_empty(rows: int) -> None:
    def outputs(x: Any, y: Any) -> dict[str, Any]:
        one = [(1, 2), (0, 0)]
        return {
            "plain": ops.pad(x, one),
            "computed": ops.pad(ops.exp(x) * 2.0, one),
            "reversed": ops.pad(ops.reverse(x, 0) + 1.0, one),
            "cut": ops.pad(ops.tanh(y[3:]), one),
            "cut and reversed": ops.pad(ops.reverse(y[3:], 0), one),
            "turned": ops.pad(x.T, [(0, 0), (2, 1)]),
            "twice": ops.pad(ops.pad(x * 2.0, one)[1:], [(0, 1), (2, 0)]),
        }

    graph = graph_of(outputs, x=reals(N, 500), y=reals(N + 3, 500))
    values = {"x": np.ones((rows, 500)), "y": np.ones((rows + 3, 500))}
    assert_same_values(run(graph, values), evaluate(graph, values), 1e-12)


def test_names_may_have_any_letters() -> None:
    length = Dim("größe")
    x = input_node("ä", reals(length, 2))
    graph = Graph({"ä": x}, {"Σ ä": ops.sum(x, 0).named("Σ ä"), "größe": ops.size(length)})
    values = {"ä": np.ones((3, 2))}
    assert_same_values(run(graph, values), evaluate(graph, values))


def test_booleans_of_any_byte_are_true() -> None:
    graph = graph_of(lambda x: {"same": ops.logical_not(ops.logical_not(x)), "count": ops.sum(x)}, x=truths(3))
    x = np.array([0, 1, 255], np.uint8).view(bool)
    found = run(graph, {"x": x})
    assert found["same"].tolist() == [False, True, True]
    assert found["count"] == 2
