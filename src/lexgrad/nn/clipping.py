"""Gradient clipping as graphs: by the norm of all gradients together, and entry by entry."""

from __future__ import annotations

from collections.abc import Mapping

from lexgrad import ops
from lexgrad.graph import Node


def global_norm(gradients: Mapping[str, Node]) -> Node:
    """The Euclidean norm of all gradients laid end to end; a scalar."""
    squares = [ops.sum(ops.square(gradient)) for gradient in gradients.values()]
    total = squares[0]
    for square in squares[1:]:
        total = total + square
    return ops.sqrt(total)


def clip_by_norm(gradients: Mapping[str, Node], limit: float) -> dict[str, Node]:
    """Scale all gradients by one factor so that their global norm is at most ``limit``.

    The factor is min(1, limit / (norm + 1e-6)), as in ``torch.nn.utils.clip_grad_norm_``.
    """
    factor = ops.minimum(1.0, limit / (global_norm(gradients) + 1e-6))
    return {name: gradient * factor for name, gradient in gradients.items()}


def clip_by_value(gradients: Mapping[str, Node], limit: float) -> dict[str, Node]:
    """Bring every entry into [-limit, limit]."""
    return {name: ops.maximum(ops.minimum(g, limit), -limit) for name, g in gradients.items()}
