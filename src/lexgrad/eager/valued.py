"""Variables for a person at a prompt: nodes that already have their values, and can send blame back."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexgrad.debugging import asked
from lexgrad.errors import InputError
from lexgrad.evaluate import constant_value, evaluate, evaluate_node
from lexgrad.grad import backward
from lexgrad.graph import (
    CONSTANT,
    INPUT,
    Graph,
    Location,
    Node,
    Origin,
    Primitive,
    Type,
    formula,
    group_key,
    topological,
)
from lexgrad.ops import type_of

if TYPE_CHECKING:
    from lexgrad.explain.picture import Picture

_WIDTHS: dict[str, type[Any]] = {"float": np.float64, "int": np.int64, "bool": np.bool_}


class Variable(Node):
    """A node with its value, computed at once in float64.

    Everything that is done to variables makes variables, and each remembers what it was made of::

        a, b, c = lg.variables(a=3.0, b=1.0, c=-2.0)
        L = c * (a + 2 * b)
        L.backward()
        b.grad  # -4.0

    Attributes:
        value: a Python number for a scalar, else a NumPy array that cannot be changed in place.
        grad: after ``backward`` of something that depends on this one: the derivative, of the same shape; else None.
    """

    __slots__ = ("_array", "grad")
    _array: NDArray[Any]
    grad: float | NDArray[np.float64] | None

    @classmethod
    def leaf(cls, value: ArrayLike, name: str = "") -> Variable:
        """A variable that is made of nothing else."""
        type = type_of(value)
        variable = cls(INPUT, (), {"type": type}, type, name)
        return variable._holding(np.array(value, dtype=_WIDTHS[type.dtype]))

    @classmethod
    def derive(
        cls,
        primitive: Primitive,
        inputs: tuple[Node, ...],
        attributes: Mapping[str, Any],
        type: Type,
        origin: Origin | None,
        location: Location | None,
    ) -> Variable:
        """The result of a primitive on variables, with its value."""
        variable = cls(primitive, inputs, attributes, type, "", origin, location)
        with np.errstate(all="ignore"):
            return variable._holding(np.array(_value(variable)))

    def _holding(self, array: NDArray[Any]) -> Variable:
        array.flags.writeable = False  # what was made of it would not change with it
        self._array = array
        self.grad = None
        return self

    @property
    def value(self) -> Any:
        """The value: a Python number for a scalar, else an array."""
        return self._array.item() if self._array.ndim == 0 else self._array

    def backward(self) -> None:
        """Set ``grad`` of every variable that this scalar was made of, intermediate ones included.

        Each call sets the gradients anew; they do not add up over calls.

        Raises:
            InputError: this variable is not a float scalar.
        """
        leaves = [node for node in _ancestors(self) if node.primitive is INPUT and node.type.dtype == "float"]
        cotangents = backward(self, leaves)
        for node in _ancestors(self):
            node.grad = None
            if node.type.dtype == "float":
                array = array_of(cotangents[node]) if node in cotangents else np.zeros(node._array.shape)
                node.grad = array.item() if array.ndim == 0 else np.array(array)

    def show(self) -> Picture:
        """The graph that this scalar was made by, with values and derivatives, as a picture; see ``lexgrad.draw``.

        Raises:
            InputError: this variable is not a float scalar.
        """
        from lexgrad.explain.picture import draw

        return draw(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._array, dtype=dtype)

    def __float__(self) -> float:
        return float(self._array)

    def __int__(self) -> int:
        return int(self._array)

    def __bool__(self) -> bool:
        return bool(self._array)

    def __repr__(self) -> str:
        made_of = "" if self.primitive is INPUT else formula(self)
        names = " = ".join(text for text in (self.name, made_of) if text)
        value = np.array2string(self._array, precision=6, separator=", ", prefix="", threshold=100)
        value = repr(self.value) if self._array.ndim == 0 else value
        joint = "\n" if "\n" in value else " "
        return f"{names or 'variable'} ={joint}{value}"


_last_group: dict[Hashable, Sequence[Any]] = {}
"""The results of the group that was computed last: each of them will be asked for in turn."""


def _value(variable: Variable) -> Any:
    """The value of a variable from those of its inputs; all results of a group are computed at once."""
    operands = [array_of(node) for node in variable.inputs]
    attributes = dict(variable.attributes)
    compute = variable.primitive.evaluate_all
    if compute is None:
        return evaluate_node(variable, operands, attributes, asked("nonfinite"))
    output, key = attributes.pop("output"), group_key(variable)
    results = _last_group.get(key)
    if results is None:
        results = compute(*operands, **attributes)
        _last_group.clear()
        _last_group[key] = results
    return results[output]


def _ancestors(variable: Variable) -> list[Variable]:
    return [node for node in topological([variable]) if isinstance(node, Variable)]


def array_of(node: Node) -> NDArray[Any]:
    """The value of a variable or constant.

    Raises:
        InputError: the node belongs to a graph that has not been evaluated.
    """
    if isinstance(node, Variable):
        return node._array
    if node.primitive is CONSTANT:
        return constant_value(node)
    if node.closed:
        return evaluate(Graph({}, {"out": node}), {})["out"]
    raise InputError(f"{node.describe()} has no value: it belongs to a function that is being traced")


def variable(value: ArrayLike, name: str = "") -> Variable:
    """A variable with this value: a number, nested lists or an array; floats are float64.

    Raises:
        InputError: ``value`` holds anything but numbers and booleans.
    """
    try:
        return Variable.leaf(value, name)
    except ValueError as error:
        raise InputError(f"variable {name!r}: expected a number or a rectangular array; {error}") from None


def variables(**values: ArrayLike) -> tuple[Variable, ...]:
    """Named variables, in the order given: ``a, b, c = lg.variables(a=3.0, b=1.0, c=-2.0)``."""
    return tuple(variable(value, name) for name, value in values.items())
