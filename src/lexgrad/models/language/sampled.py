"""Sampled softmax: a few tokens of a noise stand for a large vocabulary while a model is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.compile import Rows
from lexgrad.graph import Node, Type, input_node
from lexgrad.nn.initialisers import generator

NOISE, NOISE_COSTS = "noise", "noise_costs"
POWER = 0.75  # of the tokens' counts, as Mikolov et al. 2013 draw their negative examples
NEVER = -1e9


def sampled_loss(h: Node, rows: Node, bias: Node, targets: Node, count: int) -> tuple[Node, dict[str, Node]]:
    """The mean over n targets of −log P, its denominator estimated from a noise; and the input nodes of the noise.

    exp(l_y) + Σ_s exp(l_s) / (S q_s) over the S tokens of the noise that are not the target y: its expected value is
    the sum over all tokens (Bengio and Senécal 2008, Adaptive importance sampling to accelerate training of a neural
    probabilistic language model; Jean et al. 2015, equation 8, share the noise among all targets of a batch).

    Args:
        h: (n, k).
        rows: (V, k), those of the output.
        bias: (V,).
        targets: (n,).
        count: S.
    """
    inputs = {
        NOISE: input_node(NOISE, Type("int", (count,))),
        NOISE_COSTS: input_node(NOISE_COSTS, Type("float", (count,))),
    }
    noise = inputs[NOISE]
    true = ops.sum(h * ops.take(rows, targets), 1) + ops.take(bias, targets)
    others = ops.matmul(h, ops.transpose(ops.take(rows, noise))) + ops.take(bias, noise) - inputs[NOISE_COSTS]
    same = ops.equal(ops.expand_dims(targets, 1), ops.expand_dims(noise, 0))
    logits = ops.concatenate([ops.expand_dims(true, 1), ops.where(same, NEVER, others)], 1)
    return ops.mean(ops.logsumexp(logits, 1) - true), inputs


@dataclass(frozen=True, eq=False)
class Noise:
    """Tokens drawn with replacement, as often as a power of their count says.

    Attributes:
        probabilities: float64 (V,).
        cumulative: float64 (V,).
        count: how many a step has.
        seed: fixes them.
    """

    probabilities: NDArray[np.float64]
    cumulative: NDArray[np.float64]
    count: int
    seed: int

    @classmethod
    def of(cls, stream: NDArray[np.integer[Any]], words: int, count: int, seed: int) -> Noise:
        """The noise of a stream of tokens; one that never occurs counts as one that occurs once."""
        counts = np.zeros(words, np.int64)
        for first in range(0, len(stream), 1 << 24):
            counts += np.bincount(stream[first : first + (1 << 24)], minlength=words)
        shares = np.maximum(counts, 1) ** POWER
        return cls(shares / shares.sum(), np.cumsum(shares) / shares.sum(), count, seed)

    def inputs(self, keys: list[str]) -> dict[str, Rows]:
        """What steps read: a key for each fixes its noise."""
        places = np.stack([generator(self.seed, f"noise/{key}").random(self.count) for key in keys])
        drawn = np.minimum(np.searchsorted(self.cumulative, places, side="right"), len(self.cumulative) - 1)
        costs = np.log(self.count * self.probabilities)
        turns = np.arange(len(keys))
        return {NOISE: Rows(drawn, turns), NOISE_COSTS: Rows(costs[drawn], turns)}
