"""The NumPy interpreter: the specification that every other reader of graphs is tested against."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexgrad.errors import InputError, NonFiniteError, suggest
from lexgrad.graph import CONSTANT, Dim, Graph, Node, Type, holds_dim, located, resolve, solve
from lexgrad.ops import type_of

Precision: TypeAlias = Literal["fp64", "fp32"]
Array: TypeAlias = NDArray[Any]

_FLOATS: dict[str, type[np.floating[Any]]] = {"fp64": np.float64, "fp32": np.float32}


@dataclass
class _Step:
    """One node, made ready: which slots it reads and writes, and which slots nobody needs afterwards."""

    node: Node
    operands: tuple[int, ...]
    attributes: Mapping[str, Any]
    sized: bool
    slot: int
    released: tuple[int, ...]


class Interpreter:
    """Evaluates a graph node by node in NumPy.

    Args:
        graph: what to evaluate. It is read once; the object can be called any number of times.
        precision: how many bits floats have: ``"fp64"``, the specification, or ``"fp32"``.
        nonfinite: stop at the first NaN or infinity and say where it arose; by default where the environment
            variable ``LEXGRAD_DEBUG`` contains ``nonfinite``.

    Raises:
        InputError: an unknown precision.
    """

    def __init__(self, graph: Graph, precision: Precision = "fp64", nonfinite: bool | None = None) -> None:
        if precision not in _FLOATS:
            raise InputError(f"precision is one of {', '.join(get_args(Precision))}; got {precision!r}")
        self.graph = graph
        self.precision = precision
        self.nonfinite = nonfinite_wanted() if nonfinite is None else nonfinite
        self._float = _FLOATS[precision]
        self._slots = {node: slot for slot, node in enumerate(graph.nodes)}
        self._constants = {
            self._slots[node]: constant_value(node, self._float) for node in graph.nodes if node.primitive is CONSTANT
        }
        self._steps = self._plan()
        self._results = {name: self._slots[node] for name, node in graph.outputs.items()}
        self._resolved: dict[tuple[tuple[str, int], ...], list[Mapping[str, Any]]] = {}

    def _plan(self) -> list[_Step]:
        kept = {*self._constants, *(self._slots[node] for node in self.graph.outputs.values())}
        last: dict[int, int] = {}
        nodes = [node for node in self.graph.nodes[len(self.graph.inputs) :] if node.primitive is not CONSTANT]
        for position, node in enumerate(nodes):
            for operand in (node, *node.inputs):
                last[self._slots[operand]] = position
        steps = []
        for position, node in enumerate(nodes):
            operands = tuple(self._slots[operand] for operand in node.inputs)
            slot = self._slots[node]
            released = tuple(s for s in {*operands, slot} - kept if last[s] == position)
            sized = any(map(holds_dim, node.attributes.values()))
            steps.append(_Step(node, operands, node.attributes, sized, slot, released))
        return steps

    def __call__(self, **inputs: ArrayLike) -> dict[str, Array]:
        """Evaluate on named inputs; returns the outputs by name."""
        return self.run(inputs)

    def run(self, inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Evaluate on inputs by name; returns the outputs by name, NumPy arrays of the precision asked for.

        Raises:
            InputError: an input is missing or unknown, or does not have the type and shape of the graph's input.
            NonFiniteError: where ``nonfinite`` is set, naming the operation, its inputs and the user's line.
        """
        values, sizes = self._bind(inputs)
        attributes = self._attributes(sizes)
        with np.errstate(all="ignore"):  # IEEE arithmetic; `nonfinite` is how to find where it went wrong
            for step, own in zip(self._steps, attributes, strict=True):
                value = evaluate_node(step.node, [values[slot] for slot in step.operands], own, self.nonfinite)
                if step.node.type.dtype == "float" and value.dtype != self._float:
                    value = value.astype(self._float)
                values[step.slot] = value
                for slot in step.released:
                    values[slot] = None
        return {name: self._result(values[slot], slot) for name, slot in self._results.items()}

    def _result(self, value: Any, slot: int) -> Array:
        """The value of an output as an array of its own: no view of an input or a constant."""
        array = np.asarray(value)
        given = slot in self._constants or slot < len(self.graph.inputs)
        return array if array.flags.owndata and not given else array.copy()

    def _bind(self, inputs: Mapping[str, ArrayLike]) -> tuple[list[Any], dict[str, int]]:
        types = self.graph.input_types
        for name in inputs:
            if name not in types:
                raise InputError(f"graph {self.graph.name!r} has no input {name!r}{suggest(name, types)}")
        missing = [name for name in types if name not in inputs]
        if missing:
            raise InputError(f"graph {self.graph.name!r} needs a value for {', '.join(missing)}")
        values: list[Any] = [None] * len(self.graph.nodes)
        for name, type in types.items():
            value = as_type(inputs[name], type, self._float, name)
            if self.nonfinite and type.dtype == "float" and not np.isfinite(value).all():
                raise NonFiniteError(f"input {name!r} holds {_range(value)}")
            values[self._slots[self.graph.inputs[name]]] = value
        for slot, value in self._constants.items():
            values[slot] = value
        return values, bind_sizes(types, {name: np.shape(inputs[name]) for name in types})

    def _attributes(self, sizes: Mapping[str, int]) -> list[Mapping[str, Any]]:
        key = tuple(sorted(sizes.items()))
        if key not in self._resolved:
            if len(self._resolved) > 64:
                self._resolved.clear()
            self._resolved[key] = [
                {name: _resolved(value, sizes) for name, value in step.attributes.items()}
                if step.sized
                else step.attributes
                for step in self._steps
            ]
        return self._resolved[key]


