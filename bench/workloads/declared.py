"""What a workload is, and first weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Data = Mapping[str, Any]


class MissingDataError(Exception):
    """The text that a workload trains on is not there."""


@dataclass(frozen=True)
class Workload:
    """One thing to measure.

    Attributes:
        name: what it is called at the command line.
        about: one line: the model, its sizes, the update.
        steps: updates in a round, or fits.
        make: data, first weights and sizes, the same for every system; its arguments are sizes.
        small: arguments of ``make`` that leave nothing to measure, for trying things.
        unit: what the time of a round is divided by.
    """

    name: str
    about: str
    steps: int
    make: Callable[..., Data]
    small: Mapping[str, int] = field(default_factory=dict)
    unit: str = "step"


def normal(generator: np.random.Generator, *shape: int, scale: float = 0.05) -> NDArray[np.float32]:
    """First weights: normal numbers of mean 0."""
    return generator.normal(0.0, scale, shape).astype(np.float32)
