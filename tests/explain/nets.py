"""Expressions that several tests explain: the worked examples of the lectures, and a net of many units."""

from __future__ import annotations

from typing import Any

import numpy as np

import lexgrad as lg
from lexgrad.graph import Node


def first_example() -> tuple[Any, Any, Any, Any]:
    """L = c (a + 2b) at a = 3, b = 1, c = -2, with the lecture's d and e."""
    a, b, c = lg.variables(a=3.0, b=1.0, c=-2.0)
    d = (2 * b).named("d")
    e = (a + d).named("e")
    return (c * e).named("L"), a, b, c


def two_layers() -> Node:
    """The lecture's two layers with one unit each, as a graph whose values are given with ``at``."""

    def network(W1: Any, W2: Any, x1: Any, y: Any) -> Any:
        z1 = (W1 * x1).named("z1")
        a1 = lg.relu(z1).named("a1")
        z2 = (W2 * a1).named("z2")
        a2 = lg.sigmoid(z2).named("a2")
        return (-(y * lg.log(a2) + (1 - y) * lg.log(1 - a2))).named("L")

    return lg.trace(network, *[lg.Type("float")] * 4).outputs["out"]


SLIDE = {"y": 1.0, "a2": 2.5, "W2": 1.5, "z1": 3.0, "x1": 4.2}
"""The numbers on the slide; a² and z¹ are given there, not computed."""


def small_net() -> tuple[Any, dict[str, Any]]:
    """Two features, three hidden tanh units, a sigmoid output; the loss, and the parameters by name."""
    W1 = lg.variable([[0.1, -0.2, 0.3], [0.2, 0.4, -0.1]], "W1")
    b1 = lg.variable([0.0, 0.1, 0.1], "b1")
    W2 = lg.variable([0.5, -0.3, 0.2], "W2")
    b2 = lg.variable(0.1, "b2")
    x = lg.variable([1.0, 2.0], "x")
    z1 = (x @ W1 + b1).named("z1")
    h = lg.tanh(z1).named("h")
    z2 = (h @ W2 + b2).named("z2")
    return lg.binary_cross_entropy(z2, 1.0).named("L"), {"W1": W1, "b1": b1, "W2": W2, "b2": b2, "x": x}


def wide_net(units: int = 200, classes: int = 10) -> tuple[Any, Any]:
    """Three layers of ``units``; the loss and the first layer's weights."""
    generator = np.random.default_rng(0)
    below: Node = lg.variable(generator.normal(size=units), "x")
    first = None
    for layer, width in enumerate((units, units, classes), 1):
        W = lg.variable(generator.normal(size=(units, width)) / units**0.5, f"W{layer}")
        first = W if first is None else first
        z = (below @ W + lg.variable(np.zeros(width), f"b{layer}")).named(f"z{layer}")
        below = lg.tanh(z).named(f"a{layer}")
    return lg.cross_entropy(z, 3).named("L"), first
