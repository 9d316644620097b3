"""Compositions: functions of the field that are built of primitives, and have their derivatives from them."""

from __future__ import annotations

from lexgrad.graph import Node, Size
from lexgrad.ops.casting import cast
from lexgrad.ops.comparison import equal
from lexgrad.ops.elementwise import exp, multiply, real_valued, softplus
from lexgrad.ops.indexing import take_along
from lexgrad.ops.lifting import Operand, lift, operation
from lexgrad.ops.movement import expand_dims, squeeze
from lexgrad.ops.product import matmul
from lexgrad.ops.random import arange
from lexgrad.ops.reduction import logsumexp


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


def one_hot(ids: Operand, classes: Size) -> Node:
    """1.0 at each id and 0.0 elsewhere: ints ``(…)`` give floats ``(…, classes)``."""
    (node,) = lift(ids)
    return cast(equal(expand_dims(node, node.ndim), arange(classes)), "float")
