"""Classifiers on pooled embeddings."""

from __future__ import annotations

import numpy as np
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


class DeepAveraging(nn.Module):
    """The deep averaging network, on an ``EmbeddingBag``."""

    def __init__(self, data: Data, sparse: bool, library: bool) -> None:
        super().__init__()
        self.E = nn.EmbeddingBag.from_pretrained(torch.tensor(data["E"]), freeze=False, mode="mean", sparse=sparse)
        self.layers = nn.ModuleList(linear(data[f"W{i}"], data[f"b{i}"]) for i in (1, 2, 3))

    def forward(self, ids: torch.Tensor, offsets: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch."""
        first, second, last = self.layers
        a = self.E(ids, offsets).to(first.weight.dtype)
        return functional.cross_entropy(last(torch.relu(second(torch.relu(first(a))))).float(), target)


def _bags(data: Data) -> list[tuple[torch.Tensor, ...]]:
    """Word ids one text after the other, and where each begins."""
    offsets = [np.cumsum([0, *(len(text) for text in texts[:-1])]) for texts in data["texts"]]
    return [
        (torch.tensor(np.concatenate(texts)), torch.tensor(begins), torch.tensor(target))
        for texts, begins, target in zip(data["texts"], offsets, data["target"], strict=True)
    ]


MODELS: Models = {
    "dan": (DeepAveraging, _bags),
    "dan-adam": (DeepAveraging, _bags),
    "mean-pool": (
        MeanPool,
        lambda data: tensors(data["ids"], [data["offsets"][:-1]] * len(data["ids"]), data["target"]),
    ),
}
