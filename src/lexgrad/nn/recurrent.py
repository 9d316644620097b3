"""Recurrent layers over packed texts, one or both ways, with no arithmetic on padding but in the recurrence itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.graph import Node
from lexgrad.ops.composed import lstm_update, parts
from lexgrad.trace import scan

CELLS = {"rnn": 1, "lstm": 4, "gru": 3}
"""Kinds of cells, and how many times as wide as the state their weighted sums are."""


class Recurrence(NamedTuple):
    """The weights of one way through a text: W (inputs, g units), U (units, g units), b (g units), g of ``CELLS``."""

    W: Node
    U: Node
    b: Node


def places(offsets: Node, clock: Node, backwards: bool) -> Node:
    """Where each text's t-th row stands, from its beginning or from its end: an int (time, batch); -1 behind the last.

    Args:
        offsets: where each text begins, and the end of the last (batch + 1,).
        clock: 0, 1, ... (time,), at least as many as the longest text has rows.
        backwards: count from each text's end.
    """
    count = offsets.shape[0] - 1
    begins, ends = ops.take_slice(offsets, 0, 0, count), ops.take_slice(offsets, 0, 1, count + 1)
    t = ops.expand_dims(clock, 1)
    return ops.where(t < ends - begins, ends - 1 - t if backwards else begins + t, -1)


def recurrent(kind: str, x: Node, offsets: Node, clock: Node, ways: Sequence[Recurrence]) -> list[Node]:
    """The states of a recurrent layer at every row of packed texts, from the state 0 before each text.

    The weighted sums of inputs are one product over all rows. Texts then go side by side, as many steps as the longest
    has rows: what a shorter one computes behind its end nobody reads. The second way starts at each text's end.

    Args:
        kind: a key of ``CELLS``.
        x: rows (tokens, inputs).
        offsets: where each text begins, and the end of the last (batch + 1,).
        clock: 0, 1, ... (time,), at least as many as the longest text has rows.
        ways: the weights from the beginning on; where there are two, those from the end on come second.

    Returns:
        (tokens, units) for each way.

    Raises:
        InputError: there is no such kind.
    """
    if kind not in CELLS:
        raise InputError(f"a recurrent cell is one of {', '.join(CELLS)}; got {kind!r}")
    rows = [places(offsets, clock, backwards) for backwards in (False, True)[: len(ways)]]
    sums = [ops.take(ops.matmul(x, way.W) + way.b, row) for way, row in zip(ways, rows, strict=True)]
    zeros = [ops.broadcast_to(0.0, (offsets.shape[0] - 1, way.U.shape[0])) for way in ways]
    start = [(zero, zero) if kind == "lstm" else (zero,) for zero in zeros]

    def step(states: list[tuple[Node, ...]], z: list[Node]) -> tuple[list[tuple[Node, ...]], list[Node]]:
        new = [cell_update(kind, state, z_t, way.U) for state, z_t, way in zip(states, z, ways, strict=True)]
        return new, [state[0] for state in new]

    _, stacks = scan(step, start, sums)
    tokens = x.shape[0]
    # Each row stands in the stack once, so this puts it back to its place.
    return [ops.scatter_add(stack, row, tokens) for stack, row in zip(stacks, rows, strict=True)]


def cell_update(kind: str, state: tuple[Node, ...], z: Node, U: Node) -> tuple[Node, ...]:
    """One step of a cell, from the weighted sums of its inputs.

    Args:
        kind: a key of ``CELLS``.
        state: (h,), or (h, c) of an LSTM; each (batch, units).
        z: the input's weighted sums with the bias (batch, g units), g of ``CELLS``.
        U: the state's weights (units, g units).

    Returns:
        the new state, the output h first.
    """
    if kind == "lstm":
        return lstm_update(z + ops.matmul(state[0], U), state[1])
    if kind == "rnn":
        return (ops.tanh(z + ops.matmul(state[0], U)),)
    (h,) = state
    of_input, of_state = parts(z, 3), parts(ops.matmul(h, U), 3)
    r, update = (ops.sigmoid(a + b) for a, b in zip(of_input[:2], of_state[:2], strict=True))
    n = ops.tanh(of_input[2] + r * of_state[2])
    return ((1.0 - update) * n + update * h,)
