"""Optimisers as builders of graphs: parameters, gradients and state in, new parameters and state out.

Formulas and defaults are those of PyTorch's documentation (torch.optim); where a name differs, the class says so.
θ is a parameter, g its gradient, η the learning rate, t the number of this update counted from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from lexgrad import ops
from lexgrad.errors import InputError, suggest
from lexgrad.graph import Node
from lexgrad.ops.rows import in_one_axis

Slots = dict[str, Node]
Update = tuple[Node, Slots]


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """One update rule. ``slots`` names the arrays of a parameter's shape, zero at first, that it remembers.

    Attributes:
        lazy: of a table whose rows the loss looks up (embeddings, weights of sparse features), each step updates the
            rows that the batch reads, state and decay included, and leaves the others as they are.
    """

    lazy: bool = False
    slots: ClassVar[tuple[str, ...]] = ()

    def update(
        self, parameter: Node, gradient: Node, state: Slots, rate: Node, t: Node, decay: bool
    ) -> tuple[Node, Slots]:
        """Return the new parameter and its new state.

        Args:
            parameter: θ.
            gradient: g, of the same shape.
            state: what the rule remembers of this parameter, by slot.
            rate: η, a scalar.
            t: the number of this update, counted from 1, a float scalar.
            decay: whether decoupled weight decay holds for this parameter.
        """
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class SGD(Optimiser):
    """θ ← θ − η g: the lectures' pseudocode."""

    def update(
        self, parameter: Node, gradient: Node, state: Slots, rate: Node, t: Node, decay: bool
    ) -> tuple[Node, Slots]:
        """See Optimiser.update."""
        return parameter - rate * gradient, {}


@dataclass(frozen=True, kw_only=True)
class Momentum(Optimiser):
    """v ← μ v + g;  θ ← θ − η v  (Nesterov: θ ← θ − η (g + μ v)); torch.optim.SGD(momentum=μ).

    PyTorch starts with v = g, which is the same as v = 0 before the first update.
    """

    momentum: float = 0.9
    nesterov: bool = False
    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def update(
        self, parameter: Node, gradient: Node, state: Slots, rate: Node, t: Node, decay: bool
    ) -> tuple[Node, Slots]:
        """See Optimiser.update."""
        velocity = self.momentum * state["velocity"] + gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        return parameter - rate * direction, {"velocity": velocity}


@dataclass(frozen=True, kw_only=True)
class Adagrad(Optimiser):
    """s ← s + g²;  θ ← θ − η g / (√s + ε)  (Duchi et al. 2011)."""

    epsilon: float = 1e-10
    slots: ClassVar[tuple[str, ...]] = ("square_sum",)

    def update(
        self, parameter: Node, gradient: Node, state: Slots, rate: Node, t: Node, decay: bool
    ) -> tuple[Node, Slots]:
        """See Optimiser.update."""
        squares = state["square_sum"] + ops.square(gradient)
        return parameter - rate * gradient / (ops.sqrt(squares) + self.epsilon), {"square_sum": squares}


@dataclass(frozen=True, kw_only=True)
class Adadelta(Optimiser):
    """s ← ρ s + (1−ρ) g²;  Δ = √(u+ε)/√(s+ε) g;  u ← ρ u + (1−ρ) Δ²;  θ ← θ − η Δ  (Zeiler 2012).

    PyTorch's learning rate is 1 by default; so is the paper's.
    """

    rho: float = 0.9
    epsilon: float = 1e-6
    slots: ClassVar[tuple[str, ...]] = ("square_mean", "delta_mean")

    def update(
        self, parameter: Node, gradient: Node, state: Slots, rate: Node, t: Node, decay: bool
    ) -> tuple[Node, Slots]:
        """See Optimiser.update."""
        squares = self.rho * state["square_mean"] + (1 - self.rho) * ops.square(gradient)
        delta = ops.sqrt(state["delta_mean"] + self.epsilon) / ops.sqrt(squares + self.epsilon) * gradient
        deltas = self.rho * state["delta_mean"] + (1 - self.rho) * ops.square(delta)
        # Each may be written over the old one when nobody needs that any more: deltas come of the old squares too.
        return parameter - rate * delta, {"delta_mean": deltas, "square_mean": squares}


