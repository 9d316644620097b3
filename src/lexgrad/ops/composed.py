"""Compositions: functions of the field that are built of primitives, and have their derivatives from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from lexgrad.graph import Node, Size, quotient
from lexgrad.ops.casting import cast
from lexgrad.ops.comparison import equal
from lexgrad.ops.elementwise import exp, multiply, real_valued, sigmoid, softplus, tanh
from lexgrad.ops.indexing import take_along
from lexgrad.ops.lifting import Operand, lift, operation
from lexgrad.ops.movement import expand_dims, squeeze
from lexgrad.ops.product import matmul
from lexgrad.ops.random import arange
from lexgrad.ops.reduction import logsumexp
from lexgrad.ops.slicing import take_slice

Activation: TypeAlias = Callable[[Node], Node]


def square(x: Operand) -> Node:
    """x²."""
    (node,) = lift(x)
    return multiply(node, node)


def log_sigmoid(x: Operand) -> Node:
    """log σ(x), stable for any x."""
    (node,) = lift(x)
    return -softplus(-node)


@operation
def log_softmax(x: Operand, axis: int = -1) -> Node:
    """x - logsumexp(x): the logarithm of the softmax, without overflow."""
    node = real_valued(x)
    return node - logsumexp(node, axis, keepdims=True)


@operation
def softmax(x: Operand, axis: int = -1) -> Node:
    """exp(x) / Σ exp(x) along an axis: positive, and sums to 1."""
    return exp(log_softmax(x, axis))


@operation
def cross_entropy(logits: Operand, labels: Operand) -> Node:
    """-log softmax(logits)[label] for each example.

    Args:
        logits: floats ``(…, classes)``.
        labels: ints ``(…)``, each from 0 up to classes - 1.

    Returns:
        floats ``(…)``; take the mean for the loss of a batch.
    """
    scores, targets = lift(logits, labels)
    picked = squeeze(take_along(scores, expand_dims(targets, targets.ndim), -1), -1)
    return logsumexp(scores, -1) - picked


@operation
def binary_cross_entropy(logits: Operand, labels: Operand) -> Node:
    """-[y log σ(z) + (1 - y) log(1 - σ(z))] for each example, computed stably as softplus(z) - y z.

    Args:
        logits: floats z of any shape.
        labels: 0 or 1 (or probabilities) in the same shape.
    """
    z, y = real_valued(logits), real_valued(labels)
    return softplus(z) - y * z


def linear(x: Operand, weight: Operand, bias: Operand | None = None) -> Node:
    """``x @ weight + bias``: ``(…, inputs) @ (inputs, outputs) + (outputs,)``."""
    product = matmul(x, weight)
    return product if bias is None else product + bias


def rnn_cell(
    h: Operand, x: Operand, W_x: Operand, W_h: Operand, b: Operand | None = None, activation: Activation = tanh
) -> Node:
    """One step of a recurrent network, h' = tanh(x W_x + h W_h + b): Elman, "Finding structure in time", 1990.

    Args:
        h: the state before the step, ``(…, units)``.
        x: what comes in, ``(…, inputs)``.
        W_x: ``(inputs, units)``.
        W_h: ``(units, units)``.
        b: ``(units,)``. PyTorch's two biases, ``bias_ih`` and ``bias_hh``, act as their sum.
        activation: another function of the weighted sum; Elman's was the sigmoid.
    """
    return activation(linear(x, W_x, b) + matmul(h, W_h))


def lstm_cell(
    state: tuple[Operand, Operand], x: Operand, W_x: Operand, W_h: Operand, b: Operand | None = None
) -> tuple[Node, Node]:
    """One step of an LSTM: a cell c that is kept, forgotten and written to by gates, and its output h.

    With i, f, g, o the four parts of x W_x + h W_h + b, in PyTorch's order::

        c' = σ(f) c + σ(i) tanh(g)
        h' = σ(o) tanh(c')

    Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9, 1997; the forget gate f is from Gers,
    Schmidhuber and Cummins, "Learning to forget", 2000, whose biases start such that at first little is forgotten.

    Args:
        state: h and c before the step, each ``(…, units)``.
        x: what comes in, ``(…, inputs)``.
        W_x: ``(inputs, 4 * units)``.
        W_h: ``(units, 4 * units)``.
        b: ``(4 * units,)``. PyTorch's two biases act as their sum.

    Returns:
        h' and c'.
    """
    h, c = lift(*state)
    return lstm_update(linear(x, W_x, b) + matmul(h, W_h), c)


def lstm_update(z: Node, c: Node) -> tuple[Node, Node]:
    """h' and c' of an LSTM from its weighted sums z ``(…, 4 * units)`` and the cell ``(…, units)``: see lstm_cell."""
    i, f, g, o = parts(z, 4)
    cell = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(cell), cell


def gru_cell(
    h: Operand,
    x: Operand,
    W_x: Operand,
    W_h: Operand,
    b_x: Operand | None = None,
    b_h: Operand | None = None,
    reset_after: bool = True,
) -> Node:
    """One step of a gated recurrent unit: h' = (1 - z) n + z h, between a new state n and the old one.

    The columns of W_x and W_h are those of r, z and n, in PyTorch's order::

        r = σ(x W_xr + b_xr + h W_hr + b_hr)
        z = σ(x W_xz + b_xz + h W_hz + b_hz)
        n = tanh(x W_xn + b_xn + r (h W_hn + b_hn))      reset_after, as PyTorch and cuDNN have it
        n = tanh(x W_xn + b_xn + (r h) W_hn + b_hn)      otherwise, as in the paper

    Cho and others, "Learning phrase representations using RNN encoder-decoder", 2014. Resetting after the product takes
    one product of h a step instead of two; weights trained one way do not fit the other. (The authors' first version
    of the paper had z and 1 - z the other way round.)

    Args:
        h: the state before the step, ``(…, units)``.
        x: what comes in, ``(…, inputs)``.
        W_x: ``(inputs, 3 * units)``.
        W_h: ``(units, 3 * units)``.
        b_x: ``(3 * units,)``.
        b_h: ``(3 * units,)``; only in the last third, and with ``reset_after``, does it differ from more of ``b_x``.
        reset_after: whether r acts behind the product with W_hn or before it.
    """
    h, W_h = lift(h, W_h)
    units = h.shape[-1]
    from_input = parts(linear(x, W_x, b_x), 3)
    if reset_after:
        from_state = parts(linear(h, W_h, b_h), 3)
        r, z = (sigmoid(a + b) for a, b in zip(from_input[:2], from_state[:2], strict=True))
        n = tanh(from_input[2] + r * from_state[2])
    else:
        bias = lift(b_h)[0] if b_h is not None else None
        gates = linear(h, W_h[:, : 2 * units], None if bias is None else bias[: 2 * units])
        r, z = (sigmoid(a + b) for a, b in zip(from_input[:2], parts(gates, 2), strict=True))
        n = tanh(from_input[2] + linear(r * h, W_h[:, 2 * units :], None if bias is None else bias[2 * units :]))
    return (1.0 - z) * n + z * h


def parts(x: Node, count: int) -> list[Node]:
    """The last axis in ``count`` equal parts."""
    size = quotient(x.shape[-1], count)
    return [take_slice(x, -1, i * size, (i + 1) * size) for i in range(count)]


def one_hot(ids: Operand, classes: Size) -> Node:
    """1.0 at each id and 0.0 elsewhere: ints ``(…)`` give floats ``(…, classes)``."""
    (node,) = lift(ids)
    return cast(equal(expand_dims(node, node.ndim), arange(classes)), "float")
