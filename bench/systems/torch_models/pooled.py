"""Classifiers on pooled embeddings."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from bench.systems.torch_models.parts import Models, linear, tensors
from bench.workloads import Data


class MeanPool(nn.Module):
    """The classifier on the mean of a text's embeddings."""

    def __init__(self, data: Data, sparse: bool, library: bool) -> None:
        super().__init__()
        self.E = nn.EmbeddingBag.from_pretrained(torch.tensor(data["E"]), freeze=False, mode="mean", sparse=sparse)
        self.out = linear(data["W"], data["b"])

    def forward(self, ids: torch.Tensor, offsets: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch."""
        pooled = self.E(ids, offsets).to(self.out.weight.dtype)
        return functional.cross_entropy(self.out(pooled).float(), target)


MODELS: Models = {
    "mean-pool": (
        MeanPool,
        lambda data: tensors(data["ids"], [data["offsets"][:-1]] * len(data["ids"]), data["target"]),
    ),
}
