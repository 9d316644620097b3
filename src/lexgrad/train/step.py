"""A whole training step as one graph: forward, backward, clipping and optimiser; parameters and state in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.compile import Rows
from lexgrad.grad import gradient
from lexgrad.graph import Graph, Node, Type, input_node
from lexgrad.nn.clipping import clip_by_norm, clip_by_value
from lexgrad.nn.optimisers import Optimiser, rows_read, slot_name, update_all
from lexgrad.train.batches import Inputs
from lexgrad.train.engine import DTYPES, Updater

Array = NDArray[Any]
Arrays = Mapping[str, Array]
RATE, STEP, LOSS = "rate", "step", "loss"


@dataclass(frozen=True)
class Objective:
    """What a step makes smaller.

    Attributes:
        loss: the mean loss of a batch: a scalar node, reported as it is.
        penalty: what is added to it before differentiating (L2), or None.
        inputs: the nodes of the batch, by name.
        parameters: every parameter's input node, by name.
        trained: the names of those that the step updates; the others stay as they are.
        step: the int scalar input node that counts updates from 0; dropout reads it, and the optimiser.
        carried: what goes from step to step beside the optimiser's state, such as the last hidden state of a stream of
            text: the next value, by the name of the input node, which is among ``inputs``, that holds the last one.
    """

    loss: Node
    penalty: Node | None
    inputs: Mapping[str, Node]
    parameters: Mapping[str, Node]
    trained: tuple[str, ...]
    step: Node
    carried: Mapping[str, Node] = field(default_factory=dict)


def step_input() -> Node:
    """The input node that counts updates, from 0."""
    return input_node(STEP, Type("int"))


def build_step(
    objective: Objective,
    rule: Optimiser,
    *,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    decays: Callable[[str], bool] = lambda name: True,
    constrained: Callable[[str, Node], Node] = lambda name, value: value,
) -> Graph:
    """Build the graph of one training step.

    Its inputs are the parameters, the optimiser's slots (``<parameter>_<slot>``), the batch, ``rate`` and ``step``;
    its outputs the loss and, under the names of the inputs, the new value of each trained parameter, of each slot and
    of all that is carried.

    With a lazy optimiser a table whose rows the loss looks up is a table of those rows alone: the L2 penalty, the norm
    of the gradient and the update are those of the rows that the batch reads, each counted once.

    Args:
        objective: loss and parameters.
        rule: the optimiser.
        clip_norm: scale the whole gradient down to this norm.
        clip_value: limit each entry of the gradient (done before ``clip_norm``).
        decays: for which parameters AdamW's decay holds.
        constrained: what a parameter of this name becomes where the update gave it this value (a limit of its norm).
    """
    trained = {name: objective.parameters[name] for name in objective.trained}
    total = objective.loss if objective.penalty is None else objective.loss + objective.penalty
    gradients = dict(zip(trained, gradient(total, list(trained.values())), strict=True))
    read = {name: rows_read(objective.loss, node) for name, node in trained.items()} if rule.lazy else {}
    rows = {name: ops.distinct(ids) for name, ids in read.items() if ids is not None}
    gradients |= {name: ops.take(gradients[name], ids) for name, ids in rows.items()}
    if clip_value is not None:
        gradients = clip_by_value(gradients, clip_value)
    if clip_norm is not None:
        gradients = clip_by_norm(gradients, clip_norm)
    slots = {
        slot_name(name, slot): input_node(slot_name(name, slot), node.type)
        for name, node in trained.items()
        for slot in rule.slots
    }
    rate = input_node(RATE, Type("float"))
    parameters, state = update_all(rule, trained, gradients, slots, rate, objective.step, decays, rows)
    parameters = {name: constrained(name, value) for name, value in parameters.items()}
    inputs = {**objective.parameters, **slots, **objective.inputs, RATE: rate, STEP: objective.step}
    outputs = {LOSS: objective.loss, **parameters, **state, **objective.carried}
    return Graph(inputs, outputs, name="training_step")


def initial_state(rule: Optimiser, parameters: Arrays, trained: tuple[str, ...]) -> dict[str, Array]:
    """The optimiser's state before the first update: zeros like each trained parameter."""
    return {slot_name(name, slot): np.zeros_like(parameters[name]) for name in trained for slot in rule.slots}


class TrainingStep:
    """Runs the graph of a training step.

    The arrays it returns are updated in place by the next call, which is meant to be given them.

    Args:
        graph: what ``build_step`` made.
        trained: names of the parameters it updates.
        precision: a key of ``DTYPES``: "fp32", "fp64" or "bf16".
        threads: how many threads run it; the results do not depend on it.
    """

    def __init__(self, graph: Graph, trained: tuple[str, ...], precision: str, threads: int | None = None) -> None:
        self.graph = graph
        self.trained = trained
        self.dtype = DTYPES[precision]
        self._run = Updater(graph, precision, threads)

    def launch(
        self, parameters: Arrays, state: Arrays, inputs: Inputs, rates: Array, update: int
    ) -> tuple[Arrays, Arrays, Array]:
        """Do one step for each rate, one behind the other.

        Args:
            parameters: by name.
            state: the optimiser's state, and what else goes from step to step, by name.
            inputs: what the steps read; see ``lexgrad.train.batches.Batches``.
            rates: (steps,) the learning rates.
            update: the number of the first step, counted from 0 over the whole training.

        Returns:
            new parameters, new state, and (steps,) each batch's mean loss before its update.
        """
        turns = np.arange(len(rates))
        clock = {RATE: Rows(np.asarray(rates, self.dtype), turns), STEP: Rows(turns + update, turns)}
        out = self._run({**parameters, **state, **inputs, **clock}, len(rates))
        new = {name: out.get(name, array) for name, array in parameters.items()}
        return new, {name: out[name] for name in state}, out[LOSS]

    def __call__(
        self, parameters: Arrays, state: Arrays, batch: Mapping[str, Array], rate: float, update: int
    ) -> tuple[Arrays, Arrays, float]:
        """Do one step on a batch; returns new parameters, new state, and the batch's mean loss before the update."""
        parameters, state, losses = self.launch(parameters, state, batch, np.array([rate]), update)
        return parameters, state, float(losses[0])
