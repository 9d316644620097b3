"""Movement: reshape, transpose, broadcast and concatenate. Entries move; none changes."""

from __future__ import annotations

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
from lexgrad.ops.slicing import take_slice

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
