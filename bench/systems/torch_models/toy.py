"""The lectures' toy networks."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from bench.systems.torch_models.parts import Models, linear, tensors
from bench.workloads import Data


class Xor(nn.Module):
    """The 2-4-1 network."""

    def __init__(self, data: Data, sparse: bool, library: bool) -> None:
        super().__init__()
        self.hidden, self.out = linear(data["W"], data["b"]), linear(data["u"][:, None], data["c"][None])

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch."""
        logits = self.out(torch.tanh(self.hidden(x.to(self.out.weight.dtype)))).squeeze(1)
        return functional.binary_cross_entropy_with_logits(logits.float(), y)


MODELS: Models = {"xor": (Xor, lambda data: tensors([data["x"]], [data["y"]]))}
