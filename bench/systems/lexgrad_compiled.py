"""lexgrad: the whole step as one program, many steps a launch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from bench.workloads import Data
from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile.arrays import Precision
from lexgrad.grad import gradient
from lexgrad.graph import Graph, Node, Type, input_node

Run = Callable[[int], float]


def _program(
    loss: Callable[[Mapping[str, Node]], Node],
    types: Mapping[str, Type],
    parameters: tuple[str, ...],
    threads: int,
    precision: str,
) -> Program:
    """The step theta <- theta - rate * gradient of a loss, parameters updated in place."""
    inputs = {name: input_node(name, type) for name, type in types.items()}
    value = loss(inputs)
    gradients = gradient(value, [inputs[name] for name in parameters])
    new = {name: inputs[name] - inputs["rate"] * slope for name, slope in zip(parameters, gradients, strict=True)}
    graph = Graph(inputs, {"loss": value, **new}, "step")
    return Program(graph, cast(Precision, precision), threads, {name: name for name in parameters})


def _types(data: Data, varying: tuple[str, ...]) -> dict[str, Type]:
    types = {}
    for name, value in data.items():
        array = np.asarray(value)
        shape = array.shape[1:] if name in varying else array.shape
        types[name] = Type("float" if array.dtype.kind == "f" else "int", shape)
    return types


def _runner(program: Program, data: Data, parameters: tuple[str, ...], varying: tuple[str, ...]) -> Run:
    fixed: dict[str, Any] = {
        name: program.prepared(name, value, copy=name in parameters)
        for name, value in data.items()
        if name not in varying
    }
    count = len(data[varying[0]]) if varying else 1
    batches = [
        {**fixed, **{name: program.prepared(name, data[name][i], copy=True) for name in varying}} for i in range(count)
    ]

    def run(steps: int) -> float:
        return float(program.launch([batches[i % count] for i in range(steps)])[-1]["loss"])

    return run


def _ffnn_lm(data: Data, threads: int, precision: str) -> Run:
    def loss(p: Mapping[str, Node]) -> Node:
        batch, words = p["context"].shape
        embedded = ops.reshape(ops.take(p["E"], p["context"]), (batch, words * p["E"].shape[1]))
        hidden = ops.tanh(embedded @ p["W"] + p["b"])
        return ops.mean(ops.cross_entropy(hidden @ p["U"] + p["c"], p["target"]))

    parameters, varying = ("E", "W", "b", "U", "c"), ("context", "target")
    program = _program(loss, _types(data, varying), parameters, threads, precision)
    return _runner(program, data, parameters, varying)


def _mean_pool(data: Data, threads: int, precision: str) -> Run:
    def loss(p: Mapping[str, Node]) -> Node:
        pooled = ops.segment_mean(ops.take(p["E"], p["ids"]), p["offsets"])
        return ops.mean(ops.cross_entropy(pooled @ p["W"] + p["b"], p["target"]))

    parameters, varying = ("E", "W", "b"), ("ids", "target")
    program = _program(loss, _types(data, varying), parameters, threads, precision)
    return _runner(program, data, parameters, varying)


def _xor(data: Data, threads: int, precision: str) -> Run:
    def loss(p: Mapping[str, Node]) -> Node:
        hidden = ops.tanh(p["x"] @ p["W"] + p["b"])
        return ops.mean(ops.binary_cross_entropy(hidden @ p["u"] + p["c"], p["y"]))

    parameters: tuple[str, ...] = ("W", "b", "u", "c")
    program = _program(loss, _types(data, ()), parameters, threads, precision)
    return _runner(program, data, parameters, ())


PREPARE = {"ffnn-lm": _ffnn_lm, "mean-pool": _mean_pool, "xor": _xor}
