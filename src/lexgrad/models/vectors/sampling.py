"""What word2vec draws at random: which frequent words to leave out, and words of noise."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from lexgrad.compile.word2vec import Noise

Counts = NDArray[np.int64]
POWER = 0.75
_USUAL_STEP = 0.05 * 5 * 5
_WHOLE = float(2**32)


def thresholds(counts: Counts, sample: float) -> NDArray[np.uint32]:
    """How likely each word stays, as a share of 2^32: sqrt(t / f) + t / f, f its frequency, at most 1.

    word2vec's program keeps words so; the paper's equation 5 is sqrt(t / f).

    Args:
        counts: int64 (V,).
        sample: t; 0 keeps every word.
    """
    frequency = counts / counts.sum()
    ratio = sample / frequency if sample else np.full(len(counts), np.inf)
    kept = np.minimum(np.sqrt(ratio) + ratio, 1.0)
    return np.asarray(np.minimum(kept * _WHOLE, _WHOLE - 1), np.uint32)


def noise(counts: Counts, power: float = POWER) -> Noise:
    """An alias table of the distribution count^power (Walker 1977), made as Vose does (IEEE TSE 1991).

    Args:
        counts: int64 (V,).
        power: 0.75 in the paper, 1 for the words' own frequencies, 0 for all alike.
    """
    weights = counts.astype(np.float64) ** power
    share = weights * (len(counts) / weights.sum())
    aliases = np.arange(len(counts))
    small, large = np.flatnonzero(share < 1).tolist(), np.flatnonzero(share >= 1).tolist()
    shares: list[float] = share.tolist()
    while small and large:
        low, high = small.pop(), large[-1]
        aliases[low] = high
        shares[high] -= 1 - shares[low]
        if shares[high] < 1:
            small.append(large.pop())
    for rest in (*small, *large):  # 1 but for rounding
        shares[rest] = 1.0
    return Noise(np.asarray(np.minimum(np.array(shares) * _WHOLE, _WHOLE - 1), np.uint32), aliases.astype(np.int32))


def usual_batch(counts: Counts, step: float) -> int:
    """How many positions may have their gradients taken at the same weights: 256, or fewer where they would overshoot.

    A word's changes of a batch are added up, and too many at once overshoot. How many positions go by until a word of
    noise comes again is about 1 / Σ p², the words there would be if all were alike; half of that is safe at the rate,
    the noise and the window that are usual, and fewer where these are larger.

    Args:
        counts: int64 (V,).
        step: rate times words of noise times neighbours, to which a word of noise moves in proportion.
    """
    weights = counts.astype(np.float64) ** POWER
    alike = weights.sum() ** 2 / np.square(weights).sum()
    return max(1, int(min(256, alike / 2) / max(1.0, step / _USUAL_STEP)))


def key(seed: int, purpose: str, epoch: int) -> int:
    """A 32-bit key for the random numbers of an epoch."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:4], "little")


def first_vectors(seed: int, rows: int, dimensions: int) -> NDArray[np.float32]:
    """Small random vectors, as in word2vec's program: uniform in [-1, 1) / (2 d), float32 (rows, d)."""
    digest = hashlib.sha256(f"{seed}/vectors".encode()).digest()
    bits = np.random.Philox(key=int.from_bytes(digest[:16], "little"))
    vectors = np.empty((rows, dimensions), np.float32)
    flat = vectors.reshape(-1)
    for begin in range(0, len(flat), _AT_ONCE):
        part = flat[begin : begin + _AT_ONCE]
        words = bits.random_raw(len(part)) >> np.uint64(40)  # 24 bits: as many as fp32 holds
        part[:] = (words.astype(np.float32) * np.float32(2.0**-24) - np.float32(0.5)) / np.float32(dimensions)
    return vectors


_AT_ONCE = 1 << 14
