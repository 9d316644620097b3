"""Errors of operations: one line that names the operation, the shapes with their named sizes, and the user's line."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import Dim, Type, input_node

B, T = Dim("batch"), Dim("time")
X = input_node("x", Type("float", (B, 3)))
Y = input_node("y", Type("float", (T, 3)))
W = input_node("W", Type("float", (4, 5)))
IDS = input_node("ids", Type("int", (B,)))
MASK = input_node("mask", Type("bool", (B, 3)))
OFFSETS = input_node("offsets", Type("int", (B + 1,)))

WRONG: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: X + Y, "add(x float[batch, 3], y float[time, 3])", "(batch, 3) and (time, 3) do not broadcast"),
    (lambda: X - np.zeros(4), "subtract(x float[batch, 3], float64 array (4,))", "do not broadcast"),
    (lambda: X @ W, "matmul(x float[batch, 3], W float[4, 5])", "inner sizes 3 and 4 differ"),
    (lambda: X @ 2, "matmul(x float[batch, 3], 2)", "multiply scalars with *"),
    (lambda: ops.matmul(1.0, W), "matmul(1.0, W float[4, 5])", "multiply scalars with *"),
    (lambda: MASK + MASK, "add(mask bool[batch, 3], mask bool[batch, 3])", "needs numbers, got bool"),
    (lambda: ops.sum(X, axis=2), "sum(x float[batch, 3], axis=2)", "axis 2 is out of range for 2 axes"),
    (lambda: ops.sum(X, (0, 0)), "sum(x float[batch, 3], (0, 0))", "an axis is named twice"),
    (lambda: ops.softmax(X, 5), "logsumexp(x float[batch, 3], 5, keepdims=True)", "axis 5 is out of range"),
    (lambda: ops.max(input_node("e", Type("float", (2, 0))), 1), "max(e float[2, 0])", "has no largest entry"),
    (lambda: ops.reshape(X, (4, B)), "reshape(x float[batch, 3])", "cannot give 3*batch entries the shape (4, batch)"),
    (lambda: ops.reshape(X, (-1, 2)), "reshape(x float[batch, 3], (-1, 2))", "2 does not divide 3*batch"),
    (lambda: ops.reshape(X, (-1, -1)), "reshape(x float[batch, 3], (-1, -1))", "only one size can be -1"),
    (lambda: ops.transpose(X, (0, 0)), "transpose(x float[batch, 3])", "not an order of 2 axes"),
    (lambda: ops.transpose(X, (0, 7)), "transpose(x float[batch, 3], (0, 7))", "axis 7 is out of range"),
    (lambda: ops.broadcast_to(X, (B, 4)), "broadcast(x float[batch, 3])", "does not broadcast to (batch, 4)"),
    (lambda: ops.broadcast_to(X, (3,)), "broadcast_to(x float[batch, 3], (3,))", "more axes"),
    (lambda: ops.squeeze(X, 1), "squeeze(x float[batch, 3], 1)", "only axes of size 1 can go"),
    (lambda: ops.concatenate([X, W], 0), "concatenate(x float[batch, 3], W float[4, 5])", "does not fit"),
    (lambda: ops.concatenate([]), "concatenate([])", "at least one operand"),
    (lambda: ops.pad(X, [(1, 1)]), "pad(x float[batch, 3])", "needs padding for each of 2 axes"),
    (lambda: ops.pad(X, [(1, -1), (0, 0)]), "pad(x float[batch, 3])", "cannot pad by less than nothing"),
    (lambda: ops.take_slice(W, 0, 2, 9), "slice(W float[4, 5])", "slice 2:9 is out of range for size 4"),
    (lambda: ops.take_slice(X, 0, 0, B, 2), "slice(x float[batch, 3])", "a size that is only named (batch)"),
    (lambda: ops.where(X, X, X), "select(x float[batch, 3], x float[batch, 3]", "needs a bool condition"),
    (lambda: ops.where(MASK, X, W), "where(mask bool[batch, 3], x float[batch, 3], W float[4, 5])", "broadcast"),
    (lambda: ops.logical_and(X, MASK), "logical_and(x float[batch, 3]", "needs bool, got float"),
    (lambda: ops.take(W, X), "take(W float[4, 5], x float[batch, 3])", "needs int indices, got float"),
    (lambda: ops.take(1.0, IDS), "take(float[], ids int[batch])", "a table with at least one axis"),
    (lambda: ops.scatter_add(W, IDS, 3), "scatter_add(W float[4, 5], ids int[batch])", "do not begin with"),
    (lambda: ops.take_along(X, IDS, 1), "take_along(x float[batch, 3], ids int[batch])", "an index with 2 axes"),
    (lambda: ops.put_along(X, IDS, 7, 3), "put_along(x float[batch, 3], ids int[batch], 7, 3)", "axis 7"),
    (lambda: ops.add_rows(W, X, IDS), "add_rows(W float[4, 5], x float[batch, 3]", "do not fit a table"),
    (lambda: ops.segment_sum(X, X), "segment_sum(x float[batch, 3]", "needs offsets int[batch+1]"),
    (lambda: ops.segment_repeat(Y, OFFSETS, 9), "segment_repeat(y float[time, 3]", "needs offsets int[batch+1] for"),
    (lambda: ops.cross_entropy(X, X), "take_along(x float[batch, 3]", "needs int indices"),
    (lambda: ops.random_uniform(1.5, 0, (B,)), "random_uniform(float[], int[])", "needs int scalars"),
    (lambda: ops.dropout(X, 1.0, 0, 0), "dropout(x float[batch, 3], 1.0, 0, 0)", "at least 0 and below 1; got 1.0"),
    (lambda: ops.exp("a"), "exp('a')", "expected numbers"),
    (lambda: ops.exp(1j), "exp(1j)", "expected numbers; got an array of dtype complex128"),
    (lambda: ops.exp([[1.0], [2.0, 3.0]]), "exp([[1.0], [2.0, 3.0]])", "a rectangular array"),
    (lambda: X * B, "multiply(x float[batch, 3], batch)", "use lexgrad.size(batch)"),
    (lambda: ops.exp([X, X]), "exp([x float[batch, 3], x float[batch, 3]])", "use lexgrad.stack"),
    (lambda: W[9], "index(W float[4, 5], 9)", "index 9 is out of range for axis 0 of float[4, 5]"),
]


@pytest.mark.parametrize(("call", "operation", "reason"), WRONG)
def test_the_message_names_operation_shapes_and_line(call: Callable[[], Any], operation: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert message.startswith(operation)
    assert reason in message
    assert "\n" not in message
    line = inspect.getsourcelines(call)[1]
    assert message.endswith(f" at {__file__}:{line}")


def test_errors_of_shapes_are_shape_errors() -> None:
    with pytest.raises(ShapeError):
        X + Y


def test_numpys_integers_are_as_good_as_pythons() -> None:
    three: Any = np.int64(3)
    one: Any = np.int32(1)
    for node in [
        ops.reshape(W, (20 // one,)),
        ops.sum(W, axis=one),
        ops.transpose(W, (one, 0)),
        ops.take_slice(W, 0, one, three),
        ops.pad(W, [(one, one), (0, three)]),
        ops.broadcast_to(1.0, (three, 2)),
        ops.random_uniform(three, one, (three,)),
        ops.scatter_add(W, [0, 0, 0, 0], three),
        ops.arange(three),
        ops.one_hot(IDS, three),
        ops.put_along(W, np.zeros((4, 5), int), 0, three),
        ops.segment_repeat(W, [0, 1, 1, 2, 3], three),
    ]:
        for value in (*node.attributes.values(), node.shape):
            assert "np." not in repr(value)
