"""Watching a training from inside: gradients, updates and silent units, measured beside some of the steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.grad import gradient
from lexgrad.graph import Graph, topological
from lexgrad.train.engine import runner
from lexgrad.train.step import Objective

Array = NDArray[Any]
Arrays = Mapping[str, Array]
GRADIENT, RELU = "gradient ", "relu "
RECORDS = 200  # how many a training makes where nobody says


def watching_graph(objective: Objective) -> Graph:
    """The graph that measures a batch: parameters and batch in, norms of gradients and the most of each ReLU out.

    The gradients are those of loss and penalty, before any clipping. The step itself is another graph, so that watching
    changes no weight.

    Args:
        objective: what the training makes smaller.

    Returns:
        a graph with an output ``gradient <parameter>``, the Euclidean norm, for each trained parameter, and ``relu
        <n>`` for the n-th ReLU of the forward pass: the largest value of each unit over the batch (units,).
    """
    total = objective.loss if objective.penalty is None else objective.loss + objective.penalty
    gradients = gradient(total, [objective.parameters[name] for name in objective.trained])
    outputs = {
        f"{GRADIENT}{name}": ops.sqrt(ops.sum(ops.square(node)))
        for name, node in zip(objective.trained, gradients, strict=True)
    }
    relus = [node for node in topological([objective.loss]) if node.primitive.name == "relu" and node.ndim > 1]
    for number, node in enumerate(relus, 1):
        outputs[f"{RELU}{number}"] = ops.max(node, tuple(range(node.ndim - 1)))
    # All of the step's inputs, also those that no gradient needs: named sizes are known by them.
    inputs = {**objective.parameters, **objective.inputs, "step": objective.step}
    return Graph(inputs, outputs, name="watching")


@dataclass(frozen=True)
class Reading:
    """What was measured before a step: of the batch, and the parameters as they were."""

    measured: Mapping[str, Array]
    before: Arrays


class Watch:
    """Measures every ``every``-th update of a training.

    A record is a dict with
    epoch (from 1), update (from 0), learning_rate;
    axes: parameter -> how many it has;
    gradients: parameter -> Euclidean norm of its gradient;
    weights: parameter -> Euclidean norm of it, before the update;
    updates: parameter -> Euclidean norm of what the update changed in it;
    relu: "1", "2", ... -> {"units": how many, "active": which of them were above 0 for any example of the batch, in
    hexadecimal, the first bit for unit 0}.
    Norms that are not finite are null.

    Args:
        objective: what the training makes smaller.
        every: measure updates 0, every, 2 every, ...
        precision: as for the step.
        threads: how many threads measure.
    """

    def __init__(self, objective: Objective, every: int, precision: str, threads: int | None = None) -> None:
        self.every = every
        self.trained = objective.trained
        self._graph = watching_graph(objective)
        self._run = runner(self._graph, precision, threads)

    def due(self, update: int) -> bool:
        """Whether update ``update``, counted from 0, is to be measured."""
        return update % self.every == 0

    def room(self, update: int, steps: int) -> int:
        """How many of ``steps`` steps from ``update`` on can be done at a time: one that is measured comes alone."""
        return 1 if self.due(update) else min(steps, self.every - update % self.every)

    def before(self, inputs: Arrays, update: int) -> Reading:
        """Measure a batch, and keep a copy of the parameters: the step changes them in place.

        Args:
            inputs: the step's, by name: parameters, batch, and what goes from step to step.
            update: the step's number.
        """
        given = {**inputs, "step": np.asarray(update, np.int64)}
        measured = self._run.run({name: given[name] for name in self._graph.inputs})
        return Reading(measured, {name: np.array(inputs[name]) for name in self.trained})

    def record(self, reading: Reading, after: Arrays, epoch: int, update: int, rate: float) -> dict[str, Any]:
        """What is kept of a step that has been done; see the class."""
        before = reading.before
        relus = {name.removeprefix(RELU): most > 0 for name, most in reading.measured.items() if name.startswith(RELU)}
        return {
            "epoch": epoch,
            "update": update,
            "learning_rate": rate,
            "axes": {name: before[name].ndim for name in self.trained},
            "gradients": {name: _number(reading.measured[f"{GRADIENT}{name}"]) for name in self.trained},
            "weights": {name: _norm(before[name]) for name in self.trained},
            "updates": {name: _norm(np.subtract(after[name], before[name])) for name in self.trained},
            "relu": {
                name: {"units": int(active.size), "active": np.packbits(active).tobytes().hex()}
                for name, active in relus.items()
            },
        }


def active_units(entry: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Which units a record's entry for a ReLU says were active (units,)."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(entry["active"]), np.uint8))
    return bits[: entry["units"]].astype(bool)


def _norm(array: Array) -> float | None:
    return _number(np.linalg.norm(np.asarray(array, np.float64)))


def _number(value: Any) -> float | None:
    number = float(value)
    return number if np.isfinite(number) else None