@dataclass(frozen=True, kw_only=True)
class Adam(Optimiser):
    """m ← β₁ m + (1−β₁) g;  v ← β₂ v + (1−β₂) g²;  θ ← θ − η m̂ / (√v̂ + ε),  m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).

    Kingma and Ba 2015, algorithm 1. Where decay is set (AdamW, Loshchilov and Hutter 2019): θ ← θ − η λ θ first.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("mean", "square_mean")

    def update(
        self, parameter: Node, gradient: Node, state: Slots, rate: Node, t: Node, decay: bool
    ) -> tuple[Node, Slots]:
        """See Optimiser.update."""
        mean = self.beta1 * state["mean"] + (1 - self.beta1) * gradient
        squares = self.beta2 * state["square_mean"] + (1 - self.beta2) * ops.square(gradient)
        # The corrections are scalars: they scale η and the root, not the large arrays.
        root = ops.sqrt(squares) / ops.sqrt(1.0 - self.beta2**t) + self.epsilon
        scaled = rate / (1.0 - self.beta1**t)
        if decay and self.weight_decay:
            parameter = parameter * (1.0 - rate * self.weight_decay)
        return parameter - scaled * (mean / root), {"mean": mean, "square_mean": squares}


NAMES = ("sgd", "momentum", "nesterov", "adagrad", "adadelta", "adam", "adamw")


def optimiser(name: str, *, momentum: float = 0.9, weight_decay: float = 0.0, lazy: bool = False) -> Optimiser:
    """Return an optimiser by name.

    Args:
        name: one of ``NAMES``.
        momentum: μ of "momentum" and "nesterov".
        weight_decay: λ of "adamw" (PyTorch's default is 0.01, here 0).
        lazy: see ``Optimiser``.

    Raises:
        InputError: an unknown name.
    """
    table: dict[str, Callable[[], Optimiser]] = {
        "sgd": lambda: SGD(lazy=lazy),
        "momentum": lambda: Momentum(momentum=momentum, lazy=lazy),
        "nesterov": lambda: Momentum(momentum=momentum, nesterov=True, lazy=lazy),
        "adagrad": lambda: Adagrad(lazy=lazy),
        "adadelta": lambda: Adadelta(lazy=lazy),
        "adam": lambda: Adam(lazy=lazy),
        "adamw": lambda: Adam(weight_decay=weight_decay, lazy=lazy),
    }
    if name not in table:
        raise InputError(f"optimizer is one of {', '.join(NAMES)}; got {name!r}{suggest(name, NAMES)}")
    return table[name]()


def slot_name(parameter: str, slot: str) -> str:
    """The name under which the state ``slot`` of ``parameter`` is an input and output of a training step."""
    return f"{parameter}_{slot}"


def update_all(
    rule: Optimiser,
    parameters: Mapping[str, Node],
    gradients: Mapping[str, Node],
    state: Mapping[str, Node],
    rate: Node,
    step: Node,
    decays: Callable[[str], bool] = lambda name: True,
    rows: Mapping[str, Node] | None = None,
) -> tuple[dict[str, Node], dict[str, Node]]:
    """Add the update of every parameter to the graph.

    Args:
        rule: the optimiser.
        parameters: θ by name.
        gradients: g by the same names.
        state: slots by ``slot_name``.
        rate: η, a float scalar.
        step: updates done so far (0 at first), an int scalar.
        decays: for which parameters AdamW's decay holds.
        rows: ids, each at most once but for -1, of the rows that are updated, for parameters of which only some are;
            their gradients have these rows (and zeros at -1).

    Returns:
        New parameters and new state, by the names of the old.
    """
    t = ops.cast(step, "float") + 1.0
    new_parameters: dict[str, Node] = {}
    new_state: dict[str, Node] = {}
    for name, parameter in parameters.items():
        slots = {slot: state[slot_name(name, slot)] for slot in rule.slots}
        ids = (rows or {}).get(name)
        if ids is None:
            new, new_slots = rule.update(parameter, gradients[name], slots, rate, t, decays(name))
        else:
            read = {slot: ops.take(node, ids) for slot, node in slots.items()}
            new, new_slots = rule.update(ops.take(parameter, ids), gradients[name], read, rate, t, decays(name))
            new = ops.set_rows(parameter, new, ids)
            new_slots = {slot: ops.set_rows(slots[slot], node, ids) for slot, node in new_slots.items()}
        new_parameters[name] = new
        new_state |= {slot_name(name, slot): node for slot, node in new_slots.items()}
    return new_parameters, new_state


def rows_read(loss: Node, parameter: Node) -> Node | None:
    """The ids of the rows of a parameter that a loss looks up, one behind the other; None where it reads it otherwise.

    That is, where anything but ``take`` reads the parameter (a product of matrices, a slice), or nothing does.
    """
    ids: list[Node] = []
    seen, stack = {loss}, [loss]
    while stack:
        node = stack.pop()
        if any(operand is parameter for operand in node.inputs):
            if node.primitive.name != "take" or node.inputs[1] is parameter:
                return None
            ids.append(in_one_axis(node.inputs[1]))
        new = [operand for operand in node.inputs if operand not in seen]
        seen.update(new)
        stack.extend(new)
    return (ops.concatenate(ids, 0) if len(ids) > 1 else ids[0]) if ids else None
