"""A workload's step as one program, and rounds of it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from bench.systems import Run, Setup
from bench.workloads import Data
from lexgrad.compile import Program, Rows
from lexgrad.compile.arrays import Precision
from lexgrad.grad import gradient
from lexgrad.graph import Dim, Graph, Node, Type, input_node
from lexgrad.models.features.inputs import Inputs as Examples
from lexgrad.nn.clipping import clip_by_norm
from lexgrad.nn.optimisers import optimiser
from lexgrad.text.packed import pack
from lexgrad.train.step import RATE, STEP, Objective, build_step, initial_state, step_input

Inputs = Mapping[str, Node]
Loss = Callable[[Inputs], Node]


class Timed:
    """A round, and how long it took to make its program."""

    def __init__(self, run: Run, compile_seconds: float) -> None:
        self.run = run
        self.compile_seconds = compile_seconds

    def __call__(self, steps: int) -> float | Callable[[], float]:
        """Do a round."""
        return self.run(steps)


def step_program(
    loss: Loss, types: Mapping[str, Type], parameters: tuple[str, ...], setup: Setup, norm: Any
) -> Program:
    """The step theta <- theta - rate * gradient of a loss, parameters updated in place."""
    inputs = {name: input_node(name, type) for name, type in types.items()}
    value = loss(inputs)
    slopes = dict(zip(parameters, gradient(value, [inputs[name] for name in parameters]), strict=True))
    if norm is not None:
        slopes = clip_by_norm(slopes, norm)
    new = {name: inputs[name] - inputs["rate"] * slope for name, slope in slopes.items()}
    graph = Graph(inputs, {"loss": value, **new}, "step")
    return Program(graph, cast(Precision, setup.precision), setup.threads, {name: name for name in parameters})


def optimised_program(
    loss: Loss, types: Mapping[str, Type], parameters: Mapping[str, Any], setup: Setup, name: str
) -> tuple[Program, dict[str, Any]]:
    """The step of another optimiser, whose table of embeddings changes in the rows that were read; and its state."""
    inputs = {name: input_node(name, type) for name, type in types.items() if name != RATE}
    trained = {name: inputs.pop(name) for name in parameters}
    objective = Objective(loss({**trained, **inputs}), None, inputs, trained, tuple(trained), step_input())
    rule = optimiser(name, lazy=True)
    graph = build_step(objective, rule)
    donated = {name: name for name in graph.outputs if name in graph.inputs}
    program = Program(graph, cast(Precision, setup.precision), setup.threads, donated)
    return program, dict(initial_state(rule, parameters, tuple(parameters)))


def numbered(bind: Callable[[Mapping[str, Any]], Callable[[], Any]], steps: int, done: Any) -> Callable[[], Any]:
    """Rounds of steps that know their number: ``done`` counts them, and ``bind`` is given where they stand."""
    numbers = np.arange(steps)
    launch = bind({STEP: Rows(numbers, np.arange(steps))})

    def following() -> Any:
        numbers[:] = done + np.arange(steps)
        done[:] += steps
        return launch()

    return following


def _types(data: Data, varying: tuple[str, ...]) -> dict[str, Type]:
    types = {}
    for name, value in data.items():
        array = np.asarray(value)
        shape = array.shape[1:] if name in varying else array.shape
        types[name] = Type("float" if array.dtype.kind == "f" else "int", shape)
    return types


def prepare(loss: Loss, parameters: tuple[str, ...], varying: tuple[str, ...], data: Data, setup: Setup) -> Run:
    """Rounds of SGD on a loss.

    Args:
        loss: of the inputs, which are the data by name.
        parameters: those that are updated.
        varying: those that have a row for each batch.
        data: the workload's.
        setup: threads and precision.
    """
    begun = time.perf_counter()
    given = {name: value for name, value in data.items() if name != "norm"}
    program = step_program(loss, _types(given, varying), parameters, setup, data.get("norm"))
    seconds = time.perf_counter() - begun
    fixed: dict[str, Any] = {
        name: program.prepared(name, value, copy=name in parameters)
        for name, value in given.items()
        if name not in varying
    }
    count = len(data[varying[0]]) if varying else 1

    @functools.cache
    def bound(steps: int) -> Callable[[], Mapping[str, Any]]:
        turns = np.arange(steps) % count
        return program.bind({**fixed, **{name: Rows(data[name], turns) for name in varying}}, steps)

    return Timed(lambda steps: float(bound(steps)()["loss"][-1]), seconds)


def prepare_texts(
    loss: Loss,
    parameters: tuple[str, ...],
    packed: Callable[..., Examples],
    packed_types: Callable[[], dict[str, Type]],
    data: Data,
    setup: Setup,
) -> Run:
    """Rounds of training on a loss of texts of every length, by SGD or the data's ``optimizer``.

    Args:
        loss: of the parameters, of the inputs that ``packed`` makes of texts, and of ``target`` (batch,).
        parameters: those that are updated.
        packed: how the texts of a batch are packed.
        packed_types: the types of those inputs.
        data: the workload's: parameters, ``texts``, ``target``, ``rate``.
        setup: threads and precision.
    """
    begun = time.perf_counter()
    types = {name: Type("float", data[name].shape) for name in parameters}
    types |= {**packed_types(), "target": Type("int", (Dim("batch"),)), "rate": Type("float")}
    state: dict[str, Any] = {name: data[name] for name in parameters}
    if "optimizer" in data:
        program, further = optimised_program(loss, types, state, setup, data["optimizer"])
        state |= further
    else:
        program = step_program(loss, types, parameters, setup, data.get("norm"))
    seconds = time.perf_counter() - begun
    fixed: dict[str, Any] = {name: program.prepared(name, value, copy=True) for name, value in state.items()}
    fixed["rate"] = program.prepared("rate", data["rate"])
    texts = [text for batch in data["texts"] for text in batch]
    count, batch = data["target"].shape
    done = np.zeros(1, np.int64)
    inputs, _ = packed(pack(texts)).pick(np.arange(len(texts)), np.arange(count + 1) * batch)

    @functools.cache
    def bound(steps: int) -> Callable[[], Mapping[str, Any]]:
        turns = np.arange(steps) % count
        rows = {"target": Rows(data["target"], turns)}
        for name, whole in inputs.items():
            assert isinstance(whole, Rows)
            rows[name] = Rows(whole.array, whole.starts[turns], None if whole.stops is None else whole.stops[turns])
        if STEP in program.graph.inputs:
            return numbered(lambda number: program.bind({**fixed, **rows, **number}, steps), steps, done)
        return program.bind({**fixed, **rows}, steps)

    return Timed(lambda steps: float(bound(steps)()["loss"][-1]), seconds)
