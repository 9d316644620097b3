"""Taggers: sentences padded to the longest of their batch, words to the longest of theirs.

Option ``library``: ``nn.LSTM`` both ways on a packed sequence; else one each way on padded sentences, turned round by
index, for the second must not begin in the padding.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bench.systems.torch_models.parts import Models, linear, parameter
from bench.workloads import Data

SIDES = (("f", ""), ("b", "_reverse"))


class Tagger(nn.Module):
    """What is known of words, an LSTM each way, and the tags."""

    def __init__(self, data: Data, sparse: bool, library: bool) -> None:
        super().__init__()
        self.E, self.A = (_embedding(data[name], sparse) for name in "EA")
        letter, filters = data["C"].shape[1], data["F"].shape[1]
        self.C = nn.Embedding.from_pretrained(
            torch.tensor(np.pad(data["C"], ((0, 1), (0, 0)))), freeze=False, padding_idx=len(data["C"])
        )
        self.filters = nn.Conv1d(letter, filters, 3, padding=1)
        self.filters.weight = parameter(data["F"].reshape(3, letter, filters).transpose(2, 1, 0).copy())
        self.filters.bias = parameter(data["bF"])
        self.lstms = self._lstms(data, library)
        self.library = library
        self.out = linear(data["W"], data["b"])

    def _lstms(self, data: Data, library: bool) -> nn.ModuleList:
        units = data["U1f"].shape[0]
        count = 1 if library else 2
        made = [nn.LSTM(len(data["W1f"]), units, batch_first=True, bidirectional=library) for _ in range(count)]
        for number, (side, suffix) in enumerate(SIDES):
            layer, end = (made[0], suffix) if library else (made[number], "")
            setattr(layer, f"weight_ih_l0{end}", parameter(np.ascontiguousarray(data[f"W1{side}"].T)))
            setattr(layer, f"weight_hh_l0{end}", parameter(np.ascontiguousarray(data[f"U1{side}"].T)))
            setattr(layer, f"bias_ih_l0{end}", parameter(data[f"b1{side}"]))
            zeros = torch.zeros(len(data[f"b1{side}"]))
            setattr(layer, f"bias_hh_l0{end}", nn.Parameter(zeros, requires_grad=False))  # the model has one bias
        return nn.ModuleList(made)

    def forward(
        self,
        words: torch.Tensor,
        affixes: torch.Tensor,
        characters: torch.Tensor,
        lengths: torch.Tensor,
        inside: torch.Tensor,
        turned: torch.Tensor,
        target: torch.Tensor,
    ) -> torch.Tensor:
        """The mean loss of a batch.

        Args:
            words: (tokens,).
            affixes: (tokens, columns).
            characters: (tokens, longest), those behind a word's end padding.
            lengths: (batch,) of sentences.
            inside: (tokens,) where each word stands in the flattened (batch, time).
            turned: (batch, time) where each place's word stands when sentences are turned round.
            target: (tokens,).
        """
        letters = self.filters(self.C(characters).transpose(1, 2))
        padding = (characters == len(self.C.weight) - 1).unsqueeze(1)
        fired = functional.relu(letters.masked_fill(padding, float("-inf")).amax(2))
        known = torch.cat([self.E(words), self.A(affixes).flatten(1), fired.float()], 1).to(self.out.weight.dtype)
        batch, time = turned.shape
        padded = known.new_zeros(batch * time, known.shape[1]).index_copy(0, inside, known).view(batch, time, -1)
        if self.library:
            packed = pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)
            states = pad_packed_sequence(self.lstms[0](packed)[0], batch_first=True)[0]
        else:
            states = torch.cat([self.lstms[0](padded)[0], self._backwards(padded, turned)], 2)
        return functional.cross_entropy(self.out(states.flatten(0, 1)[inside]).float(), target)

    def _backwards(self, padded: torch.Tensor, turned: torch.Tensor) -> torch.Tensor:
        index = turned.unsqueeze(2)
        backwards = self.lstms[1](padded.gather(1, index.expand(-1, -1, padded.shape[2])))[0]
        return backwards.gather(1, index.expand(-1, -1, backwards.shape[2]))


def _embedding(table: np.ndarray, sparse: bool) -> nn.Embedding:
    return nn.Embedding.from_pretrained(torch.tensor(table), freeze=False, sparse=sparse)


def _batches(data: Data) -> list[tuple[torch.Tensor, ...]]:
    found = []
    for first, last in itertools.pairwise(data["cuts"]):
        offsets = data["offsets"][first : last + 1]
        word, word_end = offsets[0], offsets[-1]
        ends = data["ends"][word : word_end + 1]
        lengths, sizes = np.diff(offsets), np.diff(ends)
        time, longest = lengths.max(), sizes.max()
        characters = np.full((len(sizes), longest), len(data["C"]))
        characters[np.arange(longest) < sizes[:, None]] = data["characters"][ends[0] : ends[-1]]
        t = np.arange(time)
        inside = np.flatnonzero(t < lengths[:, None])
        turned = np.where(t < lengths[:, None], lengths[:, None] - 1 - t, t)
        arrays = (data["words"][word:word_end], data["affixes"][word:word_end], characters, lengths, inside, turned)
        found.append(tuple(torch.tensor(array) for array in (*arrays, data["target"][word:word_end])))
    return found


MODELS: Models = {"tagger": (Tagger, _batches)}
