"""Reductions: sum, max, logsumexp and argmax, with mean and min built of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import Dim, Node, Primitive, Shape, Size, Type, apply, product, register
from lexgrad.ops.casting import cast
from lexgrad.ops.elementwise import exp, real_valued
from lexgrad.ops.indexing import put_along
from lexgrad.ops.lifting import Operand, lift, normalise_axes, normalise_axis, operation
from lexgrad.ops.movement import broadcast, expand_dims, reshape, transpose
from lexgrad.ops.samples import exactly, real, sample


def _without(shape: Shape, axes: tuple[int, ...]) -> Shape:
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def _reduced(x: Type, axes: tuple[int, ...]) -> Type:
    if list(axes) != sorted(set(axes)) or any(not 0 <= axis < x.rank for axis in axes):
        raise ShapeError(f"axes {axes} are not axes of {x}")
    return x.with_shape(_without(x.shape, axes))


def _sum_type(x: Type, *, axes: tuple[int, ...]) -> Type:
    if x.dtype == "bool":
        raise ShapeError("needs numbers, got bool; use cast(x, 'int') to count")
    return _reduced(x, axes)


def _spread(g: Node, shape: Shape, axes: tuple[int, ...]) -> Node:
    """The adjoint of a reduction's movement: ``g`` repeated along the axes that were reduced away."""
    return broadcast(g, shape, [axis for axis in range(len(shape)) if axis not in axes])


SUM = register(
    Primitive(
        "sum",
        _sum_type,
        lambda x, *, axes: np.sum(x, axes),
        (lambda g, out, x, *, axes: _spread(g, x.shape, axes),),
        notation="sum({0})",
        samples=(
            sample(real(3, 4), axes=(0, 1)),
            sample(real(3, 4), axes=(1,)),
            sample(real(2, 0), axes=(1,)),
            sample(real(), axes=()),
        ),
    )
)


def _numpy_logsumexp(x: NDArray[Any], *, axes: tuple[int, ...]) -> Any:
    largest = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    largest = np.where(np.isfinite(largest), largest, 0.0).astype(np.asarray(x).dtype)
    with np.errstate(divide="ignore"):  # the log of an empty sum is -inf, and that is what it should be
        total = np.log(np.sum(np.exp(x - largest), axis=axes))
    return total + np.squeeze(largest, axis=axes)


def _logsumexp_type(x: Type, *, axes: tuple[int, ...]) -> Type:
    if x.dtype != "float":
        raise ShapeError(f"needs float, got {x.dtype}")
    return _reduced(x, axes)


LOGSUMEXP = register(
    Primitive(
        "logsumexp",
        _logsumexp_type,
        _numpy_logsumexp,
        (lambda g, out, x, *, axes: _spread(g, x.shape, axes) * exp(x - _spread(out, x.shape, axes)),),
        notation="logsumexp({0})",
        samples=(
            sample(real(3, 4), axes=(1,)),
            sample(real(3, 4), axes=(0, 1)),
            sample(exactly([900.0, -900.0, 0.5]), axes=(0,)),
        ),
    )
)


def _along_type(x: Type, *, axis: int) -> Type:
    reduced = _reduced(x, (axis,))
    if x.shape[axis] == 0:
        raise ShapeError(f"axis {axis} of {x} is empty and has no largest entry")
    return reduced


def _not_empty(x: NDArray[Any], axis: int) -> NDArray[Any]:
    """``x`` itself, where its axis (of a named size) turned out not to be empty."""
    if x.shape[axis] == 0:
        raise InputError(f"axis {axis} is empty and has no largest entry")
    return x


def _max_rule(g: Node, out: Node, x: Node, *, axis: int) -> Node:
    winner = expand_dims(apply(ARGMAX, x, axis=axis), axis)
    return put_along(expand_dims(g, axis), winner, axis, x.shape[axis])


