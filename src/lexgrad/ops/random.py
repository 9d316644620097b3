"""Counter-based random numbers: a function of key, step and position, and of nothing else.

Philox 2x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): ten rounds of
a multiplication mix the 64-bit counter (position, step) under a 32-bit key. Any thread can draw any number by itself,
a mask need not be stored, and the same seed gives the same numbers on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import Node, Primitive, Shape, Size, Type, apply, register
from lexgrad.ops.elementwise import real_valued, where
from lexgrad.ops.lifting import Operand, lift, operation, whole_size
from lexgrad.ops.samples import exactly, sample

_MULTIPLIER = np.uint64(0xD256D193)
_WEYL = 0x9E3779B9
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(key: int, step: int, positions: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The first 32-bit word of Philox 2x32-10 for each counter (position, step) under ``key``."""
    return philox_words(key, positions, np.full_like(positions, step & 0xFFFFFFFF))[0]


def philox_words(
    key: int, first: NDArray[np.uint64], second: NDArray[np.uint64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Both words of Philox 2x32-10 for counters ``(first, second)``; each an integer below 2**32."""
    left, right = first, second
    key &= 0xFFFFFFFF
    for _ in range(10):
        wide = left * _MULTIPLIER
        left, right = (wide >> _HALF) ^ np.uint64(key) ^ right, wide & _LOW
        key = (key + _WEYL) & 0xFFFFFFFF
    return left, right


def _uniform_type(key: Type, step: Type, *, shape: Shape) -> Type:
    if key != Type("int") or step != Type("int"):
        raise ShapeError(f"needs int scalars for key and step, got {key} and {step}")
    return Type("float", shape)


def _numpy_uniform(key: NDArray[Any], step: NDArray[Any], *, shape: tuple[int, ...]) -> NDArray[Any]:
    positions = np.arange(int(np.prod(shape)), dtype=np.uint64)
    words = philox(int(key), int(step), positions)
    # 24 bits: as many as fp32 can hold, so that every precision sees the same numbers, all below 1.
    return ((words >> np.uint64(8)).astype(np.float64) * 2.0**-24).reshape(shape)


RANDOM_UNIFORM = register(
    Primitive(
        "random_uniform",
        _uniform_type,
        _numpy_uniform,
        (None, None),
        notation="uniform(key {0}, step {1})",
        samples=(sample(exactly(7), exactly(3), shape=(4, 3)), sample(exactly(0), exactly(0), shape=())),
    )
)


def _iota_type(*, length: Size) -> Type:
    return Type("int", (length,))


IOTA = register(
    Primitive(
        "iota",
        _iota_type,
        lambda *, length: np.arange(length),
        notation="0…{length}",
        samples=(sample(length=4), sample(length=0)),
    )
)


def arange(length: Size) -> Node:
    """0, 1, … length-1 as ints."""
    return apply(IOTA, length=whole_size(length))


@operation
def random_uniform(key: Operand, step: Operand, shape: Shape) -> Node:
    """Random numbers in [0, 1), equal for equal ``key``, ``step`` and position; no derivative.

    Args:
        key: an int scalar: which stream of numbers (say, a seed and a layer).
        step: an int scalar: how far the stream has come (say, the training step).
        shape: the shape of the result.
    """
    return apply(RANDOM_UNIFORM, *lift(key, step), shape=tuple(map(whole_size, shape)))


@operation
def dropout(x: Operand, rate: float, key: Operand, step: Operand) -> Node:
    """Set entries to 0 with probability ``rate`` and scale the others by 1 / (1 - rate).

    Inverted dropout, after Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
    JMLR 2014, section 10; the expected value is ``x``.

    Raises:
        InputError: ``rate`` is not in [0, 1).
    """
    if not 0.0 <= rate < 1.0:
        raise InputError(f"a dropout rate is at least 0 and below 1; got {rate}")
    node = real_valued(x)
    if rate == 0.0:
        return node
    kept = random_uniform(key, step, node.shape) >= rate
    return where(kept, node / (1.0 - rate), 0.0)
