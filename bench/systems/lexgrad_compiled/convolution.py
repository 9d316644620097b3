"""Convolutional networks."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from bench.systems import Run, Setup
from bench.systems.lexgrad_compiled.stepping import Timed
from bench.workloads import Data
from bench.workloads.convolution import KERNELS
from lexgrad import ops
from lexgrad.compile import Program, Rows
from lexgrad.compile.arrays import Precision
from lexgrad.graph import Dim, Node, Type, input_node
from lexgrad.nn.optimisers import optimiser
from lexgrad.ops.windows import convolve, pool_texts, window_places
from lexgrad.train.step import Objective, build_step, initial_state, step_input

_VARYING = ("ids", "offsets", "target")


def _textcnn(data: Data, setup: Setup) -> Run:
    begun = time.perf_counter()
    parameters = {
        name: np.asarray(value) for name, value in data.items() if getattr(value, "dtype", None) == np.float32
    }
    p = {name: input_node(name, Type("float", value.shape)) for name, value in parameters.items()}
    tokens, (batches, batch) = Dim("tokens"), data["target"].shape
    types = {"ids": (tokens,), "offsets": (batch + 1,), "target": (batch,)}
    inputs = {name: input_node(name, Type("int", shape)) for name, shape in types.items()}
    objective = Objective(_loss({**p, **inputs}), None, inputs, p, tuple(p), step_input())
    rule = optimiser(data["optimizer"], lazy=True)
    graph = build_step(objective, rule)
    donated = {name: name for name in graph.outputs if name in graph.inputs}
    program = Program(graph, cast(Precision, setup.precision), setup.threads, donated)
    seconds = time.perf_counter() - begun
    state = {**parameters, **initial_state(rule, parameters, tuple(parameters)), "rate": np.float32(data["rate"])}
    fixed = {name: program.prepared(name, value, copy=name in donated) for name, value in state.items()}
    ends = np.cumsum(data["offsets"][:, -1])
    done = np.zeros(1, np.int64)

    @functools.cache
    def bound(steps: int) -> Callable[[], Mapping[str, Any]]:
        turns, numbers = np.arange(steps) % batches, np.arange(steps)
        rows: dict[str, Any] = {
            "ids": Rows(data["ids"], (ends - data["offsets"][:, -1])[turns], ends[turns]),
            "offsets": Rows(data["offsets"], turns),
            "target": Rows(data["target"], turns),
        }
        if "step" in graph.inputs:
            rows["step"] = Rows(numbers, np.arange(steps))
        launch = program.bind({**fixed, **rows}, steps)

        def following() -> Mapping[str, Any]:
            numbers[:] = done + np.arange(steps)
            done[:] += steps
            return launch()

        return following

    return Timed(lambda steps: float(bound(steps)()["loss"][-1]), seconds)


def _loss(p: Mapping[str, Node]) -> Node:
    x = ops.take(p["E"], p["ids"])
    features = []
    for k in KERNELS:
        over = window_places(p["offsets"], x.shape[0], k)
        best = pool_texts(convolve(x, p[f"K{k}"], over.places), over.offsets, "max", over.lengths)
        features.append(ops.relu(best + p[f"b{k}"]))
    return ops.mean(ops.cross_entropy(ops.concatenate(features, 1) @ p["U"] + p["c"], p["target"]))


PREPARE = {f"textcnn-{name}": _textcnn for name in ("sgd", "adam", "adadelta")}
