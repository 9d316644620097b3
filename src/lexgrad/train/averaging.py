"""A mean of the weights along a training, which is measured and kept in place of the last weights."""

from __future__ import annotations

from lexgrad.train.position import Arrays

READINGS = 20  # of the weights, in an epoch that has as many steps
LATENESS = 3  # how much more than the first the last weights count in the mean, before it forgets


class Averaging:
    """Reads the weights every ``interval`` steps, and tells the mean of them.

    The n-th reading θ goes into the mean by m ← m + w (θ − m), w = max(4 / (n + 3), 1 / window): the first weights,
    which are far off, count for little (Shamir and Zhang 2013, Stochastic gradient descent for non-smooth
    optimization, section 4, with η = 3), and after some epochs those of long ago for nothing. Averaging the iterates is
    Polyak and Juditsky's (1992, Acceleration of stochastic approximation by averaging).

    Args:
        epochs: how far back the mean goes: the window is this many epochs' readings.
        steps: steps of an epoch.
    """

    def __init__(self, epochs: float, steps: int) -> None:
        self.interval = max(1, steps // READINGS)
        self.window = max(1.0, epochs * steps / self.interval)

    def room(self, updates: int, length: int) -> int:
        """How many of the next ``length`` steps may be done before the weights are to be read."""
        return min(length, self.interval - updates % self.interval)

    def due(self, updates: int) -> bool:
        """Whether the weights are to be read, ``updates`` steps having been done."""
        return updates % self.interval == 0

    def mean(self, before: Arrays | None, parameters: Arrays, updates: int) -> Arrays:
        """Return the new mean, in arrays of its own; ``before`` is the last one, None at the first reading."""
        if before is None:
            return {name: array.copy() for name, array in parameters.items()}
        readings = updates // self.interval
        weight = max((1 + LATENESS) / (readings + LATENESS), 1 / self.window)
        return {name: mean + mean.dtype.type(weight) * (parameters[name] - mean) for name, mean in before.items()}
