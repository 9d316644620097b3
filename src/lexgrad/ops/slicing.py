"""Slices, padding and reversal: parts of an axis, zeros around it, and the opposite order."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import ShapeError
from lexgrad.graph import Dim, Node, Primitive, Shape, Size, Type, apply, register
from lexgrad.ops.lifting import Operand, lift, normalise_axes, normalise_axis, operation, whole_size
from lexgrad.ops.samples import real, sample


def _slice_length(size: Size, start: Size, stop: Size, step: int) -> Size:
    if step < 1:
        raise ShapeError(f"a slice's step is at least 1, got {step}; reverse first to walk backwards")
    length = stop - start
    if isinstance(length, Dim):
        if step != 1:
            raise ShapeError(f"cannot take every {step}th entry of a size that is only named ({length})")
        return length
    outside = isinstance(start, int) and start < 0
    outside |= isinstance(size, int) and isinstance(stop, int) and stop > size
    if length < 0 or outside:
        raise ShapeError(f"slice {start}:{stop} is out of range for size {size}")
    return -(-length // step)


def _slice_type(x: Type, *, starts: Shape, stops: Shape, steps: tuple[int, ...]) -> Type:
    if not len(starts) == len(stops) == len(steps) == x.rank:
        raise ShapeError(f"needs a start, stop and step for each of {x.rank} axes")
    return x.with_shape(tuple(map(_slice_length, x.shape, starts, stops, steps)))


def _numpy_slice(
    x: NDArray[Any], *, starts: tuple[int, ...], stops: tuple[int, ...], steps: tuple[int, ...]
) -> NDArray[Any]:
    for start, stop, size in zip(starts, stops, np.shape(x), strict=True):
        if not 0 <= start <= stop <= size:
            raise ShapeError(f"slice {start}:{stop} is out of range for size {size}")
    return x[tuple(map(slice, starts, stops, steps))]


def _slice_rule(g: Node, out: Node, x: Node, *, starts: Shape, stops: Shape, steps: tuple[int, ...]) -> Node:
    high: list[Size] = []
    for size, start, length, step in zip(x.shape, starts, out.shape, steps, strict=True):
        covered = length if step == 1 else (length - 1) * step + 1 if length != 0 else 0
        high.append(size - start - covered)
    return apply(PAD, g, low=starts, high=tuple(high), interior=tuple(step - 1 for step in steps))


SLICE = register(
    Primitive(
        "slice",
        _slice_type,
        _numpy_slice,
        (_slice_rule,),
        notation="{0}[{starts}:{stops}:{steps}]",
        samples=(
            sample(real(5, 4), starts=(1, 0), stops=(4, 4), steps=(1, 1)),
            sample(real(7, 2), starts=(1, 1), stops=(7, 2), steps=(2, 1)),
            sample(real(8), starts=(0,), stops=(8,), steps=(3,)),
            sample(real(3), starts=(2,), stops=(2,), steps=(2,)),
        ),
    )
)


@operation
def take_slice(x: Operand, axis: int, start: Size, stop: Size, step: int = 1) -> Node:
    """``x[start:stop:step]`` along one axis; all of the others."""
    (node,) = lift(x)
    at = normalise_axis(axis, node.ndim)
    start, stop, step = whole_size(start), whole_size(stop), operator.index(step)
    if start == 0 and stop == node.shape[at] and step == 1:
        return node
    starts: list[Size] = [0] * node.ndim
    stops, steps = list(node.shape), [1] * node.ndim
    starts[at], stops[at], steps[at] = start, stop, step
    return apply(SLICE, node, starts=tuple(starts), stops=tuple(stops), steps=tuple(steps))


def _padded(size: Size, low: Size, high: Size, interior: int) -> Size:
    if any(isinstance(side, int) and side < 0 for side in (low, high)) or interior < 0:
        raise ShapeError(f"cannot pad by less than nothing; got {low}, {high} and {interior} in between")
    if interior and isinstance(size, Dim):
        raise ShapeError(f"cannot pad between the entries of a size that is only named ({size})")
    gaps = interior * (size - 1) if interior and size != 0 else 0
    return low + size + gaps + high


def _pad_type(x: Type, *, low: Shape, high: Shape, interior: tuple[int, ...]) -> Type:
    if not len(low) == len(high) == len(interior) == x.rank:
        raise ShapeError(f"needs padding for each of {x.rank} axes")
    return x.with_shape(tuple(map(_padded, x.shape, low, high, interior)))


def _numpy_pad(
    x: NDArray[Any], *, low: tuple[int, ...], high: tuple[int, ...], interior: tuple[int, ...]
) -> NDArray[Any]:
    x = np.asarray(x)
    spread = [size + between * max(size - 1, 0) for size, between in zip(x.shape, interior, strict=True)]
    result = np.zeros(np.add(np.add(low, spread), high), x.dtype)
    inside = (slice(a, a + size, between + 1) for a, size, between in zip(low, spread, interior, strict=True))
    result[tuple(inside)] = x
    return result


def _pad_rule(g: Node, out: Node, x: Node, *, low: Shape, high: Shape, interior: tuple[int, ...]) -> Node:
    stops = []
    for size, before, between in zip(x.shape, low, interior, strict=True):
        stops.append(before + size + (between * (size - 1) if between and size != 0 else 0))
    return apply(SLICE, g, starts=low, stops=tuple(stops), steps=tuple(gap + 1 for gap in interior))


PAD = register(
    Primitive(
        "pad",
        _pad_type,
        _numpy_pad,
        (_pad_rule,),
        notation="pad({0})",
        samples=(
            sample(real(2, 3), low=(1, 0), high=(0, 2), interior=(0, 0)),
            sample(real(3), low=(1,), high=(2,), interior=(2,)),
            sample(real(0), low=(1,), high=(1,), interior=(1,)),
        ),
    )
)


@operation
def pad(x: Operand, widths: Sequence[tuple[Size, Size]]) -> Node:
    """Zeros around ``x``: ``widths[i]`` is how many before and after along axis ``i``."""
    (node,) = lift(x)
    low, high = tuple(whole_size(low) for low, _ in widths), tuple(whole_size(high) for _, high in widths)
    return apply(PAD, node, low=low, high=high, interior=(0,) * node.ndim)


def _reverse_type(x: Type, *, axes: tuple[int, ...]) -> Type:
    if list(axes) != sorted(set(axes)) or any(not 0 <= axis < x.rank for axis in axes):
        raise ShapeError(f"axes {axes} are not axes of {x}")
    return x


REVERSE: Primitive = register(
    Primitive(
        "reverse",
        _reverse_type,
        lambda x, *, axes: np.flip(x, axes),
        (lambda g, out, x, *, axes: apply(REVERSE, g, axes=axes),),
        notation="reverse({0}, {axes})",
        samples=(sample(real(2, 3), axes=(1,)), sample(real(2, 3), axes=(0, 1))),
    )
)


@operation
def reverse(x: Operand, axis: int | Sequence[int] | None = None) -> Node:
    """Entries in the opposite order along some axes; along all by default."""
    (node,) = lift(x)
    return apply(REVERSE, node, axes=normalise_axes(axis, node.ndim))
