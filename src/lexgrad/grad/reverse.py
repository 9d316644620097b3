"""Reverse mode, graph to graph: every node passes its blame to its inputs, multiplied by local derivatives."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, MutableMapping, Sequence
from typing import TypeAlias

from lexgrad.errors import InputError, LexgradError, suggest
from lexgrad.graph import Graph, Node, depending_on, group_key, originating, topological
from lexgrad.ops import broadcast_to, constant

Shares: TypeAlias = MutableMapping[tuple[Node, int], Node]
"""What is sent along each edge, (node, number of the input); for a group, its first node stands for all."""


def backward(output: Node, wrt: Iterable[Node], shares: Shares | None = None) -> dict[Node, Node]:
    """The derivative of a scalar in every node between it and ``wrt``.

    Backpropagation (Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature
    1986): in reverse topological order, the cotangent of each node is the sum of what its users' rules send it.
    Every node that this makes carries its origin.

    Args:
        output: the scalar float that is differentiated.
        wrt: float nodes; nodes that do not lie on a path to one of them are not visited.
        shares: filled, if given, with what each node sends to each of its inputs; a cotangent is the sum of its shares.

    Returns:
        the cotangents by node; a node that ``output`` does not depend on is not among them.

    Raises:
        InputError: ``output`` is not a float scalar, or a node of ``wrt`` is not float.
    """
    targets = list(wrt)
    if output.type.dtype != "float":
        raise InputError(f"can differentiate floats only; got {output.describe()}: write 3.0 for 3, or cast to 'float'")
    if output.shape != ():
        raise InputError(f"can differentiate a scalar only; got {output.describe()}: take its sum or mean first")
    for node in targets:
        if node.type.dtype != "float":
            raise InputError(
                f"can differentiate with respect to floats only; got {node.describe()}: write 3.0 for 3, or cast"
            )
    return pull({output: constant(1.0)}, targets, shares)


def pull(given: Mapping[Node, Node], wrt: Iterable[Node], shares: Shares | None = None) -> dict[Node, Node]:
    """From the cotangents of some nodes to those of all float nodes between them and ``wrt``: see ``backward``."""
    order = topological(given)
    shares = {} if shares is None else shares
    active = depending_on(order, wrt)
    cotangents = {node: cotangent for node, cotangent in given.items() if node in active}
    groups: dict[Hashable, list[Node]] = {}
    for node in order:
        groups.setdefault(group_key(node) or node, []).append(node)
    for node in reversed(order):
        members = groups[group_key(node) or node]
        # When the first of a group is reached, all that depends on any of it has been visited.
        if node not in active or node is not members[0] or not any(member in cotangents for member in members):
            continue
        if node.primitive.vjp_all is not None:
            _send_all(members, active, cotangents, shares)
            continue
        for i, operand in enumerate(node.inputs):
            if operand in active:
                _send(node, i, cotangents, shares)
    return {node: cotangents[node] for node in order if node in cotangents}


def _send(node: Node, i: int, cotangents: dict[Node, Node], shares: Shares) -> None:
    """Send the cotangent of ``node`` along its edge to input ``i``, by the primitive's rule."""
    rule = node.primitive.rule(i)
    if rule is None:
        return
    with originating(node, i):
        share = rule(cotangents[node], node, *node.inputs, **node.attributes)
    _add(node, i, share, cotangents, shares)


def _send_all(members: Sequence[Node], active: Collection[Node], cotangents: dict[Node, Node], shares: Shares) -> None:
    """Send the cotangents of a group to its inputs, by the primitive's rule."""
    node = members[0]
    rule, attributes = node.primitive.vjp_all, dict(node.attributes)
    assert rule is not None
    del attributes["output"]
    given: dict[int, Node] = {}
    for member in members:
        if member in cotangents:  # two nodes may be the same output
            i = member.attributes["output"]
            given[i] = given[i] + cotangents[member] if i in given else cotangents[member]
    wanted = frozenset(i for i, x in enumerate(node.inputs) if x in active and x.type.dtype == "float")
    with originating(node, None):
        sent = rule(given, *node.inputs, wanted=wanted, pull=pull, **attributes)
    for i, share in sent.items():
        _add(node, i, share, cotangents, shares)


def _add(node: Node, i: int, share: Node | None, cotangents: dict[Node, Node], shares: Shares) -> None:
    """Add what the rule of ``node`` gave for its input ``i``."""
    operand = node.inputs[i]
    if share is None:
        return
    if share.type != operand.type:
        raise LexgradError(
            f"the rule of {node.primitive.name} for input {i} gives {share.type}; the input is {operand.type}"
        )
    shares[node, i] = share
    if operand in cotangents:
        with originating(operand, None):
            cotangents[operand] = cotangents[operand] + share
    else:
        cotangents[operand] = share


def gradient(output: Node, wrt: Sequence[Node]) -> list[Node]:
    """The derivative of a scalar in each node of ``wrt``; zeros where it does not depend on one.

    Raises:
        InputError: ``output`` is not a float scalar, or a node of ``wrt`` is not float.
    """
    cotangents = backward(output, wrt)
    return [cotangents[node] if node in cotangents else broadcast_to(0.0, node.shape) for node in wrt]


def differentiate(graph: Graph, wrt: Sequence[str] | None = None, output: str | None = None) -> Graph:
    """The graph with its backward graph: outputs as before, and ``d_<input>`` for each input in ``wrt``.

    Where the graph has an output of that name already, as when a derivative is differentiated again, the new one
    is called ``d_d_<input>``, and so on.

    Args:
        graph: what to differentiate.
        wrt: names of inputs; every float input by default.
        output: which output; may be left out where there is only one.

    Raises:
        InputError: an unknown name, or an output that is not a float scalar.
    """
    names = [n for n, t in graph.input_types.items() if t.dtype == "float"] if wrt is None else list(wrt)
    for name in names:
        if name not in graph.inputs:
            raise InputError(f"graph {graph.name!r} has no input {name!r}{suggest(name, graph.inputs)}")
    if output is None and len(graph.outputs) != 1:
        raise InputError(f"graph {graph.name!r} has several outputs ({', '.join(graph.outputs)}): say which one")
    result = next(iter(graph.outputs)) if output is None else output
    if result not in graph.outputs:
        raise InputError(f"graph {graph.name!r} has no output {result!r}{suggest(result, graph.outputs)}")
    gradients = gradient(graph.outputs[result], [graph.inputs[name] for name in names])
    outputs = dict(graph.outputs)
    for name, node in zip(names, gradients, strict=True):
        new = f"d_{name}"
        while new in outputs:
            new = f"d_{new}"
        outputs[new] = node
    return Graph(graph.inputs, outputs, f"{graph.name}_backward")
