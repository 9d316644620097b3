"""PyTorch: text drawn from language models, a token at a time under ``inference_mode``, in fp32 and in bf16.

Options: ``cells`` (``nn.RNNCell`` and ``nn.LSTMCell``, else ``nn.RNN`` and ``nn.LSTM``), ``compile`` (what reads a
token and draws the next through ``torch.compile``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from bench.systems import Run, Setup
from bench.systems.torch_models.parts import embedding, linear
from bench.workloads import Data
from bench.workloads.generation import GREEDY, text_loss

State = Any


class Cells(nn.Module):
    """Embedding, a cell a layer, and the output: the state is a list of a cell's states."""

    def __init__(self, data: Data) -> None:
        super().__init__()
        self.E, self.out = embedding(data, False), linear(data["O"], data["c"])
        units = len(data["U1"])
        cell = nn.RNNCell if len(data["b1"]) == units else nn.LSTMCell
        self.layers = nn.ModuleList([cell(units, units) for _ in range(data["layers"])])
        for number, layer in enumerate(self.layers, 1):
            _fill(layer, data, number, "")
        zeros = torch.zeros(1, units)
        self.start: State = [zeros if cell is nn.RNNCell else (zeros, zeros)] * data["layers"]

    def forward(self, token: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """The logits (1, V) behind a token (1,), and the state."""
        x, after = self.E(token), []
        for layer, last in zip(self.layers, state, strict=True):
            new = layer(x, last)
            x = new if isinstance(new, torch.Tensor) else new[0]
            after.append(new)
        return self.out(x), after


class Layers(nn.Module):
    """The same with PyTorch's layers."""

    def __init__(self, data: Data) -> None:
        super().__init__()
        self.E, self.out = embedding(data, False), linear(data["O"], data["c"])
        units = len(data["U1"])
        kind = nn.RNN if len(data["b1"]) == units else nn.LSTM
        self.layer = kind(units, units, data["layers"])
        for number in range(1, data["layers"] + 1):
            _fill(self.layer, data, number, f"_l{number - 1}")
        zeros = torch.zeros(data["layers"], 1, units)
        self.start: State = zeros if kind is nn.RNN else (zeros, zeros)

    def forward(self, token: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """The logits (1, V) behind a token (1,), and the state."""
        h, after = self.layer(self.E(token).unsqueeze(0), state)
        return self.out(h[0]), after


def _fill(layer: nn.Module, data: Data, number: int, suffix: str) -> None:
    with torch.no_grad():
        for name, value in {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b"}.items():
            getattr(layer, name + suffix).copy_(torch.tensor(data[f"{value}{number}"].T))
        getattr(layer, "bias_hh" + suffix).zero_()  # the model has one bias


def _prepare(data: Data, setup: Setup) -> Run:
    torch.set_num_threads(setup.threads)
    model = (Cells if setup.options.get("cells") else Layers)(data).eval()
    start = model.start
    if setup.precision == "bf16":
        model, start = model.to(torch.bfloat16), _halved(start)

    def drawn(token: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        logits, state = model(token, state)
        return torch.multinomial(torch.softmax(logits.float(), 1), 1)[:, 0], state

    def likeliest(token: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        logits, state = model(token, state)
        return logits.argmax(1), state

    step = torch.compile(drawn) if setup.options.get("compile") else drawn

    def text(count: int, step: Callable[[torch.Tensor, State], tuple[torch.Tensor, State]]) -> list[int]:
        token, state, tokens = torch.tensor([len(data["E"]) - 1]), start, []
        with torch.inference_mode():
            for _ in range(count):
                token, state = step(token, state)
                tokens.append(int(token))
        return tokens

    def run(steps: int) -> Callable[[], float]:
        text(steps, step)
        return lambda: text_loss(data, text(GREEDY, likeliest))

    return run


def _halved(state: State) -> State:
    if isinstance(state, torch.Tensor):
        return state.to(torch.bfloat16)
    return type(state)(_halved(part) for part in state)


PREPARE = dict.fromkeys(("elman-text", "lstm-text", "lstm-text-650"), _prepare)
