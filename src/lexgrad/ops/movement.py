"""Movement: reshape, transpose, broadcast, concatenate, slice, pad and reverse. Entries move; none changes."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import ShapeError
from lexgrad.graph import (
    Dim,
    Node,
    Primitive,
    Shape,
    Size,
    Type,
    apply,
    product,
    quotient,
    register,
    shape_text,
)
from lexgrad.ops.casting import promote
from lexgrad.ops.lifting import Operand, lift, normalise_axes, normalise_axis, operation, whole_size
from lexgrad.ops.samples import real, sample

# --- reshape


def _reshape_type(x: Type, *, shape: Shape) -> Type:
    if product(shape) != x.size:
        raise ShapeError(f"cannot give {x.size} entries the shape {shape_text(shape)} of {product(shape)}")
    return x.with_shape(shape)


RESHAPE = register(
    Primitive(
        "reshape",
        _reshape_type,
        lambda x, *, shape: np.reshape(x, shape),
        (lambda g, out, x, *, shape: reshape(g, x.shape),),
        notation="reshape({0}, {shape})",
        samples=(
            sample(real(3, 4), shape=(2, 6)),
            sample(real(), shape=(1, 1)),
            sample(real(0, 3), shape=(0,)),
        ),
    )
)


@operation
def reshape(x: Operand, shape: Size | Sequence[Size]) -> Node:
    """The same entries in row-major order in another shape; one size may be -1 and is then worked out.

    Raises:
        ShapeError: the shapes hold different numbers of entries.
    """
    (node,) = lift(x)
    sizes = (shape,) if isinstance(shape, Dim | SupportsIndex) else tuple(shape)
    sizes = tuple(map(whole_size, sizes))
    if -1 in sizes:
        rest = [size for size in sizes if size != -1]
        if len(sizes) - len(rest) > 1:
            raise ShapeError(f"only one size can be -1; got {sizes}")
        missing = quotient(node.type.size, product(rest))
        sizes = tuple(missing if size == -1 else size for size in sizes)
    return node if sizes == node.shape else apply(RESHAPE, node, shape=sizes)


@operation
def squeeze(x: Operand, axis: int | Sequence[int] | None = None) -> Node:
    """Drop axes of size 1: the ones named, or all."""
    (node,) = lift(x)
    ones = tuple(i for i, size in enumerate(node.shape) if size == 1)
    axes = ones if axis is None else normalise_axes(axis, node.ndim)
    if not set(axes) <= set(ones):
        raise ShapeError(f"cannot drop axes {axes} of {node.type}: only axes of size 1 can go")
    return reshape(node, tuple(size for i, size in enumerate(node.shape) if i not in axes))


@operation
def expand_dims(x: Operand, axis: int) -> Node:
    """Put in an axis of size 1 so that it becomes axis ``axis`` of the result."""
    (node,) = lift(x)
    at = normalise_axis(axis, node.ndim + 1)
    return reshape(node, (*node.shape[:at], 1, *node.shape[at:]))


# --- transpose


def _transpose_type(x: Type, *, axes: tuple[int, ...]) -> Type:
    if sorted(axes) != list(range(x.rank)):
        raise ShapeError(f"{axes} is not an order of {x.rank} axes")
    return x.with_shape(tuple(x.shape[axis] for axis in axes))


TRANSPOSE = register(
    Primitive(
        "transpose",
        _transpose_type,
        lambda x, *, axes: np.transpose(x, axes),
        (lambda g, out, x, *, axes: transpose(g, tuple(axes.index(i) for i in range(len(axes)))),),
        notation="transpose({0}, {axes})",
        samples=(sample(real(3, 4), axes=(1, 0)), sample(real(2, 3, 4), axes=(2, 0, 1))),
    )
)


@operation
def transpose(x: Operand, axes: Sequence[int] | None = None) -> Node:
    """Axes in another order; reversed by default."""
    (node,) = lift(x)
    order = tuple(reversed(range(node.ndim))) if axes is None else tuple(normalise_axis(a, node.ndim) for a in axes)
    return node if order == tuple(range(node.ndim)) else apply(TRANSPOSE, node, axes=order)


# --- broadcast


def _broadcast_type(x: Type, *, shape: Shape, axes: tuple[int, ...]) -> Type:
    if len(axes) != x.rank or list(axes) != sorted(set(axes)):
        raise ShapeError(f"needs one axis of {shape_text(shape)} for each axis of {shape_text(x.shape)}; got {axes}")
    if any(axis >= len(shape) or shape[axis] != size for axis, size in zip(axes, x.shape, strict=True)):
        raise ShapeError(f"{shape_text(x.shape)} does not broadcast to {shape_text(shape)} along axes {axes}")
    return x.with_shape(shape)


def _numpy_broadcast(x: NDArray[Any], *, shape: tuple[int, ...], axes: tuple[int, ...]) -> NDArray[Any]:
    others = tuple(axis for axis in range(len(shape)) if axis not in axes)
    return np.broadcast_to(np.expand_dims(x, others), shape)


def _broadcast_rule(g: Node, out: Node, x: Node, *, shape: Shape, axes: tuple[int, ...]) -> Node:
    from lexgrad.ops.reduction import sum  # it is built on this module

    return sum(g, tuple(axis for axis in range(len(shape)) if axis not in axes))


BROADCAST = register(
    Primitive(
        "broadcast",
        _broadcast_type,
        _numpy_broadcast,
        (_broadcast_rule,),
        notation="{0}",
        samples=(
            sample(real(3), shape=(2, 3), axes=(1,)),
            sample(real(3), shape=(3, 2), axes=(0,)),
            sample(real(), shape=(2, 3), axes=()),
            sample(real(2), shape=(2, 0), axes=(0,)),
        ),
    )
)


def broadcast(x: Node, shape: Shape, axes: Sequence[int]) -> Node:
    """Repeat ``x`` along new axes; ``axes`` says which axes of ``shape`` those of ``x`` become."""
    return x if shape == x.shape else apply(BROADCAST, x, shape=shape, axes=tuple(axes))


@operation
def broadcast_to(x: Operand, shape: Shape) -> Node:
    """Repeat ``x`` up to ``shape`` by NumPy's rule: axes align at the right, those of size 1 are repeated.

    Raises:
        ShapeError: a size is neither 1 nor the wanted one.
    """
    (node,) = lift(x)
    shape = tuple(map(whole_size, shape))
    if node.shape == shape:
        return node
    first = len(shape) - node.ndim
    if first < 0:
        raise ShapeError(f"{shape_text(node.shape)} has more axes than {shape_text(shape)}")
    kept = [i for i, size in enumerate(node.shape) if size != 1 or shape[first + i] == 1]
    squeezed = reshape(node, tuple(node.shape[i] for i in kept))
    return broadcast(squeezed, shape, tuple(first + i for i in kept))


# --- concatenate


def _concatenate_type(first: Type, *others: Type, axis: int) -> Type:
    if not 0 <= axis < first.rank:
        raise ShapeError(f"axis {axis} is out of range for {first}")
    total: Size = 0
    for type in (first, *others):
        without = (*type.shape[:axis], *type.shape[axis + 1 :])
        if type.dtype != first.dtype or without != (*first.shape[:axis], *first.shape[axis + 1 :]):
            raise ShapeError(f"{type} does not fit {first} along axis {axis}")
        total = total + type.shape[axis]
    return first.with_shape((*first.shape[:axis], total, *first.shape[axis + 1 :]))


def _concatenate_rule(i: int, g: Node, out: Node, *inputs: Node, axis: int) -> Node:
    start: Size = 0
    for before in inputs[:i]:
        start = start + before.shape[axis]
    return take_slice(g, axis, start, start + inputs[i].shape[axis])


CONCATENATE = register(
    Primitive(
        "concatenate",
        _concatenate_type,
        lambda *xs, axis: np.concatenate(xs, axis),
        vjp_of=_concatenate_rule,
        notation="concatenate(…, axis {axis})",
        samples=(
            sample(real(2, 3), real(2, 1), real(2, 0), axis=1),
            sample(real(3), real(2), axis=0),
            sample(real(2), axis=0),
        ),
    )
)


@operation
def concatenate(xs: Sequence[Operand], axis: int = 0) -> Node:
    """Nodes one behind the other along an axis, brought to one dtype (bool < int < float).

    Raises:
        ShapeError: none is given, or they differ in another axis.
    """
    nodes = lift(*xs)
    if not nodes:
        raise ShapeError("concatenate needs at least one operand")
    return apply(CONCATENATE, *promote(*nodes), axis=normalise_axis(axis, nodes[0].ndim))


@operation
def stack(xs: Sequence[Operand], axis: int = 0) -> Node:
    """Nodes of one shape side by side along a new axis."""
    return concatenate([expand_dims(x, axis) for x in lift(*xs)], axis)


# --- slice, pad, reverse


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
