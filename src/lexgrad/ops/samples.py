"""Example calls of primitives: each primitive declares some, and the table tests run every law on all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Maker: TypeAlias = "Callable[[np.random.Generator], NDArray[Any]]"


@dataclass(frozen=True)
class Sample:
    """One example call: makers of the inputs' values, and the attributes.

    The makers keep real inputs away from kinks and out of forbidden ranges, so that finite differences apply.
    """

    inputs: tuple[Maker, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def draw(self, seed: int = 0) -> list[NDArray[Any]]:
        """The inputs' values, a function of ``seed`` alone."""
        generator = np.random.default_rng(seed)
        return [make(generator) for make in self.inputs]


def sample(*inputs: Maker, **attributes: Any) -> Sample:
    """A Sample with these makers and attributes."""
    return Sample(inputs, attributes)


def real(*shape: int) -> Maker:
    """Normal numbers, no two of them and none of them and zero within 0.01 of each other."""

    def make(generator: np.random.Generator) -> NDArray[Any]:
        count = int(np.prod(shape))
        spread = np.linspace(-2.0, 2.0, count + 1 if count % 2 else count) if count else np.zeros(0)
        spread = spread[spread != 0.0][:count] + generator.uniform(-0.01, 0.01)
        return generator.permutation(spread).reshape(shape)

    return make


def positive(*shape: int) -> Maker:
    """Numbers between 0.5 and 2."""
    return lambda generator: generator.uniform(0.5, 2.0, shape)


def whole(*shape: int, low: int, high: int) -> Maker:
    """Integers from ``low`` up to and without ``high``."""
    return lambda generator: generator.integers(low, high, shape)


def truth(*shape: int) -> Maker:
    """Booleans."""
    return lambda generator: generator.uniform(size=shape) < 0.5


def exactly(values: Sequence[Any] | int) -> Maker:
    """Always these values."""
    return lambda generator: np.array(values)
