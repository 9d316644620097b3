"""Learning-rate schedules: pure functions of the step, so that a resumed run meets the same rates."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from lexgrad.errors import InputError, suggest


@dataclass(frozen=True)
class Schedule:
    """The learning rate at every step.

    Attributes:
        rate: the full learning rate.
        kind: "constant"; "linear" (falls to 0 at the last step); "cosine" (half a cosine to 0); "step" (times
            ``decay`` every tenth of the training); "exponential" (falls smoothly to ``decay`` times the rate at the
            end); "inverse" (rate / (1 + t / ``half``), where ``half`` is a tenth of the training).
        total: how many steps the training has.
        warmup: over the first ``warmup`` steps the rate climbs linearly from rate/warmup.
        decay: factor of "step" (default 0.5) and of "exponential" (default 0.01).

    Raises:
        InputError: an unknown kind.
    """

    rate: float
    kind: str = "constant"
    total: int = 1
    warmup: int = 0
    decay: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"schedule is one of {', '.join(KINDS)}; got {self.kind!r}{suggest(self.kind, KINDS)}")

    def __call__(self, step: int) -> float:
        """The rate of step ``step``, counted from 0 over the whole training."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        length = max(self.total - self.warmup, 1)
        return self.rate * KINDS[self.kind](step - self.warmup, length, self.decay)


def _constant(step: int, length: int, decay: float | None) -> float:
    return 1.0


def _linear(step: int, length: int, decay: float | None) -> float:
    return max(0.0, 1.0 - step / length)


def _cosine(step: int, length: int, decay: float | None) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * min(step / length, 1.0)))


def _step(step: int, length: int, decay: float | None) -> float:
    return math.pow(0.5 if decay is None else decay, 10 * step // length)


def _exponential(step: int, length: int, decay: float | None) -> float:
    return math.pow(0.01 if decay is None else decay, step / length)


def _inverse(step: int, length: int, decay: float | None) -> float:
    return 1.0 / (1.0 + 10.0 * step / length)


KINDS: dict[str, Callable[[int, int, float | None], float]] = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,
    "step": _step,
    "exponential": _exponential,
    "inverse": _inverse,
}
