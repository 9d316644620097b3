"""From what people write to nodes: numbers and arrays become nodes, dtypes and shapes are made to agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import Node, Shape, Size, Type, constant_node, shape_text
from lexgrad.graph.types import DType

Operand: TypeAlias = Node | ArrayLike

_KINDS: dict[str, DType] = {"f": "float", "i": "int", "u": "int", "b": "bool"}


def type_of(value: ArrayLike) -> Type:
    """The Type of a number or array.

    Raises:
        InputError: it holds anything but real numbers, integers and booleans.
    """
    array = np.asarray(value)
    if array.dtype.kind not in _KINDS:
        raise InputError(f"expected numbers; got an array of dtype {array.dtype}")
    return Type(_KINDS[array.dtype.kind], array.shape)


def lift(*operands: Operand) -> tuple[Node, ...]:
    """Every operand as a node: numbers become constants, arrays too or what the other operands' class makes of them."""
    special = [node.__class__ for node in operands if isinstance(node, Node) and node.__class__ is not Node]
    return tuple(node if isinstance(node, Node) else _constant(node, special) for node in operands)


def _constant(value: ArrayLike, special: Sequence[type[Node]]) -> Node:
    type = type_of(value)
    array = np.asarray(value)
    if special and type.rank and hasattr(special[0], "leaf"):
        leaf: Node = special[0].leaf(array)
        return leaf
    return constant_node(_nested(array.tolist()), type)


def _nested(value: Any) -> Any:
    return tuple(map(_nested, value)) if isinstance(value, list) else value


def constant(value: ArrayLike) -> Node:
    """A number or array as a constant of the graph."""
    return _constant(value, ())


def is_constant(node: Node, value: float) -> bool:
    """Whether a node is the scalar constant ``value``, or that constant broadcast."""
    while node.primitive.name == "broadcast":
        (node,) = node.inputs
    return node.primitive.name == "constant" and node.attributes["value"] == value


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The common shape by NumPy's rule: align at the right; sizes are equal, or one of them is 1.

    Raises:
        ShapeError: two sizes differ and neither is 1.
    """
    rank = max(map(len, shapes), default=0)
    result: list[Size] = []
    for axis in range(-rank, 0):
        sizes = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        if len(sizes) > 1:
            raise ShapeError(
                f"shapes {' and '.join(map(shape_text, shapes))} do not broadcast: they differ in axis {axis}"
            )
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)


def normalise_axis(axis: int, rank: int) -> int:
    """An axis counted from the end as one counted from the start.

    Raises:
        ShapeError: there is no such axis.
    """
    if not -rank <= axis < rank:
        raise ShapeError(f"axis {axis} is out of range for {rank} axes")
    return axis % rank


def normalise_axes(axis: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """``None`` (all), one axis or several, as a sorted tuple of axes counted from the start.

    Raises:
        ShapeError: an axis is out of range or named twice.
    """
    if axis is None:
        return tuple(range(rank))
    axes = [normalise_axis(a, rank) for a in ([axis] if isinstance(axis, int) else axis)]
    if len(set(axes)) != len(axes):
        raise ShapeError(f"an axis is named twice in {tuple(axes)}")
    return tuple(sorted(axes))
