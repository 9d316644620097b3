"""``x[...]`` in all its forms, against NumPy, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lexgrad as lg
from lexgrad.errors import InputError, ShapeError
from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Graph, Type, input_node
from tests.running import run


@st.composite
def keys(draw: Any, shape: tuple[int, ...]) -> Any:
    """An index of an array of this shape: numbers, slices, None, ... and integer arrays that stand side by side."""
    used = draw(st.integers(0, len(shape)))
    leading = draw(st.integers(0, used))  # axes that the index names before its dots
    axes = [*range(leading), *range(len(shape) - (used - leading), len(shape))]
    array_from = draw(st.integers(0, len(axes)))
    array_until = draw(st.integers(array_from, min(array_from + 2, len(axes))))
    broadcast = draw(st.sampled_from([(), (2,), (2, 3), (0,)]))
    together = all(
        b == a + 1 for a, b in zip(axes[array_from:array_until], axes[array_from + 1 : array_until], strict=False)
    )
    parts: list[Any] = []
    for position, axis in enumerate(axes):
        size = shape[axis]
        if array_from <= position < array_until and together and size:
            whole = st.integers(-size, size - 1)
            count = int(np.prod(broadcast))
            flat = draw(st.lists(whole, min_size=count, max_size=count))
            parts.append(np.array(flat, dtype=np.int64).reshape(broadcast))
        elif size and draw(st.booleans()):
            parts.append(draw(st.integers(-size, size - 1)))
        else:
            parts.append(draw(st.slices(size)))
    # A number beside an array is an array to NumPy; here they stand apart, so keep one kind.
    if any(isinstance(part, np.ndarray) for part in parts):
        parts = [slice(part, part + 1 or None) if isinstance(part, int) else part for part in parts]
    elif draw(st.booleans()):
        parts.insert(draw(st.integers(0, leading)), None)
        leading += 1
    if leading < len(parts) or draw(st.booleans()):
        parts.insert(leading, Ellipsis)
    return tuple(parts) if len(parts) != 1 or draw(st.booleans()) else parts[0]


@given(st.data())
def test_it_means_what_numpy_means(data: Any) -> None:
    shape = tuple(data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=4)))
    x = np.arange(float(np.prod(shape))).reshape(shape)
    key = data.draw(keys(shape))
    expected = x[key]
    found = run(lambda x: x[key], x)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


X = np.arange(60.0).reshape(3, 4, 5)


@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        np.int64(2),
        (1, 2, 3),
        (..., 0),
        (slice(None), [0, 2]),
        [2, 0, 0],
        ([0, 1], [3, -1]),
        (slice(1), np.array([[0, 1], [2, -1]]), slice(None, None, -2)),
        (None, 0, None, ..., None),
        slice(5, 1),
        slice(None, None, -1),
        slice(-2, None),
        (slice(-100, 100), slice(3, 0, -2)),
        (),
        ...,
        [],
        np.array([0, 1], np.uint8),
    ],
)
def test_forms(key: Any) -> None:
    np.testing.assert_array_equal(run(lambda x: x[key], X), X[key])


def test_nodes_as_indices() -> None:
    ids, columns = np.array([[0, 2], [1, 1]]), np.array([3, 0])
    np.testing.assert_array_equal(run(lambda x, i: x[i], X, ids), X[ids])
    np.testing.assert_array_equal(run(lambda x, i: x[:, i], X, ids), X[:, ids])
    np.testing.assert_array_equal(run(lambda x, i, j: x[i, j], X, ids, columns), X[ids, columns])
    np.testing.assert_array_equal(run(lambda x, i: x[i], X, 2), X[2])


def test_in_a_node_minus_1_stands_for_nothing() -> None:
    rows, columns = np.array([-1, 0, 1, -1]), np.array([1, -1, 2, -1])
    found = run(lambda x, i, j: x[i, j], X, rows, columns)
    np.testing.assert_array_equal(found, [np.zeros(5), np.zeros(5), X[1, 2], np.zeros(5)])


@pytest.mark.parametrize(("row", "column"), [(0, 4), (0, -2), (-2, 0), (3, 0), (2, 4), (-1, 9)])
def test_a_node_out_of_range_never_reads_another_row(row: int, column: int) -> None:
    if row == -1:
        np.testing.assert_array_equal(run(lambda x, i, j: x[i, j], X, row, column), np.zeros(5))
        return
    with pytest.raises(InputError, match="out of range"):
        run(lambda x, i, j: x[i, j], X, row, column)


def test_named_sizes() -> None:
    x = input_node("x", Type("float", (Dim("n"), 4)))
    n = Dim("n")
    parts = {"first": x[0], "last": x[-1], "tail": x[1:], "head": x[:-1], "two": x[:2], "half": x[1:n], "none": x[None]}
    graph = Graph({"x": x}, parts)
    assert graph.output_types["tail"].shape == (n - 1, 4)
    value = np.arange(12.0).reshape(3, 4)
    found = evaluate(graph, {"x": value})
    for name, expected in {
        "first": value[0], "last": value[-1], "tail": value[1:], "head": value[:-1], "two": value[:2],
        "half": value[1:], "none": value[None],
    }.items():  # fmt: skip
        np.testing.assert_array_equal(found[name], expected)
    with pytest.raises(InputError, match=r"slice\(x float\[n, 4\]\): slice 0:2 is out of range for size 1"):
        evaluate(graph, {"x": value[:1]})


BAD: list[tuple[Any, type[Exception], str]] = [
    (3, ShapeError, "index 3 is out of range for axis 0"),
    (-4, ShapeError, "index -4 is out of range for axis 0"),
    ((0, 0, 0, 0), ShapeError, "4 indices are too many for 3 axes"),
    ((..., ...), ShapeError, "one ... at most"),
    (True, InputError, "a boolean is not an index"),
    (np.array([True, False, True]), InputError, "holds integers; got bool"),
    ("a", InputError, "an index is an integer, a slice"),
    (1.5, InputError, "an index is an integer, a slice"),
    ([0.5], InputError, "holds integers; got float64"),
    ([0, 3], ShapeError, "an index is out of range for axis 0"),
    (([0], slice(None), [1]), InputError, "must stand side by side"),
]


@pytest.mark.parametrize(("key", "kind", "message"), BAD)
def test_what_it_refuses(key: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        run(lambda features: features[key], X)
    assert "features float[3, 4, 5]" in str(caught.value)
    assert __file__ in str(caught.value)


def test_a_named_size_wants_a_step_of_1() -> None:
    x = input_node("x", Type("float", (Dim("n"),)))
    with pytest.raises(ShapeError, match="has a named size: a slice of it has step 1"):
        x[::2]
    with pytest.raises(ShapeError, match="out of range for axis 0"):
        x[[0, 1]]
    with pytest.raises(InputError, match="holds integers; got float"):
        x[lg.sum(x)]
