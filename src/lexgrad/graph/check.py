"""The checker: what a legal graph is, said so that it can be run. Every transformation is followed by it in tests."""

from __future__ import annotations

from lexgrad.errors import LexgradError
from lexgrad.graph.graph import Graph
from lexgrad.graph.node import CONSTANT, INPUT, Node
from lexgrad.graph.primitive import PRIMITIVES
from lexgrad.graph.types import Type


class IllegalGraphError(LexgradError):
    """A graph breaks a rule; this is a fault of whatever built it, never of the user's numbers."""


def check(graph: Graph) -> Graph:
    """Check every rule of a legal graph and return it.

    The rules: every node comes after its inputs and once only; its primitive is registered; its type is what the
    primitive's typing rule gives for the types of its inputs; inputs are input nodes; outputs are in the graph; the
    graphs among its attributes are legal too.

    Raises:
        IllegalGraphError: naming the first node that breaks a rule, and the rule.
    """
    seen: set[Node] = set()
    for position, node in enumerate(graph.nodes):
        where = f"graph {graph.name!r}, node {position} ({node.describe()})"
        if node in seen:
            raise IllegalGraphError(f"{where}: appears twice")
        missing = [operand for operand in node.inputs if operand not in seen]
        if missing:
            raise IllegalGraphError(f"{where}: comes before its input {missing[0].describe()}")
        _check_node(node, where)
        seen.add(node)
    for name, node in graph.inputs.items():
        if node.primitive is not INPUT:
            raise IllegalGraphError(f"graph {graph.name!r}: input {name!r} is {node.describe()}, not an input")
    for name, node in graph.outputs.items():
        if node not in seen:
            raise IllegalGraphError(f"graph {graph.name!r}: output {name!r} is not in the graph")
    return graph


def _check_node(node: Node, where: str) -> None:
    if node.primitive in (INPUT, CONSTANT):
        if node.inputs:
            raise IllegalGraphError(f"{where}: takes no inputs")
        if node.primitive is CONSTANT and not fits(node.attributes["value"], node.type):
            raise IllegalGraphError(f"{where}: its value has other entries or another shape")
        return
    if PRIMITIVES.get(node.primitive.name) is not node.primitive:
        raise IllegalGraphError(f"{where}: its primitive is not registered")
    try:
        expected = node.primitive.typing(*(operand.type for operand in node.inputs), **node.attributes)
    except (AttributeError, IndexError, TypeError, ValueError) as error:  # ShapeError is a ValueError
        raise IllegalGraphError(f"{where}: {error}") from error
    if expected != node.type:
        raise IllegalGraphError(f"{where}: its inputs make it {expected}")
    for value in node.attributes.values():
        if isinstance(value, Graph):
            check(value)


_ENTRIES: dict[str, tuple[type, ...]] = {"float": (float, int), "int": (int,), "bool": (bool,)}


def fits(value: object, type: Type) -> bool:
    """Whether ``value`` is a number or nested tuples of numbers of this dtype and shape."""
    if not type.shape:
        right = isinstance(value, _ENTRIES[type.dtype])
        return right and (type.dtype == "bool" or not isinstance(value, bool))
    inner = type.with_shape(type.shape[1:])
    return isinstance(value, tuple) and len(value) == type.shape[0] and all(fits(entry, inner) for entry in value)
