"""Max-norm: weights that must not grow beyond a ball."""

from __future__ import annotations

from lexgrad import ops
from lexgrad.graph import Node


def limit_norms(W: Node, limit: float, axis: int) -> Node:
    """Scale each vector along ``axis`` of W down to the norm ``limit`` where it is longer.

    Srebro and Shraibman 2005; for networks with dropout Hinton et al., "Improving neural networks by preventing
    co-adaptation of feature detectors", 2012, and Kim 2014, section 2.1.
    """
    squares = ops.sum(ops.square(W), axis, keepdims=True)
    limited = ops.minimum(1.0, limit / ops.sqrt(ops.maximum(squares, 1e-30)))
    return W * limited
