"""Recurrent networks of our cells are PyTorch's, whole sequences and all gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lexgrad as lg

torch: Any = pytest.importorskip("torch")

TIME, BATCH, INPUTS, UNITS = 7, 3, 5, 4


def rnn(p: dict[str, Any], x: Any) -> Any:
    bias = p["bias_ih_l0"] + p["bias_hh_l0"]

    def step(h: Any, x_t: Any) -> Any:
        return (lg.rnn_cell(h, x_t, p["weight_ih_l0"].T, p["weight_hh_l0"].T, bias),) * 2

    return lg.scan(step, p["h"], x)


def lstm(p: dict[str, Any], x: Any) -> Any:
    bias = p["bias_ih_l0"] + p["bias_hh_l0"]

    def step(state: Any, x_t: Any) -> Any:
        new = lg.lstm_cell(state, x_t, p["weight_ih_l0"].T, p["weight_hh_l0"].T, bias)
        return new, new[0]

    return lg.scan(step, (p["h"], p["c"]), x)


def gru(p: dict[str, Any], x: Any) -> Any:
    def step(h: Any, x_t: Any) -> Any:
        weights = p["weight_ih_l0"].T, p["weight_hh_l0"].T
        return (lg.gru_cell(h, x_t, *weights, p["bias_ih_l0"], p["bias_hh_l0"]),) * 2

    return lg.scan(step, p["h"], x)


@pytest.mark.parametrize(("ours", "theirs"), [(rnn, "RNN"), (lstm, "LSTM"), (gru, "GRU")])
def test_values_and_gradients_agree(ours: Callable[..., Any], theirs: str) -> None:
    torch.manual_seed(3)
    module = getattr(torch.nn, theirs)(INPUTS, UNITS, dtype=torch.float64)
    tensors = {name: tensor.detach().requires_grad_() for name, tensor in module.named_parameters()}
    drawn = torch.randn(TIME, BATCH, INPUTS, dtype=torch.float64, requires_grad=True)
    starts = {name: torch.randn(BATCH, UNITS, dtype=torch.float64, requires_grad=True) for name in ("h", "c")}
    state = (starts["h"][None], starts["c"][None]) if theirs == "LSTM" else starts["h"][None]
    parameters = dict(module.named_parameters())
    all_, last = module(drawn, state)
    last_h = last[0] if theirs == "LSTM" else last
    loss = (all_.sin()).sum() + (last_h * 0.5).sum()
    if theirs == "LSTM":
        loss = loss + last[1].cos().sum()
    loss.backward()

    def our_loss(p: dict[str, Any], x: Any) -> Any:
        finals, states = ours(p, x)
        h, c = finals if theirs == "LSTM" else (finals, None)
        total = lg.sum(lg.sin(states)) + lg.sum(0.5 * h)
        return total if c is None else total + lg.sum(lg.cos(c))

    given = {name: tensor.detach().numpy() for name, tensor in (tensors | starts).items()}
    value, (d_parameters, d_x) = lg.value_and_grad(our_loss, (0, 1))(given, drawn.detach().numpy())
    assert value == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(d_x, drawn.grad.numpy(), rtol=1e-9, atol=1e-12)
    for name, parameter in (parameters | starts).items():
        expected = np.zeros(parameter.shape) if parameter.grad is None else parameter.grad.numpy()
        np.testing.assert_allclose(d_parameters[name], expected, rtol=1e-9, atol=1e-12, err_msg=name)
