"""Drawing a token from a distribution: temperature, top-k and nucleus (top-p) sampling."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError

Float = NDArray[np.float64]
HOTTEST = 1_000_000  # where all tokens are as good as equally probable; in fp32 a much higher one would be infinite


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How tokens are drawn.

    Attributes:
        temperature: logits are divided by it; 0 takes the most probable token.
        top_k: draw among the k most probable tokens only.
        top_p: draw among the fewest most probable tokens that together have this probability (Holtzman et al. 2020).

    Raises:
        InputError: a number out of its range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= HOTTEST:
            raise InputError(f"temperature is 0 or more, and at most {HOTTEST:,}; got {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k is 1 or more; got {self.top_k}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"top_p is above 0 and at most 1; got {self.top_p}")

    @property
    def cuts(self) -> bool:
        """Whether it draws among some of the tokens only."""
        return self.top_k is not None or self.top_p is not None

    def distribution(self, logarithms: Float) -> Float:
        """Return the probabilities that a token is drawn with, (V,), from log-probabilities or logits (V,)."""
        if self.temperature == 0:
            only = np.zeros_like(logarithms)
            only[int(logarithms.argmax())] = 1.0
            return only
        scaled = logarithms / self.temperature
        powers = np.exp(scaled - scaled.max())
        probabilities: Float = powers / powers.sum()
        if self.cuts:
            probabilities = self._cut(probabilities)
        return probabilities

    def _cut(self, probabilities: Float) -> Float:
        order = np.argsort(-probabilities, kind="stable")
        keep = len(order) if self.top_k is None else min(self.top_k, len(order))
        if self.top_p is not None:
            before = np.cumsum(probabilities[order]) - probabilities[order]
            keep = min(keep, int(np.count_nonzero(before < self.top_p)))
        cut = np.zeros_like(probabilities)
        cut[order[:keep]] = probabilities[order[:keep]]
        return np.asarray(cut / cut.sum())

    def draw(self, logarithms: Float, random: np.random.Generator) -> int:
        """Draw one token."""
        return int(draw(self.distribution(logarithms), random.random()))


def draw(probabilities: Float, uniform: float) -> int:
    """Return the token whose share of [0, 1) holds ``uniform``, by inverting the cumulative distribution."""
    cumulative = np.cumsum(probabilities)
    place = int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"))
    return min(place, int(np.flatnonzero(probabilities)[-1]))
