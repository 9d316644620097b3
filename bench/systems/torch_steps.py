"""PyTorch: training steps, eager and compiled, in fp32 and in bf16.

Options: ``compile`` (a mode of ``torch.compile``), ``whole`` (forward, backward and update as one compiled function),
``sparse`` (sparse gradients of embeddings), ``library`` (``nn.RNN`` and ``nn.LSTM``), ``half`` (``autocast``, or
``masters``: parameters in bf16, updated through fp32 copies).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from bench.systems import Run, Setup
from bench.systems.torch_models import MODELS
from bench.workloads import Data

Batches = Sequence[tuple[torch.Tensor, ...]]


def _prepare(name: str, data: Data, setup: Setup) -> Run:
    torch.set_num_threads(setup.threads)
    options = setup.options
    make, batches_of = MODELS[name]
    model = make(data, options.get("sparse", False), options.get("library", False))
    rate, norm, batches = float(data["rate"]), data.get("norm"), batches_of(data)
    if options.get("whole"):
        step = _whole(model, rate, norm, options.get("half"))
    else:
        step = _modular(model, rate, norm, options, data.get("optimizer", "sgd"))

    def run(steps: int) -> float:
        loss = torch.zeros(())
        for i in range(steps):
            loss = step(*batches[i % len(batches)])
        return float(loss.detach())

    return run


def _modular(
    model: nn.Module, rate: float, norm: float | None, options: Any, optimizer: str
) -> Callable[..., torch.Tensor]:
    """A module, a loss, ``backward`` and an optimiser."""
    half, sparse = options.get("half"), options.get("sparse", False)
    update = _masters(model, rate) if half == "masters" else _optimiser(model, rate, sparse, optimizer)
    parameters = [p for p in model.parameters() if p.requires_grad]
    forward = torch.compile(model, mode=options["compile"]) if "compile" in options else model

    def step(*batch: torch.Tensor) -> torch.Tensor:
        for parameter in parameters:
            parameter.grad = None
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half == "autocast"):
            loss = forward(*batch)
        loss.backward()
        if norm is not None:
            _clip(parameters, norm)
        update()
        return loss

    return step


def _optimiser(model: nn.Module, rate: float, sparse: bool, name: str) -> Callable[[], None]:
    """The fastest form of an optimiser; embeddings with sparse gradients have one of their own for Adam."""
    if name == "sgd":
        return torch.optim.SGD(model.parameters(), lr=rate, **({} if sparse else {"fused": True})).step
    if name == "adadelta":
        return torch.optim.Adadelta(model.parameters(), lr=rate, foreach=True).step
    if not sparse:
        return torch.optim.Adam(model.parameters(), lr=rate, fused=True).step
    kinds = nn.Embedding | nn.EmbeddingBag
    tables = [p for module in model.modules() if isinstance(module, kinds) for p in module.parameters()]
    others = [p for p in model.parameters() if all(p is not table for table in tables)]
    both = torch.optim.SparseAdam(tables, lr=rate), torch.optim.Adam(others, lr=rate, fused=True)

    def update() -> None:
        for each in both:
            each.step()

    return update


def _clip(parameters: Sequence[nn.Parameter], norm: float) -> None:
    """Scale the gradient to at most ``norm``; PyTorch's own function does not take sparse ones."""
    if not any(p.grad.is_sparse for p in parameters):
        nn.utils.clip_grad_norm_(parameters, norm, foreach=True)
        return
    values = []
    for parameter in parameters:
        if parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()
        values.append(parameter.grad.values() if parameter.grad.is_sparse else parameter.grad)
    factor = torch.clamp(norm / (nn.utils.get_total_norm(values, foreach=True) + 1e-6), max=1.0)
    for value in values:
        value.mul_(factor)


def _masters(model: nn.Module, rate: float) -> Callable[[], None]:
    """Parameters become bf16, but for embeddings, of which a step touches a few rows; updates add up in fp32."""
    pairs = []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if isinstance(module, nn.Embedding | nn.EmbeddingBag):
                pairs.append((parameter, None))
            else:
                half = nn.Parameter(parameter.detach().bfloat16(), requires_grad=parameter.requires_grad)
                setattr(module, name, half)
                if parameter.requires_grad:
                    pairs.append((half, parameter.detach().clone()))
    halves = [(p, master) for p, master in pairs if master is not None]
    tables = [p for p, master in pairs if master is None]

    @torch.no_grad()
    def update() -> None:
        masters, parameters = [master for _, master in halves], [p for p, _ in halves]
        torch._foreach_add_(masters, [p.grad.float() for p in parameters], alpha=-rate)
        torch._foreach_copy_(parameters, masters)
        for table in tables:
            table.add_(table.grad, alpha=-rate)

    return update


def _whole(model: nn.Module, rate: float, norm: float | None, half: str | None) -> Callable[..., torch.Tensor]:
    """The step as one function of the parameters, which it updates in place; fp32 masters are the parameters."""
    parameters = {name: p.detach().clone() for name, p in model.named_parameters()}

    def loss_of(given: dict[str, torch.Tensor], *batch: torch.Tensor) -> torch.Tensor:
        if half == "masters":
            given = {name: p if name.startswith("E.") else p.bfloat16() for name, p in given.items()}
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half == "autocast"):
            return torch.func.functional_call(model, given, batch)

    @torch.compile
    def step(given: dict[str, torch.Tensor], *batch: torch.Tensor) -> torch.Tensor:
        gradients, loss = torch.func.grad_and_value(loss_of)(given, *batch)
        factor = rate
        if norm is not None:
            total = torch.sqrt(sum(g.square().sum() for g in gradients.values()))
            factor = rate * torch.clamp(norm / (total + 1e-6), max=1.0)
        for name, gradient in gradients.items():
            given[name].sub_(factor * gradient)
        return loss

    return functools.partial(step, parameters)


PREPARE = {name: functools.partial(_prepare, name) for name in MODELS}
