"""Language models."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from bench.systems.torch_models.parts import Models, embedding, linear, parameter, tensors
from bench.workloads import Data


class FeedForwardLM(nn.Module):
    """The feed-forward language model."""

    def __init__(self, data: Data, sparse: bool, library: bool) -> None:
        super().__init__()
        self.E = embedding(data, sparse)
        self.hidden, self.out = linear(data["W"], data["b"]), linear(data["U"], data["c"])

    def forward(self, context: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch."""
        embedded = self.E(context).flatten(1).to(self.out.weight.dtype)
        return functional.cross_entropy(self.out(torch.tanh(self.hidden(embedded))).float(), target)


class RecurrentLM(nn.Module):
    """The Elman network (one gate) and the LSTM (four): with a loop of its own, or PyTorch's layer."""

    def __init__(self, data: Data, sparse: bool, library: bool) -> None:
        super().__init__()
        self.E = embedding(data, sparse)
        self.gates = data["U"].shape[1] // data["U"].shape[0]
        self.input, self.U = linear(data["W"], data["b"]), parameter(data["U"])
        self.out = linear(data["V"], data["c"])
        self.layer = self._layer(data) if library else None
        if library:
            del self.input, self.U

    def _layer(self, data: Data) -> nn.Module:
        d, hidden = data["W"].shape[0], data["U"].shape[0]
        layer = nn.RNN(d, hidden) if self.gates == 1 else nn.LSTM(d, hidden)
        layer.weight_ih_l0 = parameter(np.ascontiguousarray(data["W"].T))
        layer.weight_hh_l0 = parameter(np.ascontiguousarray(data["U"].T))
        layer.bias_ih_l0 = parameter(data["b"])
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


MODELS: Models = {
    "ffnn-lm": (FeedForwardLM, lambda data: tensors(data["context"], data["target"])),
    "elman-lm": (RecurrentLM, lambda data: tensors(data["tokens"], data["target"])),
    "lstm-lm": (RecurrentLM, lambda data: tensors(data["tokens"], data["target"])),
}
