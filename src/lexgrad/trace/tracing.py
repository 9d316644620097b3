"""From a Python function to a graph: run it once on nodes that stand for its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from lexgrad.errors import InputError
from lexgrad.graph import Graph, Node, Type, input_node, rebuild, topological
from lexgrad.ops import constant, lift, type_of
from lexgrad.trace.trees import TreeShape, tree_flatten, tree_unflatten


class Called(NamedTuple):
    """A function that was called on inputs: they, its outputs by path, and the trees that they belong to."""

    name: str
    inputs: dict[str, Node]
    outputs: dict[str, Node]
    arguments: TreeShape
    result: TreeShape


class Traced(NamedTuple):
    """A traced function: its graph, and how its arguments and its result are put together of leaves."""

    graph: Graph
    arguments: TreeShape
    result: TreeShape


def trace(function: Callable[..., Any], *examples: Any) -> Graph:
    """The graph of ``function``.

    Args:
        function: any function that combines its arguments with lexgrad's operations.
        examples: for each argument a Type, a number or array (of which only dtype and shape count), or a tree of
            them: dicts, lists, tuples, dataclasses.

    Returns:
        a graph whose inputs are named after the function's parameters (``params.W``), and whose output is ``out``,
        or named after the paths of the tree that the function returns.

    Raises:
        InputError: the function returns something that is no number, array or node.
        ShapeError: an operation is not defined for its operands; the message names the line.
    """
    return trace_with_trees(function, *examples).graph


def trace_with_trees(function: Callable[..., Any], *examples: Any) -> Traced:
    """Like :func:`trace`, with the shapes of the argument and result trees."""
    called = call_on_inputs(function, *examples)
    return Traced(_settle(called.inputs, called.outputs, called.name), called.arguments, called.result)


def call_on_inputs(function: Callable[..., Any], *examples: Any) -> Called:
    """Run ``function`` once on new input nodes of the types of ``examples``; what it captured stays as it is."""
    named = dict(zip(parameter_names(function, len(examples)), examples, strict=True))
    leaves, arguments = tree_flatten(named)
    inputs = {path: input_node(path, _type(path, leaf)) for path, leaf in leaves.items()}
    returned = function(*tree_unflatten(arguments, inputs.values()).values())
    results, result = tree_flatten(returned, "out")
    outputs = {path: output_node(path, value) for path, value in results.items()}
    name = getattr(function, "__name__", "function")
    return Called(name if name.isidentifier() else "function", inputs, outputs, arguments, result)


def parameter_names(function: Callable[..., Any], count: int) -> list[str]:
    """Names for the first ``count`` arguments of a function: its own, or ``arg0`` where it does not say."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind in kinds][:count]
    while len(names) < count:
        free = f"arg{len(names)}"
        while free in names:
            free += "_"
        names.append(free)
    return names


def _type(path: str, leaf: Any) -> Type:
    if isinstance(leaf, Type):
        return leaf
    if isinstance(leaf, Node):
        return leaf.type
    try:
        return type_of(leaf)
    except (InputError, ValueError) as error:
        raise InputError(f"argument {path!r}: {error}") from None


def output_node(path: str, value: Any) -> Node:
    """What a traced function returned, as a node.

    Raises:
        InputError: it is no number, array or node.
    """
    try:
        return lift(value)[0]
    except (InputError, ValueError):
        raise InputError(f"a traced function returns nodes, numbers or arrays; {path} is {value!r:.80}") from None


def _settle(inputs: dict[str, Node], outputs: dict[str, Node], name: str) -> Graph:
    """Make the graph; eager variables that the function captured become constants."""
    return Graph(inputs, settle_variables(outputs, inputs.values()), name)


def settle_variables(outputs: dict[str, Node], inputs: Iterable[Node]) -> dict[str, Node]:
    """The same outputs with the values of eager variables, which a function captured, as constants."""
    order = topological(outputs.values())
    values = {node: constant(node.value) for node in order if node.__class__ is not Node and hasattr(node, "value")}
    new = rebuild(order, {**values, **{node: node for node in inputs}}) if values else {}
    return {path: new.get(node, node) for path, node in outputs.items()}