# The gradient of a maximum is a selection: all of it goes to the first largest entry.
MAX = register(
    Primitive(
        "max",
        _along_type,
        lambda x, *, axis: np.max(_not_empty(x, axis), axis),
        (_max_rule,),
        notation="max({0})",
        samples=(sample(real(3, 4), axis=1), sample(real(3, 4), axis=0), sample(real(5), axis=0)),
    )
)
ARGMAX = register(
    Primitive(
        "argmax",
        lambda x, *, axis: _along_type(x, axis=axis).with_dtype("int"),
        lambda x, *, axis: np.argmax(_not_empty(x, axis), axis),
        (None,),
        notation="argmax({0})",
        samples=(sample(real(3, 4), axis=1), sample(exactly([1.0, 3.0, 3.0]), axis=0)),
    )
)
# A named size as a number, so that a mean over a named axis can divide by it.
SIZE = register(
    Primitive(
        "size",
        lambda *, of: Type("int"),
        lambda *, of: np.array(of, dtype=np.int64),
        notation="{of}",
        samples=(sample(of=3),),
    )
)


def size(of: Size | Sequence[Size]) -> Node:
    """A size, or the product of several, as a scalar float: constant if known, else worked out at run time."""
    total = of if isinstance(of, int | Dim) else product(tuple(of))
    return lift(float(total))[0] if isinstance(total, int) else cast(apply(SIZE, of=total), "float")


def _kept(result: Node, shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Node:
    if not keepdims:
        return result
    return reshape(result, tuple(1 if axis in axes else size for axis, size in enumerate(shape)))


@operation
def sum(x: Operand, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Node:
    """The sum of entries over all axes, one or several; booleans are counted."""
    (node,) = lift(x)
    node = cast(node, "int") if node.type.dtype == "bool" else node
    axes = normalise_axes(axis, node.ndim)
    result = apply(SUM, node, axes=axes) if axes else node
    return _kept(result, node.shape, axes, keepdims)


@operation
def mean(x: Operand, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Node:
    """The mean of entries over all axes, one or several."""
    node = real_valued(x)
    axes = normalise_axes(axis, node.ndim)
    return sum(node, axes, keepdims) / size([node.shape[axis] for axis in axes])


@operation
def logsumexp(x: Operand, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Node:
    """log Σ exp(x) without overflow; its derivative is the softmax. Of nothing it is -inf."""
    node = real_valued(x)
    axes = normalise_axes(axis, node.ndim)
    return _kept(apply(LOGSUMEXP, node, axes=axes), node.shape, axes, keepdims)


def _last_axis(node: Node, axes: tuple[int, ...]) -> Node:
    """The axes that are reduced, put last and flattened into one."""
    if len(axes) == 1 and node.ndim:
        return node
    others = tuple(axis for axis in range(node.ndim) if axis not in axes)
    moved = transpose(node, (*others, *axes))
    return reshape(moved, (*(node.shape[axis] for axis in others), product([node.shape[axis] for axis in axes])))


@operation
def max(x: Operand, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Node:
    """The largest entry over all axes, one or several; the gradient goes to the first of equal entries.

    Raises:
        ShapeError: there are no entries to choose from.
    """
    (node,) = lift(x)
    axes = normalise_axes(axis, node.ndim)
    flat = _last_axis(node, axes)
    result = apply(MAX, flat, axis=axes[0] if flat is node else flat.ndim - 1)
    return _kept(result, node.shape, axes, keepdims)


@operation
def min(x: Operand, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Node:
    """The smallest entry over all axes, one or several."""
    (node,) = lift(x)
    return -max(-node, axis, keepdims)


@operation
def argmax(x: Operand, axis: int | None = None) -> Node:
    """The position of the first largest entry along an axis, or in the flattened node; an int, no derivative."""
    (node,) = lift(x)
    flat = reshape(node, -1) if axis is None else node
    return apply(ARGMAX, flat, axis=normalise_axis(0 if axis is None else axis, flat.ndim))
