"""Every optimiser, step by step: against hand-written formulas in NumPy, and against torch.optim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.graph import Graph, Type, input_node
from lexgrad.nn.losses import l2_penalty
from lexgrad.nn.optimisers import NAMES, Optimiser, optimiser, slot_name
from lexgrad.train.step import Objective, TrainingStep, build_step, initial_state, step_input

Array = NDArray[Any]
STEPS = 7
TARGET = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])
START = np.array([[0.3, 0.1, -0.2], [0.0, -0.5, 0.7]])
RATES = [0.1, 0.1, 0.05, 0.2, 0.1, 0.01, 0.1]


def quadratic_step(rule: Optimiser, l2: float = 0.0, **clipping: float) -> TrainingStep:
    """Loss = sum of (θ − target)² x, whose gradient is 2 (θ − target) x."""
    theta, x, step = input_node("theta", Type("float", (2, 3))), input_node("x", Type("float", ())), step_input()
    loss = ops.sum(ops.square(theta - TARGET)) * x
    penalty = l2_penalty({"theta": theta}, l2, lambda name: True)
    objective = Objective(loss, penalty, {"x": x}, {"theta": theta}, ("theta",), step)
    return TrainingStep(build_step(objective, rule, **clipping), ("theta",), "fp64")  # type: ignore[arg-type]


def trajectory(rule: Optimiser, l2: float = 0.0, **clipping: float) -> list[Array]:
    step = quadratic_step(rule, l2, **clipping)
    parameters: Any = {"theta": START}
    state: Any = initial_state(rule, parameters, ("theta",))
    path = []
    for update in range(STEPS):
        parameters, state, _ = step(parameters, state, {"x": np.array(1.0 + update)}, RATES[update], update)
        path.append(parameters["theta"].copy())  # the next step updates it in place
    return path


def gradient(theta: Array, update: int) -> Array:
    return np.asarray(2 * (theta - TARGET) * (1.0 + update))


def by_hand(name: str) -> list[Array]:
    theta, a, b, path = START.copy(), np.zeros_like(START), np.zeros_like(START), []
    for update in range(STEPS):
        g, rate, t = gradient(theta, update), RATES[update], update + 1
        if name == "sgd":
            theta = theta - rate * g
        elif name in ("momentum", "nesterov"):
            a = 0.9 * a + g
            theta = theta - rate * (g + 0.9 * a if name == "nesterov" else a)
        elif name == "adagrad":
            a = a + g * g
            theta = theta - rate * g / (np.sqrt(a) + 1e-10)
        elif name == "adadelta":
            a = 0.9 * a + 0.1 * g * g
            delta = np.sqrt(b + 1e-6) / np.sqrt(a + 1e-6) * g
            b = 0.9 * b + 0.1 * delta * delta
            theta = theta - rate * delta
        else:
            a, b = 0.9 * a + 0.1 * g, 0.999 * b + 0.001 * g * g
            theta = theta * (1 - rate * 0.03) if name == "adamw" else theta
            theta = theta - rate * (a / (1 - 0.9**t)) / (np.sqrt(b / (1 - 0.999**t)) + 1e-8)
        path.append(theta)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_against_the_formulas(name: str) -> None:
    ours = trajectory(optimiser(name, weight_decay=0.03))
    for mine, theirs in zip(ours, by_hand(name), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


def torch_optimisers(torch: Any) -> dict[str, Callable[[Any, float], Any]]:
    optim = torch.optim
    return {
        "sgd": lambda p, decay: optim.SGD(p, lr=1.0, weight_decay=decay),
        "momentum": lambda p, decay: optim.SGD(p, lr=1.0, momentum=0.9, weight_decay=decay),
        "nesterov": lambda p, decay: optim.SGD(p, lr=1.0, momentum=0.9, nesterov=True, weight_decay=decay),
        "adagrad": lambda p, decay: optim.Adagrad(p, lr=1.0, weight_decay=decay),
        "adadelta": lambda p, decay: optim.Adadelta(p, lr=1.0, weight_decay=decay),
        "adam": lambda p, decay: optim.Adam(p, lr=1.0, weight_decay=decay),
        "adamw": lambda p, decay: optim.AdamW(p, lr=1.0, weight_decay=decay),
    }


@pytest.mark.parametrize("decay", [0.0, 0.03])
@pytest.mark.parametrize("clip", ["none", "norm", "value"])
@pytest.mark.parametrize("name", NAMES)
def test_against_torch(name: str, clip: str, decay: float) -> None:
    torch = pytest.importorskip("torch")
    theta = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    theirs = torch_optimisers(torch)[name]([theta], decay)
    l2 = 0.0 if name == "adamw" else decay
    clipping = {"norm": {"clip_norm": 1.5}, "value": {"clip_value": 0.7}, "none": {}}[clip]
    if clip != "none" and l2:
        pytest.skip("PyTorch adds weight decay after clipping, we before it: L2 is part of the loss here")
    ours = trajectory(optimiser(name, weight_decay=decay), l2, **clipping)
    for update in range(STEPS):
        theirs.param_groups[0]["lr"] = RATES[update]
        theirs.zero_grad()
        (((theta - torch.tensor(TARGET)) ** 2).sum() * (1.0 + update)).backward()
        if clip == "norm":
            torch.nn.utils.clip_grad_norm_([theta], 1.5)
        if clip == "value":
            torch.nn.utils.clip_grad_value_([theta], 0.7)
        theirs.step()
        np.testing.assert_allclose(ours[update], theta.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_a_step_is_one_graph() -> None:
    step = quadratic_step(optimiser("adam"))
    assert isinstance(step.graph, Graph)
    assert list(step.graph.inputs) == ["theta", "theta_mean", "theta_square_mean", "x", "rate", "step"]
    assert list(step.graph.outputs) == ["loss", "theta", "theta_mean", "theta_square_mean"]
    assert slot_name("theta", "mean") == "theta_mean"


def test_unknown_optimiser() -> None:
    with pytest.raises(InputError, match="did you mean 'adagrad'"):
        optimiser("adagard")
