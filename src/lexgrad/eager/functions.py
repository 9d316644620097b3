"""Derivatives of Python functions: trace, differentiate, and evaluate or splice into what is being traced."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from lexgrad.errors import InputError
from lexgrad.evaluate import Interpreter
from lexgrad.grad import gradient
from lexgrad.graph import INPUT, Graph, Node, rebuild, topological
from lexgrad.ops import lift
from lexgrad.trace import TreeShape, call_on_inputs, settle_variables, tree_flatten, tree_unflatten


def value_and_grad(function: Callable[..., Any], wrt: int | Sequence[int] = 0) -> Callable[..., tuple[Any, Any]]:
    """A function that returns what ``function`` returns, and its gradient.

    Args:
        function: returns a float scalar; its arguments are numbers, arrays or trees of them.
        wrt: which arguments (counted from 0) to differentiate in. For one, the gradient is a tree like that argument;
            for several, a tuple of such trees.

    Returns:
        a function of the same arguments. Called with numbers and arrays it computes in float64; called with nodes or
        variables, as inside another derivative, it adds to their graph, so that derivatives of any order work.
    """

    @functools.wraps(function)
    def both(*arguments: Any) -> tuple[Any, Any]:
        positions = _positions(wrt, len(arguments))
        called = call_on_inputs(function, *arguments)
        if called.result.kind is not None:
            raise InputError("can differentiate a function that returns one float scalar; it returns a tree")
        names = list(called.inputs)
        owners = _owners(called.arguments)
        wanted = [n for n, owner in zip(names, owners, strict=True) if owner in positions]
        output = called.outputs["out"]
        gradients = gradient(output, [called.inputs[name] for name in wanted])
        leaves = list(tree_flatten(list(arguments))[0].values())
        outputs = {"out": output, **{f"d_{name}": node for name, node in zip(wanted, gradients, strict=True)}}
        value, *results = _values(called.inputs, outputs, leaves)
        found = dict(zip(wanted, results, strict=True))
        trees = [_gradient_tree(called.arguments.children[p], p, names, owners, found) for p in positions]
        return value, trees[0] if isinstance(wrt, int) else tuple(trees)

    return both


def grad(function: Callable[..., Any], wrt: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that returns the gradient of ``function``; see :func:`value_and_grad`."""
    both = value_and_grad(function, wrt)

    @functools.wraps(function)
    def only(*arguments: Any) -> Any:
        return both(*arguments)[1]

    return only


def _positions(wrt: int | Sequence[int], count: int) -> tuple[int, ...]:
    asked = (wrt,) if isinstance(wrt, int) else tuple(wrt)
    for position in asked:
        if not -count <= position < count:
            raise InputError(f"cannot differentiate in argument {position}: {count} arguments were given")
    return tuple(position % count for position in asked)


def _owners(arguments: TreeShape) -> list[int]:
    """For each leaf, the number of the argument that it belongs to."""
    return [i for i, child in enumerate(arguments.children) for _ in range(child.leaves)]


def _values(inputs: dict[str, Node], outputs: dict[str, Node], leaves: Sequence[Any]) -> list[Any]:
    """The outputs at ``leaves``: numbers and arrays; or nodes, where leaves or what the function captured are nodes."""
    order = topological(outputs.values())
    own = set(inputs.values())
    captured = any(node.primitive is INPUT and node.__class__ is Node and node not in own for node in order)
    if captured or any(isinstance(leaf, Node) for leaf in leaves):
        new = rebuild(order, dict(zip(inputs.values(), lift(*leaves), strict=True)))
        return [new[node] for node in outputs.values()]
    graph = Graph(inputs, settle_variables(outputs, inputs.values()))
    values = Interpreter(graph).run(dict(zip(graph.inputs, leaves, strict=True)))
    return [value.item() if value.ndim == 0 else value for value in values.values()]


def _gradient_tree(
    shape: TreeShape, position: int, names: Sequence[str], owners: Sequence[int], gradients: dict[str, Any]
) -> Any:
    own = [gradients[name] for name, owner in zip(names, owners, strict=True) if owner == position]
    return tree_unflatten(shape, own)
