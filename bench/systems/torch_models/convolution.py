"""Convolutional networks: sentences are padded to the longest one of their batch."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from bench.systems.torch_models.parts import Models, linear, parameter
from bench.workloads import Data
from bench.workloads.convolution import KERNELS


class TextCNN(nn.Module):
    """Filters, the maximum over all time, and a softmax; the windows behind a sentence's own are left out."""

    def __init__(self, data: Data, sparse: bool, library: bool) -> None:
        super().__init__()
        words, d = data["E"].shape
        table = torch.cat([torch.tensor(data["E"]), torch.zeros(1, d)])
        self.E = nn.Embedding.from_pretrained(table, freeze=False, sparse=sparse, padding_idx=words)
        self.kernels = nn.ModuleList()
        for k in KERNELS:
            layer = nn.Conv1d(d, data[f"K{k}"].shape[1], k)
            layer.weight = parameter(np.ascontiguousarray(data[f"K{k}"].transpose(1, 2, 0)))
            layer.bias = parameter(data[f"b{k}"])
            self.kernels.append(layer)
        self.out = linear(data["U"], data["c"])

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch; ids are (batch, length)."""
        x = self.E(ids).to(self.out.weight.dtype).transpose(1, 2)
        features = []
        for k, layer in zip(KERNELS, self.kernels, strict=True):
            answers = layer(x)
            behind = torch.arange(answers.shape[2]) > (lengths - k).clamp(min=0)[:, None]
            features.append(functional.relu(answers.masked_fill(behind[:, None], -torch.inf).amax(2)))
        return functional.cross_entropy(self.out(torch.cat(features, 1)).float(), target)


def _batches(data: Data) -> list[tuple[torch.Tensor, ...]]:
    made, begin, padding = [], 0, len(data["E"])
    for offsets, target in zip(data["offsets"], data["target"], strict=True):
        ids = torch.full((len(target), max(int(np.diff(offsets).max()), *KERNELS)), padding)
        for row, (first, last) in enumerate(itertools.pairwise(offsets)):
            ids[row, : last - first] = torch.tensor(data["ids"][begin + first : begin + last])
        made.append((ids, torch.tensor(np.diff(offsets)), torch.tensor(target)))
        begin += offsets[-1]
    return made


MODELS: Models = {f"textcnn-{name}": (TextCNN, _batches) for name in ("sgd", "adam", "adadelta")}
