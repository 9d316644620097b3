"""The NumPy interpreter: the specification that every other reader of graphs is tested against."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexgrad.debugging import asked
from lexgrad.errors import InputError, NonFiniteError, suggest
from lexgrad.graph import CONSTANT, Dim, Graph, Node, Type, filled, group_key, holds_dim, located, resolve, solve
from lexgrad.ops import type_of

Precision: TypeAlias = Literal["fp64", "fp32", "bf16"]
Array: TypeAlias = NDArray[Any]

_FLOATS: dict[str, type[np.floating[Any]]] = {"fp64": np.float64, "fp32": np.float32, "bf16": np.float32}


@dataclass
class _Step:
    """One node or group, made ready: which slots it reads and writes, and which slots nobody needs afterwards."""

    nodes: list[Node]
    operands: tuple[int, ...]
    attributes: Mapping[str, Any]
    sized: bool
    slots: list[int]
    released: tuple[int, ...] = ()

    @property
    def touched(self) -> set[int]:
        """The slots that it reads or writes."""
        return {*self.operands, *self.slots}


class Interpreter:
    """Evaluates a graph node by node in NumPy.

    Args:
        graph: what to evaluate. It is read once; the object can be called any number of times.
        precision: how many bits floats have: ``"fp64"``, the specification, or ``"fp32"``; ``"bf16"`` is fp32 in which
            the operands of matrix products, and nothing else, are rounded to bf16.
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
        self.nonfinite = asked("nonfinite") if nonfinite is None else nonfinite
        self._float = _FLOATS[precision]
        self._slots = {node: slot for slot, node in enumerate(graph.nodes)}
        self._constants = {
            self._slots[node]: constant_value(node, self._float) for node in graph.nodes if node.primitive is CONSTANT
        }
        self._steps = self._plan()
        self._results = {name: self._slots[node] for name, node in graph.outputs.items()}
        self._filled: dict[tuple[tuple[str, int], ...], list[Mapping[str, Any]]] = {}
        self._inner: dict[Graph, Interpreter] = {}

    def _plan(self) -> list[_Step]:
        steps: dict[Hashable, _Step] = {}
        for node in self.graph.nodes[len(self.graph.inputs) :]:
            if node.primitive is not CONSTANT:
                # All nodes of a group have the same inputs, so all can be had when the first is wanted.
                step = steps.setdefault(group_key(node) or node, self._step(node))
                step.nodes.append(node)
                step.slots.append(self._slots[node])
        kept = {*self._constants, *(self._slots[node] for node in self.graph.outputs.values())}
        last = {slot: position for position, step in enumerate(steps.values()) for slot in step.touched}
        for position, step in enumerate(steps.values()):
            step.released = tuple(slot for slot in step.touched - kept if last[slot] == position)
        return list(steps.values())

    def _step(self, node: Node) -> _Step:
        operands = tuple(self._slots[operand] for operand in node.inputs)
        attributes = dict(node.attributes)
        if node.primitive.evaluate_all is not None:
            attributes.pop("output")
        return _Step([], operands, attributes, any(map(holds_dim, attributes.values())), [])

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
            self._fill(values, attributes)
        return {name: self._result(values[slot], slot) for name, slot in self._results.items()}

    def _fill(self, values: list[Any], attributes: Sequence[Mapping[str, Any]]) -> None:
        """Run every step: from the values of inputs and constants to those of all other nodes."""
        for step, own in zip(self._steps, attributes, strict=True):
            for slot, value in zip(step.slots, self._run_step(step, values, own), strict=True):
                values[slot] = value
            for slot in step.released:
                values[slot] = None

    def _run_step(self, step: _Step, values: list[Any], attributes: Mapping[str, Any]) -> list[Any]:
        operands = [values[slot] for slot in step.operands]
        node = step.nodes[0]
        if self.precision == "bf16" and node.primitive.name == "matmul":
            operands = [round_to_bf16(operand) for operand in operands]
        if node.primitive.evaluate_all is None:
            results = [evaluate_node(node, operands, attributes, self.nonfinite)]
        else:
            everything = node.primitive.evaluate_all(*operands, call=self._call, **attributes)
            results = [everything[node.attributes["output"]] for node in step.nodes]
        return [
            value.astype(self._float) if node.type.dtype == "float" and value.dtype != self._float else value
            for node, value in zip(step.nodes, results, strict=True)
        ]

    def _call(self, body: Graph, arrays: Sequence[Any]) -> list[Any]:
        """The outputs of a graph without named sizes, such as the body of a loop, on values of its inputs."""
        inner = self._inner.get(body)
        if inner is None:
            inner = self._inner[body] = Interpreter(body, self.precision, self.nonfinite)
        values = [*arrays, *[None] * (len(body.nodes) - len(arrays))]
        for slot, value in inner._constants.items():
            values[slot] = value
        inner._fill(values, [step.attributes for step in inner._steps])
        return [values[slot] for slot in inner._results.values()]

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
        if key not in self._filled:
            if len(self._filled) > 64:
                self._filled.clear()
                self._inner.clear()
            self._filled[key] = [
                {name: filled(value, sizes) for name, value in step.attributes.items()}
                if step.sized
                else step.attributes
                for step in self._steps
            ]
        return self._filled[key]


def evaluate(graph: Graph, inputs: Mapping[str, ArrayLike], precision: Precision = "fp64") -> dict[str, Array]:
    """Evaluate a graph once; see :class:`Interpreter`."""
    return Interpreter(graph, precision).run(inputs)


def round_to_bf16(x: Array) -> Array:
    """The nearest numbers that bf16 has, fp32 with 8 of its 24 bits, and the even one of two, as fp32."""
    bits = np.asarray(x, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1) & 0xFFFF0000).astype(np.uint32)
    return np.where(np.isnan(x), np.float32(np.nan), rounded.view(np.float32))


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
