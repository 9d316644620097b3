"""The forward graph with a value on every node: what a derivation is read from."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexgrad.errors import InputError, suggest
from lexgrad.evaluate import as_type, bind_sizes, constant_value, evaluate_node
from lexgrad.graph import (
    CONSTANT,
    INPUT,
    Dim,
    Graph,
    Node,
    apply,
    constant_node,
    group_key,
    holds_dim,
    input_node,
    resolve,
    topological,
)
from lexgrad.ops.unrolling import steps_of, unrolled

Array = NDArray[Any]

LONGEST = 512
"""Steps of a loop; a longer one is refused."""

# Operations whose result holds entries of their first operand, each as it is.
SELECTING = {"slice", "reshape", "transpose", "reverse", "take", "take_along"}
_ENTRY = re.compile(r"^(?P<name>.*?)\s*\[(?P<index>[\d\s,]*)\]$")


@dataclass(frozen=True, eq=False)
class Forward:
    """A graph of plain nodes with numbers for sizes, and the value of each.

    Attributes:
        target: the scalar that is explained.
        wrt: the node that it is differentiated in, or None.
        entry: which entry of ``wrt``, or None for all of it.
        order: every node that the target needs, inputs first.
        values: float64 for floats, by node.
        given: nodes whose value was given though it could be computed.
    """

    target: Node
    wrt: Node | None
    entry: tuple[int, ...] | None
    order: tuple[Node, ...]
    values: dict[Node, Array]
    given: frozenset[Node] = frozenset()

    def inputs(self) -> list[Node]:
        """The inputs that have a name, in the order in which a reader meets them."""
        return [node for node in self.order if node.primitive is INPUT and node.name]


def evaluate_forward(target: Node, wrt: Node | str | None, at: Mapping[str, ArrayLike] | None) -> Forward:
    """Copy what ``target`` needs as plain nodes with numbers for named sizes, and evaluate every node in float64.

    Args:
        target: a variable, or a node of a graph.
        wrt: a node below the target or an entry of one (``W[0, 1]``), or its name, or None.
        at: values by name: of a graph's inputs (variables have their own), and of nodes between inputs and target that
            are taken as given instead of computed. An input that only such nodes need may be left out, and is NaN.

    Raises:
        InputError: a value is missing or does not fit, or ``wrt`` is not below ``target``.
    """
    order = topological([target])
    below, entry = _located(wrt, order)
    given = _given(order, dict(at or {}))
    leaves = {node: value for node, value in given.items() if node.primitive is INPUT}
    names = {node: str(number) for number, node in enumerate(leaves)}
    types = {names[node]: node.type for node in leaves}
    sizes = bind_sizes(types, {names[node]: np.shape(value) for node, value in leaves.items()})
    _check_sizes(order, sizes)
    copies = _copies(order, sizes)
    fixed = {copies[node]: value for node, value in given.items()}
    needed = set(topological([copies[target]]))
    asked = [*fixed, *([] if below is None else [copies[below]])]
    # A loop without steps does not need what its steps would read; it is there nevertheless.
    copied = topological([*(node for node in asked if node not in needed), copies[target]])
    values: dict[Node, Array] = {}
    with np.errstate(all="ignore"):
        for node in copied:
            values[node] = fixed[node] if node in fixed else value_of(node, values)
            if values[node].shape != node.shape:
                raise InputError(f"{node.name} should be {node.type}; got shape {values[node].shape}")
    return Forward(
        copies[target],
        None if below is None else copies[below],
        entry,
        tuple(copied),
        values,
        frozenset(node for node in fixed if node.primitive is not INPUT),
    )


def value_of(node: Node, values: Mapping[Node, Array]) -> Array:
    """The value of a node of known sizes, given those of its inputs; floats are float64."""
    if node.primitive is CONSTANT:
        return constant_value(node)
    value = np.asarray(evaluate_node(node, [values[operand] for operand in node.inputs], node.attributes, False))
    return value.astype(np.float64) if node.type.dtype == "float" else value


def _given(order: Sequence[Node], at: dict[str, ArrayLike]) -> dict[Node, Array]:
    """The values that are given: of all inputs, and of what else ``at`` names."""
    known = {node.name: node for node in order if node.name}
    for name in at:
        if name not in known:
            raise InputError(f"the expression has nothing called {name!r}{suggest(name, known)}: {_some(known)}")
    fixed = {known[name] for name in at if known[name].primitive is not INPUT}
    needed = {operand for node in order if node not in fixed for operand in node.inputs}
    given: dict[Node, Array] = {}
    for node in order:
        if node.name in at and known[node.name] is node:
            value: Any = at[node.name]
        elif node.primitive is not INPUT:
            continue
        elif node.__class__ is not Node:
            value = np.asarray(node)  # a variable has a value of its own
        elif node in needed or holds_dim(node.shape):
            raise InputError(f"{node.describe()} has no value yet: give it, explain(..., at={{{node.name!r}: ...}})")
        else:
            value = np.full(node.shape, np.nan) if node.type.dtype == "float" else np.zeros(node.shape, int)
        given[node] = np.array(as_type(value, node.type, np.float64, node.name))
    return given


def _check_sizes(order: Sequence[Node], sizes: Mapping[str, int]) -> None:
    """Raise InputError for a named size that does not follow from the shapes of the inputs."""
    for node in order:
        for size in (*node.shape, *node.attributes.values()):
            if isinstance(size, Dim) and not size.names <= sizes.keys():
                raise InputError(f"the size {size} of {node.describe()} does not follow from the inputs' shapes")


def _copies(
    order: Iterable[Node], sizes: Mapping[str, int], known: Mapping[Node, Node] | None = None
) -> dict[Node, Node]:
    """Plain nodes with numbers for named sizes, by the nodes they are copied from; loops are written out."""
    copies: dict[Node, Node] = dict(known or {})
    loops: dict[Hashable, list[Node]] = {}
    for node in order:
        if node.primitive.name in ("packed_scan", "scan"):
            key = group_key(node)
            if key not in loops:
                loops[key] = _unrolled(node, [copies[operand] for operand in node.inputs], sizes)
            copies[node] = loops[key][node.attributes["output"]]
            if node.name and not copies[node].name:
                copies[node].name = node.name
        else:
            copies[node] = _copy(node, copies, sizes)
            copies[node].location = node.location
    return copies


def _unrolled(node: Node, inputs: Sequence[Node], sizes: Mapping[str, int]) -> list[Node]:
    def body_on(body: Graph, arguments: list[Node]) -> list[Node]:
        known = dict(zip(body.inputs.values(), arguments, strict=True))
        copies = _copies((part for part in body.nodes if part not in known), sizes, known)
        return [copies[output] for output in body.outputs.values()]

    length = resolve(steps_of(node), sizes)
    if length > LONGEST:
        raise InputError(
            f"a loop of {length} steps is too long to be explained; at most {LONGEST}: give a shorter text"
        )
    return unrolled(node, inputs, length, body_on)


def _copy(node: Node, copies: Mapping[Node, Node], sizes: Mapping[str, int]) -> Node:
    if node.primitive is CONSTANT:
        return constant_node(**node.attributes)
    if node.primitive is INPUT:
        return input_node(node.name, node.type.with_shape(tuple(resolve(size, sizes) for size in node.shape)))
    attributes = {name: _numbers(value, sizes) for name, value in node.attributes.items()}
    return apply(node.primitive, *(copies[operand] for operand in node.inputs), **attributes).named(node.name)


def _numbers(value: Any, sizes: Mapping[str, int]) -> Any:
    if isinstance(value, Dim):
        return resolve(value, sizes)
    return tuple(_numbers(item, sizes) for item in value) if isinstance(value, tuple) else value


def _located(wrt: Node | str | None, order: Sequence[Node]) -> tuple[Node | None, tuple[int, ...] | None]:
    """The node of ``order`` that is meant, and which entry of it."""
    if wrt is None:
        return None, None
    if isinstance(wrt, str):
        return _named(wrt, order)
    if wrt in order:
        return wrt, () if wrt.shape == () else None
    return _selected(wrt, order)


def _named(text: str, order: Sequence[Node]) -> tuple[Node, tuple[int, ...] | None]:
    named = {node.name: node for node in order if node.name}
    name, index = text.strip(), ""
    if name not in named and (match := _ENTRY.match(name)):
        name, index = match["name"], match["index"]
    if name not in named:
        raise InputError(f"there is nothing called {name!r} to differentiate in{suggest(name, named)}: {_some(named)}")
    node = named[name]
    if not index:
        return node, () if node.shape == () else None
    try:
        entry = tuple(int(number) for number in index.split(","))
    except ValueError:
        raise InputError(f"an entry is written {name}[0, 1]; got {text!r}") from None
    if len(entry) != node.ndim:
        raise InputError(f"{name} has {node.ndim} axes: an entry of it has {node.ndim} indices; got {text!r}")
    for number, size in zip(entry, node.shape, strict=True):
        if isinstance(size, int) and number >= size:
            raise InputError(f"{text} is outside of {node.describe()}")
    return node, entry


def _some(named: Mapping[str, Node]) -> str:
    names = list(named)
    return f"there are {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"


def _selected(wrt: Node, order: Sequence[Node]) -> tuple[Node, tuple[int, ...]]:
    """``W[0, 1]`` makes a new node: which node below the target it looks into, and at which entry."""
    node, chain = wrt, []
    while node not in order:
        if node.primitive.name not in SELECTING:
            raise InputError(f"the target does not depend on {wrt.describe()}")
        chain.append(node)
        node = node.inputs[0]
    if wrt.shape != ():
        raise InputError(f"give one entry, as {node.name or 'W'}[0, 1], or the whole; got {wrt.describe()}")
    if any(isinstance(size, Dim) for size in node.shape):
        raise InputError(f"name the entry of {node.describe()} as text, for its sizes are not known yet: 'x[0, 1]'")
    shape = tuple(resolve(size, {}) for size in node.shape)
    places: dict[Node, Array] = {node: np.arange(int(np.prod(shape))).reshape(shape)}
    for part in reversed(chain):
        operands = [places[part.inputs[0]], *(_fixed(operand) for operand in part.inputs[1:])]
        places[part] = np.asarray(part.primitive.evaluate(*operands, **part.attributes))
    return node, tuple(int(i) for i in np.unravel_index(int(places[wrt]), shape))


def _fixed(node: Node) -> Array:
    return constant_value(node) if node.primitive is CONSTANT else np.asarray(node)
