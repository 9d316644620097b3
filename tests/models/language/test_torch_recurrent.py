"""An LSTM language model against PyTorch's: log P of every token of a text."""

from __future__ import annotations

import numpy as np
import pytest

from lexgrad.models import GRULM, LSTMLM
from lexgrad.models.language.lines import encode_lines
from lexgrad.text.corpus import Corpus
from tests.models.language.test_neural import LINES, RECURRENT


@pytest.mark.parametrize("layers", [1, 2])
def test_log_probabilities_are_pytorchs(layers: int) -> None:
    torch = pytest.importorskip("torch")
    model = LSTMLM(**{**RECURRENT, "layers": layers, "precision": "fp64", "epochs": 2}).fit(LINES)
    theirs = torch.nn.LSTM(6, 5, layers, dtype=torch.float64)
    p = {name: torch.tensor(array) for name, array in model.parameters_.items()}
    with torch.no_grad():
        for layer in range(layers):
            getattr(theirs, f"weight_ih_l{layer}").copy_(p[f"W{layer + 1}"].T)
            getattr(theirs, f"weight_hh_l{layer}").copy_(p[f"U{layer + 1}"].T)
            getattr(theirs, f"bias_ih_l{layer}").copy_(p[f"b{layer + 1}"])
            getattr(theirs, f"bias_hh_l{layer}").zero_()
        lines = encode_lines(model.tokenizer_, Corpus.of(LINES))
        stream = torch.tensor(model.stream(lines, 1))
        h, _ = theirs(p["E"][stream[:-1]])
        found = torch.log_softmax(h @ p["O"] + p["c"], 1).gather(1, stream[1:, None])[:, 0]
    np.testing.assert_allclose(model.line_logarithms(lines), found.numpy(), rtol=1e-9)


def test_a_gru_is_pytorchs_but_for_its_second_bias() -> None:
    torch = pytest.importorskip("torch")
    model = GRULM(**{**RECURRENT, "precision": "fp64", "epochs": 1}).fit(LINES)
    p = {name: torch.tensor(array) for name, array in model.parameters_.items()}
    theirs = torch.nn.GRU(6, 5, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(p["W1"].T)
        theirs.weight_hh_l0.copy_(p["U1"].T)
        theirs.bias_ih_l0.copy_(p["b1"])
        theirs.bias_hh_l0.zero_()
        lines = encode_lines(model.tokenizer_, Corpus.of(LINES))
        stream = torch.tensor(model.stream(lines, 1))
        h, _ = theirs(p["E"][stream[:-1]])
        found = torch.log_softmax(h @ p["O"] + p["c"], 1).gather(1, stream[1:, None])[:, 0]
    np.testing.assert_allclose(model.line_logarithms(lines), found.numpy(), rtol=1e-9)
