"""Recurrent classifiers of texts of different lengths."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from bench.systems.torch_models.parts import Models, linear, parameter
from bench.workloads import Data


class LstmClassifier(nn.Module):
    """``nn.LSTM`` over padded texts; with ``library``, over a packed sequence."""

    def __init__(self, data: Data, sparse: bool, library: bool) -> None:
        super().__init__()
        self.packed = library
        words, d = data["E"].shape
        rows = torch.tensor(np.concatenate([data["E"], np.zeros((1, d), np.float32)]))
        self.E = nn.Embedding.from_pretrained(rows, freeze=False, padding_idx=words, sparse=sparse)
        self.layer = nn.LSTM(d, data["U"].shape[0])
        self.layer.weight_ih_l0 = parameter(np.ascontiguousarray(data["W"].T))
        self.layer.weight_hh_l0 = parameter(np.ascontiguousarray(data["U"].T))
        self.layer.bias_ih_l0 = parameter(data["b"])
        self.layer.bias_hh_l0 = nn.Parameter(torch.zeros(len(data["b"])), requires_grad=False)  # the model has one bias
        self.out = linear(data["V"], data["c"])

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch; ids are (time, batch), the longest text first."""
        embedded = self.E(ids).to(self.out.weight.dtype)
        if self.packed:
            last = self.layer(pack_padded_sequence(embedded, lengths))[1][0][0]
        else:
            last = self.layer(embedded)[0][lengths - 1, torch.arange(len(lengths))]
        return functional.cross_entropy(self.out(last).float(), target)


def _padded(data: Data) -> list[tuple[torch.Tensor, ...]]:
    """Word ids (time, batch), the longest text first; behind the end of a text the number of words."""
    batches = []
    for texts, target in zip(data["texts"], data["target"], strict=True):
        order = sorted(range(len(texts)), key=lambda i, texts=texts: -len(texts[i]))  # type: ignore[misc]
        lengths = [len(texts[i]) for i in order]
        ids = np.full((lengths[0], len(texts)), data["vocabulary"])
        for column, i in enumerate(order):
            ids[: lengths[column], column] = texts[i]
        batches.append((torch.tensor(ids), torch.tensor(lengths), torch.tensor(target[order])))
    return batches


MODELS: Models = {"lstm-classifier": (LstmClassifier, _padded)}
