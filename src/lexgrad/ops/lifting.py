"""From what people write to nodes: numbers and arrays become nodes, dtypes and shapes are made to agree."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import CONSTANT, Dim, Node, Shape, Size, Type, constant_node, located, shape_text, user_location
from lexgrad.graph.types import DType

Operand: TypeAlias = Node | ArrayLike
F = TypeVar("F", bound=Callable[..., Any])

_KINDS: dict[str, DType] = {"f": "float", "i": "int", "u": "int", "b": "bool"}


def operation(function: F) -> F:
    """Make every error of a public function say which operation, on what, and at which line of the user's program."""

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except InputError as error:
            if error.located:
                raise
            operands = [_description(argument) for argument in args]
            operands += [f"{name}={_description(argument)}" for name, argument in kwargs.items()]
            raise located(error, function.__name__, operands, user_location()) from None

    return cast(F, checked)


def _description(argument: Any) -> str:
    """An argument as an error message shows it: nodes and arrays by type, the rest as it is."""
    if isinstance(argument, Node):
        return f"{argument.name} {argument.type}".strip()
    if isinstance(argument, np.ndarray):
        return f"{argument.dtype} array {shape_text(argument.shape)}"
    if isinstance(argument, list | tuple) and any(isinstance(entry, Node) for entry in argument):
        return f"[{', '.join(map(_description, argument))}]"
    if inspect.isroutine(argument):
        return argument.__name__
    text = str(argument) if isinstance(argument, Dim) else repr(argument)
    return text if len(text) <= 60 else f"{text[:60]}…"


def type_of(value: ArrayLike) -> Type:
    """The Type of a number or array.

    Raises:
        InputError: it holds anything but real numbers, integers and booleans.
    """
    if isinstance(value, Dim):
        raise InputError(f"{value} is a size, not a number; use lexgrad.size({value})")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:  # nested lists of different lengths, or with nodes in them
        raise InputError(f"expected numbers in a rectangular array; {error}") from None
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


def scalar_constant(node: Node) -> float | None:
    """The number that a node is in every entry: a scalar constant, or one broadcast; else None."""
    while node.primitive.name == "broadcast":
        (node,) = node.inputs
    return node.attributes["value"] if node.primitive is CONSTANT and not node.shape else None


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


def whole_size(size: Size) -> Size:
    """A size as a Python int (NumPy's integers become one) or a Dim."""
    return size if isinstance(size, Dim) else operator.index(size)


def normalise_axis(axis: SupportsIndex, rank: int) -> int:
    """An axis counted from the end as one counted from the start.

    Raises:
        ShapeError: there is no such axis.
    """
    number = operator.index(axis)
    if not -rank <= number < rank:
        raise ShapeError(f"axis {number} is out of range for {rank} axes")
    return number % rank


def normalise_axes(axis: SupportsIndex | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """``None`` (all), one axis or several, as a sorted tuple of axes counted from the start.

    Raises:
        ShapeError: an axis is out of range or named twice.
    """
    if axis is None:
        return tuple(range(rank))
    axes = [normalise_axis(a, rank) for a in ([axis] if isinstance(axis, SupportsIndex) else axis)]
    if len(set(axes)) != len(axes):
        raise ShapeError(f"an axis is named twice in {tuple(axes)}")
    return tuple(sorted(axes))
