"""Recurrent layers over texts that are packed step by step, from either end, and pooling over their steps."""

from __future__ import annotations

from typing import NamedTuple

from lexgrad import ops
from lexgrad.graph import Node
from lexgrad.ops.composed import lstm_update, parts
from lexgrad.trace import packed_scan

CELLS = {"rnn": 1, "lstm": 4, "gru": 3}
"""Kinds of cells, and how many times as wide as the state their weighted sums are."""

POOLS = ("last", "mean", "max")
LOWEST = -3e38
"""Below every state, in single precision too."""


class Weights(NamedTuple):
    """The weights of one way through texts; g as ``CELLS`` has it.

    Attributes:
        W: of what comes in (inputs, g units).
        U: of the state (units, g units).
        b: (g units,).
        b_n: of a GRU (units,): the bias of the state's part of the new state, which r acts upon; else None.
    """

    W: Node
    U: Node
    b: Node
    b_n: Node | None = None


def recurrence(
    kind: str, x: Node, steps: Node, batch: Node, weights: Weights, *, reverse: bool = False
) -> tuple[Node, Node]:
    """The states of a recurrent layer, from the state 0 before each text; see ``ops.rnn_cell`` and its like.

    What comes in is multiplied by W for all words at once, before the loop.

    Args:
        kind: a key of ``CELLS``.
        x: rows (tokens, inputs), packed step by step: see ``lexgrad.packed_scan``.
        steps: where the rows of each step begin (time + 1,).
        batch: any node whose first axis has an entry for every text.
        weights: of this way.
        reverse: from each text's last word to its first.

    Returns:
        the state behind the last step of each text (batch, units), longest text first, and all states (tokens, units).
    """
    return recurrence_of_sums(
        kind, ops.matmul(x, weights.W) + weights.b, steps, batch, weights.U, weights.b_n, reverse=reverse
    )


def recurrence_of_sums(
    kind: str, sums: Node, steps: Node, batch: Node, U: Node, b_n: Node | None = None, *, reverse: bool = False
) -> tuple[Node, Node]:
    """See ``recurrence``; what comes in has met W and b already: ``sums`` are x W + b, (tokens, g units)."""
    zero = ops.broadcast_to(0.0, (batch.shape[0], U.shape[0]))

    def step(state: tuple[Node, ...], z: Node) -> tuple[tuple[Node, ...], Node]:
        new = cell_update(kind, state, z, ops.matmul(state[0], U), b_n)
        return new, new[0]

    start = (zero, zero) if kind == "lstm" else (zero,)
    last, states = packed_scan(step, start, sums, steps, reverse=reverse)
    return last[0], states


def cell_update(kind: str, state: tuple[Node, ...], z: Node, u: Node, b_n: Node | None = None) -> tuple[Node, ...]:
    """One step of a cell, from the weighted sums of its inputs.

    Args:
        kind: a key of ``CELLS``.
        state: (h,), or (h, c) of an LSTM; each (batch, units), or (units,).
        z: the input's weighted sums with the bias (batch, g units), g of ``CELLS``.
        u: those of the state, h U (batch, g units).
        b_n: see ``Weights``.

    Returns:
        the new state, the output h first.
    """
    if kind == "lstm":
        return lstm_update(z + u, state[1])
    (h,) = state
    if kind == "rnn":
        return (ops.tanh(z + u),)
    of_input, of_state = parts(z, 3), parts(u, 3)
    r, update = (ops.sigmoid(a + b) for a, b in zip(of_input[:2], of_state[:2], strict=True))
    n = ops.tanh(of_input[2] + r * (of_state[2] if b_n is None else of_state[2] + b_n))
    return ((1.0 - update) * n + update * h,)


def pooled_steps(states: Node, steps: Node, batch: Node, pool: str) -> Node:
    """The mean, or the entrywise maximum, of each text's states; zeros for an empty text.

    Args:
        states: (tokens, units), packed step by step.
        steps: where the rows of each step begin (time + 1,).
        batch: any node whose first axis has an entry for every text.
        pool: "mean" or "max".

    Returns:
        (batch, units), longest text first.
    """
    shape = (batch.shape[0], states.shape[1])
    if pool == "max":
        most: Node = packed_scan(
            lambda most, h: (ops.maximum(most, h), None), ops.broadcast_to(LOWEST, shape), states, steps
        )[0]
        return ops.where(most > 0.5 * LOWEST, most, 0.0)

    def add(carry: tuple[Node, Node], h: Node) -> tuple[tuple[Node, Node], None]:
        total, count = carry
        return (total + h, count + 1.0), None

    zeros = ops.broadcast_to(0.0, shape), ops.broadcast_to(0.0, shape[:1])
    total, count = packed_scan(add, zeros, states, steps)[0]
    mean: Node = total / ops.expand_dims(ops.maximum(count, 1.0), 1)
    return mean
