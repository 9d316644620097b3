"""Initial weights: each parameter has its own counter-based random stream, keyed by the seed and its name.

So adding or removing a parameter changes no other, and the order of creation does not matter.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError, suggest

Matrix = NDArray[np.float64]
Initialiser: TypeAlias = "Callable[[tuple[int, ...], np.random.Generator], Matrix]"


def generator(seed: int, name: str) -> np.random.Generator:
    """Return the random stream of the parameter ``name``: Philox, keyed by (seed, name)."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def zeros(shape: tuple[int, ...], random: np.random.Generator) -> Matrix:
    """All zeros: for biases, and for models without hidden layers."""
    return np.zeros(shape)


def normal(std: float) -> Initialiser:
    """Small random numbers: mean 0, standard deviation ``std``."""
    return lambda shape, random: random.standard_normal(shape) * std


def uniform(limit: float) -> Initialiser:
    """Uniform in [-limit, limit)."""
    return lambda shape, random: random.uniform(-limit, limit, shape)


def xavier_uniform(shape: tuple[int, ...], random: np.random.Generator) -> Matrix:
    """Uniform with variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. 16): for tanh and sigmoid."""
    fan_in, fan_out = _fans(shape)
    return uniform(math.sqrt(6.0 / (fan_in + fan_out)))(shape, random)


def xavier_normal(shape: tuple[int, ...], random: np.random.Generator) -> Matrix:
    """Normal with variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. 12)."""
    fan_in, fan_out = _fans(shape)
    return normal(math.sqrt(2.0 / (fan_in + fan_out)))(shape, random)


def he_uniform(shape: tuple[int, ...], random: np.random.Generator) -> Matrix:
    """Uniform with variance 2 / fan_in (He et al. 2015, eq. 10): for ReLU."""
    return uniform(math.sqrt(6.0 / _fans(shape)[0]))(shape, random)


def he_normal(shape: tuple[int, ...], random: np.random.Generator) -> Matrix:
    """Normal with variance 2 / fan_in (He et al. 2015, eq. 10)."""
    return normal(math.sqrt(2.0 / _fans(shape)[0]))(shape, random)


def orthogonal(shape: tuple[int, ...], random: np.random.Generator) -> Matrix:
    """Orthogonal rows or columns of length 1 (Saxe et al. 2014): for recurrent weights, which keep a state's length."""
    rows, columns = shape
    Q, R = np.linalg.qr(random.standard_normal((max(shape), min(shape))))
    Q = Q * np.where(np.diagonal(R) < 0, -1.0, 1.0)  # without the signs, some matrices would be likelier than others
    return np.ascontiguousarray(Q if rows >= columns else Q.T)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(inputs, outputs) of a weight (fan_in, fan_out), or of a vector (fan_in,) that gives one output."""
    fan_in = shape[0] if shape else 1
    fan_out = shape[1] if len(shape) > 1 else 1
    return max(fan_in, 1), max(fan_out, 1)


NAMES = ("xavier", "he", "xavier_normal", "he_normal", "orthogonal", "normal", "uniform", "zeros")


def initialiser(name: str, std: float = 0.1) -> Initialiser:
    """Return an initialiser by name; ``std`` is for "normal" (deviation) and "uniform" (limit) alone.

    Raises:
        InputError: an unknown name.
    """
    table: dict[str, Initialiser] = {
        "xavier": xavier_uniform,
        "he": he_uniform,
        "xavier_normal": xavier_normal,
        "he_normal": he_normal,
        "orthogonal": orthogonal,
        "normal": normal(std),
        "uniform": uniform(std),
        "zeros": zeros,
    }
    if name not in table:
        raise InputError(f"init is one of {', '.join(NAMES)}; got {name!r}{suggest(name, NAMES)}")
    return table[name]