def evaluate(graph: Graph, inputs: Mapping[str, ArrayLike], precision: Precision = "fp64") -> dict[str, Array]:
    """Evaluate a graph once; see :class:`Interpreter`."""
    return Interpreter(graph, precision).run(inputs)


def nonfinite_wanted() -> bool:
    """Whether the environment variable ``LEXGRAD_DEBUG`` asks to stop at the first NaN or infinity."""
    return "nonfinite" in os.environ.get("LEXGRAD_DEBUG", "")


def evaluate_node(node: Node, operands: list[Any], attributes: Mapping[str, Any], nonfinite: bool) -> Any:
    """The value of one node, given those of its inputs and its attributes with their sizes filled in.

    Raises:
        InputError: a value that the operation is not defined for, such as an index out of range; the message names
            the operation and the user's line.
        NonFiniteError: ``nonfinite`` is set, and the value holds a NaN or an infinity.
    """
    try:
        value = node.primitive.evaluate(*operands, **attributes)
    except InputError as error:
        names = [f"{operand.name} {operand.type}".strip() for operand in node.inputs]
        raise located(error, node.primitive.name, names, node.location) from None
    if nonfinite and node.type.dtype == "float" and not np.isfinite(value).all():
        raise NonFiniteError(_nonfinite_message(node, value, operands))
    return value


def constant_value(node: Node, floating: type[np.floating[Any]] = np.float64) -> Array:
    """The value of a constant node as an array."""
    dtype = {"float": floating, "int": np.int64, "bool": np.bool_}[node.type.dtype]
    shape = tuple(size for size in node.type.shape if isinstance(size, int))
    with np.errstate(over="ignore"):
        return np.array(node.attributes["value"], dtype=dtype).reshape(shape)


def bind_sizes(types: Mapping[str, Type], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """The value of every named size, worked out from the shapes of the inputs.

    Raises:
        InputError: a shape does not fit its type, or two inputs disagree about a named size.
    """
    sizes: dict[str, int] = {}
    open_ones = [name for name, type in types.items() if holds_dim(type.shape)]
    for name, type in types.items():
        if len(shapes[name]) != type.rank:
            raise InputError(f"input {name!r} should be {type}; got shape {shapes[name]}")
    progress = True
    while progress:
        progress = False
        for name in open_ones:
            for size, number in zip(types[name].shape, shapes[name], strict=True):
                found = _solved(name, types[name], size, number, sizes, shapes[name])
                progress |= bool(found)
                sizes.update(found)
    for name, type in types.items():
        for size, number in zip(type.shape, shapes[name], strict=True):
            unknown = size.names - set(sizes) if isinstance(size, Dim) else set()
            if unknown:
                raise InputError(f"the size {', '.join(sorted(unknown))} does not follow from the inputs' shapes")
            if resolve(size, sizes) != number:
                known = ", ".join(f"{key} = {value}" for key, value in sizes.items())
                suffix = f" with {known}" if known else ""
                raise InputError(f"input {name!r} should be {type}; got shape {shapes[name]}{suffix}")
    return sizes


def _solved(
    name: str, type: Type, size: int | Dim, number: int, sizes: Mapping[str, int], shape: tuple[int, ...]
) -> dict[str, int]:
    try:
        return solve(size, number, sizes)
    except InputError as error:
        raise InputError(f"input {name!r} should be {type}; got shape {shape}: {error}") from None


def as_type(value: ArrayLike, type: Type, floating: type[np.floating[Any]], name: str) -> Array:
    """The value of the input ``name`` as an array of the type's kind; floats in the precision ``floating``.

    Raises:
        InputError: it is of another kind: floats for ints, say. Ints will do for floats.
    """
    try:
        given = type_of(value)
    except InputError as error:
        raise InputError(f"input {name!r}: {error}") from None
    array = np.asarray(value)
    fits = given.dtype == type.dtype or (type.dtype == "float" and given.dtype == "int")
    if not fits and array.size:
        raise InputError(f"input {name!r} should be {type}; got {given}")
    with np.errstate(over="ignore"):  # what is too large for the precision is an infinity there
        return array.astype({"float": floating, "int": np.int64, "bool": np.bool_}[type.dtype], copy=False)


def _resolved(value: Any, sizes: Mapping[str, int]) -> Any:
    if isinstance(value, Dim):
        return resolve(value, sizes)
    return tuple(_resolved(item, sizes) for item in value) if isinstance(value, tuple) else value


def _nonfinite_message(node: Node, value: Array, operands: list[Array]) -> str:
    parts = []
    for operand, data in zip(node.inputs, operands, strict=True):
        name = operand.name or operand.primitive.name
        parts.append(f"{name} {operand.type.dtype}{list(np.shape(data))} in {_range(data)}")
    where = f" at {node.location}" if node.location else ""
    origin = f", in the derivative of {node.origin.node.primitive.name}" if node.origin else ""
    what = f"{node.name} = {node.primitive.name}" if node.name else node.primitive.name
    return f"{what} gave {_range(value)} from {', '.join(parts) or 'no inputs'}{origin}{where}"


def _range(value: Array) -> str:
    array = np.asarray(value, dtype=np.float64)
    finite = array[np.isfinite(array)]
    text = f"[{finite.min():.6g}, {finite.max():.6g}]" if finite.size else "no finite number"
    counts = [f"{int(np.isnan(array).sum())} NaN"] if np.isnan(array).any() else []
    counts += [f"{int(np.isinf(array).sum())} infinite"] if np.isinf(array).any() else []
    return f"{text} with {' and '.join(counts)}" if counts else text
