"""PyTorch: the models as modules. Weights are stored as ``nn.Linear`` does, outputs by inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from bench.workloads import Data


def _parameter(array: Any) -> nn.Parameter:
    return nn.Parameter(torch.tensor(np.asarray(array)))


def _linear(weight: Any, bias: Any) -> nn.Linear:
    layer = nn.Linear(*weight.shape)
    layer.weight, layer.bias = _parameter(np.ascontiguousarray(weight.T)), _parameter(bias)
    return layer


def _embedding(data: Data, sparse: bool) -> nn.Embedding:
    return nn.Embedding.from_pretrained(torch.tensor(data["E"]), freeze=False, sparse=sparse)


class FeedForwardLM(nn.Module):
    """The feed-forward language model."""

    def __init__(self, data: Data, sparse: bool, library: bool) -> None:
        super().__init__()
        self.E = _embedding(data, sparse)
        self.hidden, self.out = _linear(data["W"], data["b"]), _linear(data["U"], data["c"])

    def forward(self, context: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch."""
        embedded = self.E(context).flatten(1).to(self.out.weight.dtype)
        return functional.cross_entropy(self.out(torch.tanh(self.hidden(embedded))).float(), target)


class MeanPool(nn.Module):
    """The classifier on the mean of a text's embeddings."""

    def __init__(self, data: Data, sparse: bool, library: bool) -> None:
        super().__init__()
        self.E = nn.EmbeddingBag.from_pretrained(torch.tensor(data["E"]), freeze=False, mode="mean", sparse=sparse)
        self.out = _linear(data["W"], data["b"])

    def forward(self, ids: torch.Tensor, offsets: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch."""
        pooled = self.E(ids, offsets).to(self.out.weight.dtype)
        return functional.cross_entropy(self.out(pooled).float(), target)


class RecurrentLM(nn.Module):
    """The Elman network (one gate) and the LSTM (four): with a loop of its own, or PyTorch's layer."""

    def __init__(self, data: Data, sparse: bool, library: bool) -> None:
        super().__init__()
        self.E = _embedding(data, sparse)
        self.gates = data["U"].shape[1] // data["U"].shape[0]
        self.input, self.U = _linear(data["W"], data["b"]), _parameter(data["U"])
        self.out = _linear(data["V"], data["c"])
        self.layer = self._layer(data) if library else None
        if library:
            del self.input, self.U

    def _layer(self, data: Data) -> nn.Module:
        d, hidden = data["W"].shape[0], data["U"].shape[0]
        layer = nn.RNN(d, hidden) if self.gates == 1 else nn.LSTM(d, hidden)
        layer.weight_ih_l0 = _parameter(np.ascontiguousarray(data["W"].T))
        layer.weight_hh_l0 = _parameter(np.ascontiguousarray(data["U"].T))
        layer.bias_ih_l0 = _parameter(data["b"])
        layer.bias_hh_l0 = nn.Parameter(torch.zeros(len(data["b"])), requires_grad=False)  # the model has one bias
        return layer

    def forward(self, tokens: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch; tokens are (time, batch)."""
        embedded = self.E(tokens).to(self.out.weight.dtype)
        states = self.layer(embedded)[0] if self.layer is not None else self._loop(embedded)
        return functional.cross_entropy(self.out(states.flatten(0, 1)).float(), target.flatten())

    def _loop(self, embedded: torch.Tensor) -> torch.Tensor:
        inputs, states = self.input(embedded), []
        h = torch.zeros(embedded.shape[1], self.U.shape[0], dtype=inputs.dtype)
        c = h
        for x in inputs.unbind(0):
            z = torch.addmm(x, h, self.U)
            if self.gates == 1:
                h = torch.tanh(z)
            else:
                i, f, g, o = z.chunk(4, 1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            states.append(h)
        return torch.stack(states)


class Xor(nn.Module):
    """The 2-4-1 network."""

    def __init__(self, data: Data, sparse: bool, library: bool) -> None:
        super().__init__()
        self.hidden, self.out = _linear(data["W"], data["b"]), _linear(data["u"][:, None], data["c"][None])

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch."""
        logits = self.out(torch.tanh(self.hidden(x.to(self.out.weight.dtype)))).squeeze(1)
        return functional.binary_cross_entropy_with_logits(logits.float(), y)


def _tensors(*arrays: Any) -> list[tuple[torch.Tensor, ...]]:
    return [tuple(torch.tensor(array) for array in batch) for batch in zip(*arrays, strict=True)]


MODELS: dict[str, tuple[type[nn.Module], Callable[[Data], list[tuple[torch.Tensor, ...]]]]] = {
    "ffnn-lm": (FeedForwardLM, lambda data: _tensors(data["context"], data["target"])),
    "elman-lm": (RecurrentLM, lambda data: _tensors(data["tokens"], data["target"])),
    "lstm-lm": (RecurrentLM, lambda data: _tensors(data["tokens"], data["target"])),
    "mean-pool": (
        MeanPool,
        lambda data: _tensors(data["ids"], [data["offsets"][:-1]] * len(data["ids"]), data["target"]),
    ),
    "xor": (Xor, lambda data: _tensors([data["x"]], [data["y"]])),
}
"""Each workload's module, and its batches as tensors."""
