"""Finite differences against the gradient of a derivation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.explain.forward import Forward, value_of
from lexgrad.graph import Node

Array = NDArray[Any]
EACH = 64
"""Arrays of at most so many entries are checked entry by entry, larger ones in random directions."""
DIRECTIONS = 3


@dataclass(frozen=True)
class Check:
    """A derivative and what finite differences say of it.

    Attributes:
        symbol: which derivative.
        gradient: of the backward graph.
        numeric: (f(x + h) - f(x - h)) / 2h; both arrays where several numbers were compared.
        difference: the largest difference between them.
        directions: in how many random directions a large array was checked; 0: entry by entry.
    """

    symbol: str
    gradient: Array
    numeric: Array
    difference: float
    directions: int = 0

    def __str__(self) -> str:
        if self.gradient.size == 1:
            numbers = f"{float(self.gradient):.7g}, finite differences {float(self.numeric):.7g}"
        elif self.directions:
            numbers = f"compared in {self.directions} random directions"
        else:
            numbers = f"{self.gradient.size} entries compared"
        return f"{self.symbol}: {numbers}, difference {self.difference:.2g}"


def compare(forward: Forward, gradient: Array, symbol: str, step: float) -> Check:
    """Central differences in the node ``forward.wrt``, in its entry, in every entry, or in random directions.

    Args:
        forward: the graph with its values.
        gradient: what is checked: a number where an entry was asked for, else an array like the node.
        symbol: for the message.
        step: how far to move, relative to the larger of 1 and the largest magnitude.
    """
    wrt = forward.wrt
    assert wrt is not None
    value = forward.values[wrt]
    if forward.entry is not None:
        direction = np.zeros(value.shape)
        direction[forward.entry] = 1.0
        numeric = np.array(_slope(forward, wrt, direction, step))
        return Check(symbol, gradient, numeric, float(np.abs(gradient - numeric)))
    if value.size <= EACH:
        numeric = np.zeros(value.shape)
        for place in np.ndindex(value.shape):
            direction = np.zeros(value.shape)
            direction[place] = 1.0
            numeric[place] = _slope(forward, wrt, direction, step)
        return Check(symbol, gradient, numeric, float(np.max(np.abs(gradient - numeric), initial=0.0)))
    generator = np.random.default_rng(0)
    directions = [generator.normal(size=value.shape) for _ in range(DIRECTIONS)]
    exact = np.array([np.sum(gradient * direction) for direction in directions])
    numeric = np.array([_slope(forward, wrt, direction, step) for direction in directions])
    return Check(symbol, exact, numeric, float(np.max(np.abs(exact - numeric))), DIRECTIONS)


def _slope(forward: Forward, wrt: Node, direction: Array, step: float) -> float:
    value = forward.values[wrt]
    h = step * max(1.0, float(np.max(np.abs(value), initial=0.0)))
    ahead = _moved(forward, wrt, value + h * direction)
    behind = _moved(forward, wrt, value - h * direction)
    return (ahead - behind) / (2 * h)


def _moved(forward: Forward, wrt: Node, value: Array) -> float:
    """The target with another value at ``wrt``; what does not depend on it stays as it is."""
    values = {wrt: value}
    with np.errstate(all="ignore"):
        for node in forward.order:
            if node is not wrt and any(operand in values for operand in node.inputs):
                operands = {operand: values.get(operand, forward.values[operand]) for operand in node.inputs}
                values[node] = value_of(node, operands)
    return float(values.get(forward.target, forward.values[forward.target]))
