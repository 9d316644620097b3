"""Recurrent classifiers of texts, packed step by step."""

from __future__ import annotations

import functools

from bench.systems.lexgrad_compiled.stepping import Inputs, prepare_texts
from lexgrad import ops
from lexgrad.graph import Node
from lexgrad.models.features.stepped import SteppedInputs, stepped_types
from lexgrad.nn.layers import linear
from lexgrad.nn.recurrence import Weights, recurrence


def _lstm(p: Inputs) -> Node:
    x = ops.take(p["E"], p["ids"])
    last, _ = recurrence("lstm", x, p["steps"], p["rank"], Weights(p["W"], p["U"], p["b"]))
    return ops.mean(ops.cross_entropy(linear(ops.take(last, p["rank"]), p["V"], p["c"]), p["target"]))


_PARAMETERS = ("E", "W", "U", "b", "V", "c")
PREPARE = {"lstm-classifier": functools.partial(prepare_texts, _lstm, _PARAMETERS, SteppedInputs, stepped_types)}
