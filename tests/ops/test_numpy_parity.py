"""Every public function means what its namesake in NumPy means, broadcasting and kinds of numbers included."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.ops.elementwise import numpy_sigmoid
from tests.running import run

X = np.array([[0.5, -1.5, 2.0], [1.0, 0.25, -0.75]])
Y = np.array([[1.5, 0.5, -2.0]])
COLUMN = np.array([[2.0], [-1.0]])
POSITIVE = np.abs(X) + 0.1
I = np.array([[3, -1, 2], [0, 5, -4]])  # noqa: E741
J = np.array([2, 3, 2])
TRUE = np.array([[True, False, True], [False, False, True]])
ROW = np.array([True, False, False])
EMPTY = np.zeros((0, 3))
CUBE = np.arange(24.0).reshape(2, 3, 4) / 7 - 1.5
OFFSETS = np.array([0, 1, 1, 4])
ROWS = np.arange(8.0).reshape(4, 2) - 3.5


def softmax(x: Any, axis: int = -1) -> Any:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def segments(reduce: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def reduced(x: Any, offsets: Any) -> Any:
        parts = [x[a:b] for a, b in itertools.pairwise(offsets)]
        return np.stack([reduce(part) if len(part) else np.zeros(x.shape[1:]) for part in parts])

    return reduced


def scattered(rows: Any, ids: Any, size: int) -> Any:
    result = np.zeros((size, *rows.shape[ids.ndim :]))
    np.add.at(result, ids[ids >= 0], rows[ids >= 0])
    return result


def put(x: Any, index: Any, axis: int, size: int) -> Any:
    result = np.zeros([size if i == axis else n for i, n in enumerate(x.shape)])
    for place in np.ndindex(*x.shape):
        to = list(place)
        to[axis] = index[place]
        result[tuple(to)] += x[place]
    return result


def order(ids: Any) -> Any:
    met = list(dict.fromkeys(ids[ids >= 0].tolist()))
    return np.array([met.index(number) if number >= 0 else -1 for number in ids.tolist()])


def distinct(ids: Any) -> Any:
    met = list(dict.fromkeys(ids[ids >= 0].tolist()))
    return np.array(met + [-1] * (len(ids) - len(met)))


def replaced(table: Any, rows: Any, ids: Any) -> Any:
    result = table.copy()
    result[ids[ids >= 0]] = rows[ids >= 0]
    return result


def of_list(function: Callable[..., Any], axis: int) -> Callable[..., Any]:
    return lambda *parts: function(parts, axis)


Call = tuple[str, Callable[..., Any], Callable[..., Any], tuple[Any, ...]]


def same(name: str, *arguments: Any, numpy: Callable[..., Any] | None = None, **options: Any) -> Call:
    """The function of that name here and in NumPy, on these arguments with these options."""
    theirs = numpy or getattr(np, name)
    return (
        name,
        lambda *nodes: getattr(ops, name)(*nodes, **options),
        lambda *arrays: theirs(*arrays, **options),
        arguments,
    )


FUNCTIONS = "exp tanh sin cos absolute abs sign negative square"
BINARY = "add subtract multiply maximum minimum"
COMPARISONS = "equal not_equal less less_equal greater greater_equal"
NEW_AXIS = (slice(None), None)

CALLS: list[Call] = [
    *(same(name, x) for name in FUNCTIONS.split() for x in (X, EMPTY, np.float64(-0.5))),
    *(same(name, x) for name in ("negative", "absolute", "sign", "square") for x in (I,)),
    *(same(name, x) for name in ("log", "sqrt") for x in (POSITIVE, J)),
    same("sigmoid", X, numpy=numpy_sigmoid),
    same("sigmoid", X, numpy=lambda x: 1 / (1 + np.exp(-x))),
    same("log_sigmoid", X, numpy=lambda x: -np.log(1 + np.exp(-x))),
    same("softplus", X, numpy=lambda x: np.log(1 + np.exp(x))),
    same("softplus", np.array([-800.0, 0.0, 800.0]), numpy=lambda x: np.array([0.0, np.log(2), 800.0])),
    same("relu", X, numpy=lambda x: np.maximum(x, 0)),
    same("stop_gradient", X, numpy=np.array),
    *(same(name, *pair) for name in BINARY.split() for pair in [(X, Y), (X, COLUMN), (Y, COLUMN), (X, 2), (I, J)]),
    *(same(name, I, X) for name in BINARY.split()),
    *(same(name, *pair) for name in ("add", "multiply") for pair in [(TRUE, I), (X, TRUE), (EMPTY, Y)]),
    *(same("divide", *pair) for pair in [(X, COLUMN), (I, J), (1, POSITIVE), (X, np.float64(4.0))]),
    *(same("power", *pair) for pair in [(POSITIVE, X), (X, 2.0), (X, 3.0), (X, 0.0), (POSITIVE, COLUMN)]),
    same("power", J, I, numpy=lambda x, y: np.power(x.astype(float), y)),
    *(same(name, *pair) for name in COMPARISONS.split() for pair in [(X, Y), (I, J), (I, 2.5), (TRUE, ROW)]),
    *(same(name, TRUE, ROW) for name in ("logical_and", "logical_or")),
    same("logical_not", TRUE),
    *(same("where", *three) for three in [(TRUE, X, Y), (TRUE, I, 2.5), (ROW, COLUMN, 0), (True, X, I)]),
    same("cast", X, dtype="int", numpy=lambda x, dtype: x.astype(np.int64)),
    same("cast", I, dtype="float", numpy=lambda x, dtype: x.astype(float)),
    same("cast", X, dtype="bool", numpy=lambda x, dtype: x.astype(bool)),
    *(
        same(name, x, axis=axis, keepdims=keepdims)
        for name in ("sum", "mean")
        for x, axes in [(CUBE, (None, 0, -1, (0, 2), ())), (I, (None, 1)), (TRUE, (None, 0)), (np.float64(3), (None,))]
        for axis in axes
        for keepdims in (False, True)
    ),
    same("sum", EMPTY, axis=0),
    *(
        same(name, x, axis=axis, keepdims=keepdims)
        for name in ("max", "min")
        for x, axes in [(CUBE, (None, 0, -1, (0, 2))), (I, (None, 1)), (np.float64(3), (None,))]
        for axis in axes
        for keepdims in (False, True)
    ),
    *(same("logsumexp", CUBE, axis=a, keepdims=k, numpy=logsumexp) for a in (None, 1, (0, 2)) for k in (False, True)),
    same("logsumexp", np.array([1000.0, 1000.0]), numpy=lambda x: np.float64(1000 + np.log(2))),
    same("logsumexp", np.zeros((2, 0)), axis=1, numpy=lambda x, axis: np.full(2, -np.inf)),
    same("logsumexp", np.full((2, 2), -np.inf), axis=1, numpy=lambda x, axis: np.full(2, -np.inf)),
    *(same("argmax", x, axis=axis) for x in (CUBE, I) for axis in (None, 0, -1)),
    same("argmax", np.array([1.0, 3.0, 3.0])),
    same("reshape", CUBE, shape=(4, -1)),
    same("reshape", CUBE, shape=-1),
    same("reshape", EMPTY, shape=(-1, 3)),
    *(same("squeeze", CUBE[:, None], axis=axis) for axis in (None, 1, -3)),
    *(same("expand_dims", X, axis=axis) for axis in (0, 1, 2, -1)),
    *(same("transpose", CUBE, axes=axes) for axes in (None, (1, 0, 2), (-1, 0, 1))),
    *(same("broadcast_to", x, shape=(2, 2, 3)) for x in (X, Y, np.float64(1.0), J)),
    same("broadcast_to", COLUMN, shape=(2, 0)),
    *(
        (name, of_list(getattr(ops, name), axis), of_list(getattr(np, name), axis), arrays)
        for name, axis, arrays in [
            ("concatenate", 0, (X, Y)), ("concatenate", -1, (X, COLUMN, X)), ("concatenate", 0, (X, I)),
            ("concatenate", 0, (EMPTY, X)), ("stack", 0, (X, X)), ("stack", -1, (X, I, X)), ("stack", 0, (1.0, 2.0)),
        ]
    ),
    same("pad", X, widths=[(1, 0), (2, 3)], numpy=lambda x, widths: np.pad(x, pad_width=widths)),
    *(same("reverse", CUBE, axis=axis, numpy=np.flip) for axis in (None, 1, (0, -1))),
    same("take_slice", CUBE, axis=1, start=1, stop=3, numpy=lambda x, axis, start, stop: x[:, start:stop]),
    same("take_slice", CUBE, axis=-1, start=0, stop=4, step=3, numpy=lambda x, axis, start, stop, step: x[..., ::3]),
    *(
        same("matmul", x, y)
        for x, y in [
            (X, X.T), (X, Y[0]), (COLUMN[:, 0], X), (Y[0], Y[0]), (CUBE, CUBE[0].T), (X, CUBE), (CUBE, CUBE[0, 0]),
            (np.ones(3), CUBE), (CUBE[:, None], CUBE[None].swapaxes(-1, -2)), (CUBE[:1], CUBE.swapaxes(1, 2)),
            (EMPTY, X.T), (EMPTY.T, EMPTY), (I, X.T),
        ]
    ),
    ("take", ops.take, lambda x, ids: x[ids], (X, np.array([[1, 0], [1, 1]]))),
    ("take", ops.take, lambda x, ids: x[ids], (X, 1)),
    ("take", ops.take, lambda x, ids: np.array([[0, 0, 0], x[1]]), (X, np.array([-1, 1]))),
    same("scatter_add", CUBE, np.array([3, 3]), size=5, numpy=scattered),
    same("scatter_add", CUBE, np.array([[0, 1, -1], [-1, 0, 0]]), size=2, numpy=scattered),
    ("add_rows", ops.add_rows, lambda t, rows, ids: t + scattered(rows, ids, 2), (X, X[[0, 0]], np.array([1, 1]))),
    ("set_rows", ops.set_rows, replaced, (X, X[[1, 0, 1]] + 1, np.array([1, -1, 0]))),
    ("order_met", ops.order_met, order, (np.array([4, 2, 4, -1, 0, 2]),)),
    ("distinct", ops.distinct, distinct, (np.array([4, 2, 4, -1, 0, 2]),)),
    ("combine_rows", ops.combine_rows, lambda rows, ids: scattered(rows, order(ids), 2), (X, np.array([7, 7]))),
    same("take_along", X, np.array([[2, 0], [1, 1]]), axis=1, numpy=np.take_along_axis),
    same("take_along", X, np.array([[1, 0, 1]]), axis=0, numpy=np.take_along_axis),
    (
        "add_along",
        lambda x, v, i: ops.add_along(x, v, i, 1),
        lambda x, v, i: x + put(v, i, 1, 3),
        (X, X, np.array([[2, 0, 2], [1, 1, 1]])),
    ),
    same("put_along", X, np.array([[2, 0, 2], [1, 1, 1]]), axis=1, size=4, numpy=put),
    *(
        (name, getattr(ops, name), segments(reduce), (x, OFFSETS))
        for name, reduce in [
            ("segment_sum", lambda part: part.sum(0)),
            ("segment_mean", lambda part: part.mean(0)),
            ("segment_max", lambda part: part.max(0)),
        ]
        for x in (ROWS, ROWS[:, 0], ROWS[:, :0])
    ),
    ("segment_argmax", ops.segment_argmax, lambda x, o: np.array([[0, 0], [-1, -1], [3, 3]]), (ROWS, OFFSETS)),
    ("segment_lengths", ops.segment_lengths, np.diff, (OFFSETS,)),
    same("segment_repeat", CUBE[0], OFFSETS, length=4, numpy=lambda x, o, length: np.repeat(x, np.diff(o), 0)),
    ("arange", lambda: ops.arange(4), lambda: np.arange(4), ()),
    ("size", lambda: ops.size((2, 3)), lambda: np.float64(6), ()),
    ("constant", lambda: ops.constant([[1, 2], [3, 4]]), lambda: np.array([[1, 2], [3, 4]]), ()),
    *(same("softmax", CUBE, axis=axis, numpy=softmax) for axis in (-1, 0)),
    same("softmax", np.array([1000.0, 0.0]), numpy=lambda x: np.array([1.0, 0.0])),
    same("log_softmax", CUBE, axis=1, numpy=lambda x, axis: np.log(softmax(x, axis))),
    ("cross_entropy", ops.cross_entropy, lambda z, y: -np.log(softmax(z)[[0, 1], y]), (X, np.array([2, 0]))),
    ("cross_entropy", ops.cross_entropy, lambda z, y: -np.log(softmax(z)[1]), (X[0], 1)),
    (
        "binary_cross_entropy",
        ops.binary_cross_entropy,
        lambda z, y: -(y * np.log(1 / (1 + np.exp(-z))) + (1 - y) * np.log(1 - 1 / (1 + np.exp(-z)))),
        (X, TRUE.astype(float)),
    ),
    ("linear", ops.linear, lambda x, w, b: x @ w + b, (X, X.T, np.array([1.0, 2.0]))),
    ("linear", ops.linear, lambda x, w: x @ w, (X, X.T)),
    ("one_hot", lambda ids: ops.one_hot(ids, 4), lambda ids: np.eye(4)[ids], (np.array([[1, 3], [0, 0]]),)),
    ("dropout", lambda x: ops.dropout(x, 0.0, 1, 1), np.array, (X,)),
    ("index", lambda x: ops.index(x, NEW_AXIS), lambda x: x[NEW_AXIS], (X,)),
]  # fmt: skip

NOT_NUMPYS = {
    "Operand": "a type",
    "lift": "makes nodes",
    "type_of": "makes types",
    "random_uniform": "see test_random.py",
    "rnn_cell": "see test_cells.py",
    "lstm_cell": "see test_cells.py",
    "gru_cell": "see test_cells.py",
}


def test_no_function_is_missing() -> None:
    assert {name for name, *_ in CALLS} | set(NOT_NUMPYS) == set(ops.__all__)


@pytest.mark.parametrize("call", [pytest.param(call, id=f"{call[0]}-{i}") for i, call in enumerate(CALLS)])
def test_it_means_what_numpy_means(call: Call) -> None:
    _, ours, theirs, arguments = call
    found, expected = run(ours, *arguments), np.asarray(theirs(*arguments))
    assert found.dtype.kind == expected.dtype.kind
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


OPERATORS: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y,
    lambda x, y: x / y,
    lambda x, y: x**y,
    lambda x, y: x @ y,
    lambda x, y: x < y,
    lambda x, y: x <= y,
    lambda x, y: x > y,
    lambda x, y: x >= y,
]


@pytest.mark.parametrize("operate", OPERATORS)
def test_the_signs_mean_it_with_arrays_on_either_side(operate: Callable[[Any, Any], Any]) -> None:
    x, y = np.abs(CUBE[0, :, :3]) + 0.5, np.abs(CUBE[1, :, :3]) + 0.25
    expected = operate(x, y)
    np.testing.assert_allclose(run(operate, x, y), expected, rtol=1e-14)
    np.testing.assert_allclose(run(lambda x: operate(x, y), x), expected, rtol=1e-14)
    np.testing.assert_allclose(run(lambda y: operate(x, y), y), expected, rtol=1e-14)


def test_unary_signs() -> None:
    for operate in (lambda x: -x, abs, lambda x: +x, lambda x: x.T):
        np.testing.assert_array_equal(run(operate, X), operate(X))
