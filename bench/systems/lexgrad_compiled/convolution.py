"""Convolutional networks."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bench.systems import Run, Setup
from bench.systems.lexgrad_compiled.stepping import Timed, numbered, optimised_program
from bench.workloads import Data
from bench.workloads.convolution import KERNELS
from lexgrad import ops
from lexgrad.compile import Rows
from lexgrad.graph import Dim, Node, Type
from lexgrad.ops.windows import convolve, pool_texts, window_places
from lexgrad.train.step import STEP


def _textcnn(data: Data, setup: Setup) -> Run:
    begun = time.perf_counter()
    parameters = {
        name: np.asarray(value) for name, value in data.items() if getattr(value, "dtype", None) == np.float32
    }
    tokens, (batches, batch) = Dim("tokens"), data["target"].shape
    types = {name: Type("float", value.shape) for name, value in parameters.items()}
    ints = {"ids": (tokens,), "offsets": (batch + 1,), "target": (batch,)}
    types |= {name: Type("int", shape) for name, shape in ints.items()}
    program, state = optimised_program(_loss, types, parameters, setup, data["optimizer"])
    seconds = time.perf_counter() - begun
    fixed = {name: program.prepared(name, value, copy=True) for name, value in {**parameters, **state}.items()}
    fixed["rate"] = program.prepared("rate", np.float32(data["rate"]))
    ends = np.cumsum(data["offsets"][:, -1])
    done = np.zeros(1, np.int64)

    @functools.cache
    def bound(steps: int) -> Callable[[], Mapping[str, Any]]:
        turns = np.arange(steps) % batches
        rows: dict[str, Any] = {
            "ids": Rows(data["ids"], (ends - data["offsets"][:, -1])[turns], ends[turns]),
            "offsets": Rows(data["offsets"], turns),
            "target": Rows(data["target"], turns),
        }
        if STEP in program.graph.inputs:
            return numbered(lambda number: program.bind({**fixed, **rows, **number}, steps), steps, done)
        return program.bind({**fixed, **rows}, steps)

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
