"""The order in which an epoch visits the examples: a pure function of (seed, epoch)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def permutation(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return 0..n-1 in the random order of epoch ``epoch``.

    The order is that of n random words from a counter-based generator (Philox 4x64-10, Salmon et al. 2011) keyed by
    seed and epoch, so that any epoch can be resumed without replaying those before it. It relies only on the raw
    output of the generator, which NumPy promises never to change.
    """
    key = np.array([seed % (1 << 64), epoch], dtype=np.uint64)
    words = np.random.Philox(key=key).random_raw(n)
    return np.argsort(np.asarray(words, dtype=np.uint64), kind="stable").astype(np.int64)


def steps_in_epoch(n: int, size: int) -> int:
    """The number of mini-batches of an epoch."""
    return -(-n // size)
