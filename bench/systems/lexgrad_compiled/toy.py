"""The lectures' toy networks."""

from __future__ import annotations

import functools

from bench.systems.lexgrad_compiled.stepping import Inputs, prepare
from lexgrad import ops
from lexgrad.graph import Node


def _xor(p: Inputs) -> Node:
    hidden = ops.tanh(p["x"] @ p["W"] + p["b"])
    return ops.mean(ops.binary_cross_entropy(hidden @ p["u"] + p["c"], p["y"]))


PREPARE = {"xor": functools.partial(prepare, _xor, ("W", "b", "u", "c"), ())}
