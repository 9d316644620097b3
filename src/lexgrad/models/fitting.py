"""What every ``fit`` by gradient descent shares: penalty and update rule, the step, the watch, and where it starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.graph import Node
from lexgrad.models.trained import TrainedModel
from lexgrad.nn.losses import l2_penalty
from lexgrad.nn.optimisers import Optimiser, optimiser
from lexgrad.train.engine import DTYPES
from lexgrad.train.position import Position
from lexgrad.train.run import Run
from lexgrad.train.step import Objective, TrainingStep, build_step, initial_state
from lexgrad.train.watching import RECORDS, Watch

Arrays = Mapping[str, NDArray[Any]]


def penalty(model: TrainedModel, parameters: Mapping[str, Node]) -> Node | None:
    """The L2 penalty on what is trained; None where there is none, and with AdamW, whose update decays weights."""
    if model.optimizer == "adamw":
        return None
    return l2_penalty(parameters, model.l2_strength(), model.penalised())


def training_step(
    model: TrainedModel,
    objective: Objective,
    constrained: Callable[[str, Node], Node] = lambda name, value: value,
) -> TrainingStep:
    """Build one training step of a model as one graph, ready to run.

    Args:
        model: its settings say optimiser, clipping, precision and threads.
        objective: what a step makes smaller.
        constrained: see ``lexgrad.train.step.build_step``.
    """
    graph = build_step(
        objective,
        _rule(model),
        clip_norm=model.clip_norm,
        clip_value=model.clip_value,
        decays=model.penalised(),
        constrained=constrained,
    )
    return TrainingStep(graph, objective.trained, model.precision, model.threads)


def watching(model: TrainedModel, objective: Objective, updates: int) -> Watch | None:
    """What measures a training of so many updates, where the settings ask for it."""
    if model.watch is None:
        return None
    return Watch(objective, model.watch or max(1, -(-updates // RECORDS)), model.precision, model.threads)


def begin(
    model: TrainedModel,
    run: Run | None,
    first: Callable[[], Arrays],
    trained: tuple[str, ...],
    carried: Arrays | None = None,
) -> Position:
    """Where a training starts: fresh, or where the run's checkpoint stands.

    Args:
        model: its settings say optimiser, precision and patience.
        run: where checkpoints are; None: nowhere.
        first: gives the parameters before the first step, by name, of any float type.
        trained: the names of those that are updated.
        carried: what goes from step to step beside the optimiser's state, before the first.
    """
    position = run.load() if run is not None and run.resuming else None
    if position is not None:
        stopped = position.stopped_early and position.worse >= model.patience
        return replace(position, stopped_early=stopped)
    dtype = DTYPES[model.precision]
    parameters = {name: np.asarray(array, dtype, order="C") for name, array in first().items()}
    state = initial_state(_rule(model), parameters, trained)
    return Position(parameters, {**state, **{name: array.astype(dtype) for name, array in (carried or {}).items()}})


def _rule(model: TrainedModel) -> Optimiser:
    decay = model.l2_strength() if model.optimizer == "adamw" else 0.0
    return optimiser(model.optimizer, momentum=model.momentum, weight_decay=decay, lazy=model.lazy)
