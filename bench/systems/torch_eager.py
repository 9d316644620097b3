"""PyTorch, eager: the model as its users write it, with sparse gradients for large embedding tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from bench.workloads import Data

Run = Callable[[int], float]
SPARSE = True
COMPILE = False


def _parameter(array: Any) -> nn.Parameter:
    return nn.Parameter(torch.tensor(np.asarray(array)))


def _steps(model: nn.Module, batches: list[tuple[torch.Tensor, ...]], rate: float, precision: str) -> Run:
    """SGD over the batches in turn; bf16 through autocast, as PyTorch recommends."""
    optimiser = torch.optim.SGD(model.parameters(), lr=rate)
    forward = torch.compile(model) if COMPILE else model
    half = precision == "bf16"

    def run(steps: int) -> float:
        loss = torch.zeros(())
        for i in range(steps):
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
                loss = forward(*batches[i % len(batches)])
            loss.backward()
            optimiser.step()
        return float(loss.detach())

    return run


class _LanguageModel(nn.Module):
    def __init__(self, data: Data) -> None:
        super().__init__()
        self.E = nn.Embedding.from_pretrained(torch.tensor(data["E"]), freeze=False, sparse=SPARSE)
        self.W, self.b = _parameter(data["W"]), _parameter(data["b"])
        self.U, self.c = _parameter(data["U"]), _parameter(data["c"])

    def forward(self, context: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(torch.addmm(self.b, self.E(context).flatten(1), self.W))
        return functional.cross_entropy(torch.addmm(self.c, hidden, self.U), target)


class _MeanPool(nn.Module):
    def __init__(self, data: Data) -> None:
        super().__init__()
        self.E = nn.EmbeddingBag.from_pretrained(torch.tensor(data["E"]), freeze=False, mode="mean", sparse=SPARSE)
        self.W, self.b = _parameter(data["W"]), _parameter(data["b"])

    def forward(self, ids: torch.Tensor, offsets: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(torch.addmm(self.b, self.E(ids, offsets), self.W), target)


class _Xor(nn.Module):
    def __init__(self, data: Data) -> None:
        super().__init__()
        self.W, self.b = _parameter(data["W"]), _parameter(data["b"])
        self.u, self.c = _parameter(data["u"]), _parameter(data["c"])

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(torch.addmm(self.b, x, self.W))
        return functional.binary_cross_entropy_with_logits(hidden @ self.u + self.c, y)


def _tensors(*arrays: Any) -> list[tuple[torch.Tensor, ...]]:
    return [tuple(torch.tensor(array) for array in batch) for batch in zip(*arrays, strict=True)]


def _ffnn_lm(data: Data, threads: int, precision: str) -> Run:
    torch.set_num_threads(threads)
    return _steps(_LanguageModel(data), _tensors(data["context"], data["target"]), data["rate"], precision)


def _mean_pool(data: Data, threads: int, precision: str) -> Run:
    torch.set_num_threads(threads)
    offsets = [data["offsets"][:-1]] * len(data["ids"])
    return _steps(_MeanPool(data), _tensors(data["ids"], offsets, data["target"]), data["rate"], precision)


def _xor(data: Data, threads: int, precision: str) -> Run:
    torch.set_num_threads(threads)
    return _steps(_Xor(data), _tensors([data["x"]], [data["y"]]), data["rate"], precision)


PREPARE = {"ffnn-lm": _ffnn_lm, "mean-pool": _mean_pool, "xor": _xor}
