"""Graphs: named inputs, named outputs, and every node between them in topological order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from lexgrad.errors import InputError
from lexgrad.graph.dims import Dim, holds_dim, resolve
from lexgrad.graph.node import INPUT, Node, apply, input_node, originating
from lexgrad.graph.types import Type


class Graph:
    """A function as data: what goes in, what comes out, and the nodes in an order in which they can be computed.

    Args:
        inputs: input nodes by name, in the order in which they are printed and given.
        outputs: the nodes whose values are wanted, by name.
        name: what the graph is called in its text form.

    Attributes:
        nodes: every node that the outputs need and every input, each after all that it needs.

    Raises:
        InputError: an output needs an input node that is not among ``inputs``.
    """

    def __init__(self, inputs: Mapping[str, Node], outputs: Mapping[str, Node], name: str = "graph") -> None:
        self.inputs = dict(inputs)
        self.outputs = dict(outputs)
        self.name = name
        given = tuple(self.inputs.values())
        known = set(given)
        self.nodes = (*given, *(node for node in topological(self.outputs.values()) if node not in known))
        for label in (name, *self.inputs, *self.outputs):
            if not label or label.startswith("%") or "`" in label or "\n" in label:
                raise InputError(
                    f"a name in a graph is not empty, begins not with % and has no ` or line end: {label!r}"
                )
        for node in self.nodes[len(given) :]:
            if node.primitive is INPUT:
                raise InputError(
                    f"graph {name!r} needs the value of {node.describe()}, which is not one of its inputs"
                    f" ({', '.join(self.inputs) or 'it has none'})"
                )

    @property
    def input_types(self) -> dict[str, Type]:
        """The type of each input, by name."""
        return {name: node.type for name, node in self.inputs.items()}

    @property
    def output_types(self) -> dict[str, Type]:
        """The type of each output, by name."""
        return {name: node.type for name, node in self.outputs.items()}

    def inline(self, *arguments: Node) -> dict[str, Node]:
        """Copy the graph's body with ``arguments`` in place of its inputs; returns the new outputs by name.

        Raises:
            InputError: the number of arguments is not the number of inputs.
        """
        if len(arguments) != len(self.inputs):
            raise InputError(
                f"graph {self.name!r} has {len(self.inputs)} inputs ({', '.join(self.inputs)});"
                f" got {len(arguments)} arguments"
            )
        replaced = dict(zip(self.inputs.values(), arguments, strict=True))
        copies = rebuild(self.nodes, replaced)
        return {name: copies[node] for name, node in self.outputs.items()}

    @cached_property
    def holds_dim(self) -> bool:
        """Whether a named size occurs anywhere, in a type or an attribute."""
        return any(holds_dim((node.shape, *node.attributes.values())) for node in self.nodes if not node.closed)

    def with_sizes(self, sizes: Mapping[str, int]) -> Graph:
        """The same graph with a number in place of every named size; itself where it has none.

        Raises:
            KeyError: a named size is missing.
        """
        if not self.holds_dim:
            return self
        new: dict[Node, Node] = {}
        for node in self.nodes:
            if node.primitive is INPUT:
                new[node] = input_node(node.name, node.type.with_shape(filled(node.shape, sizes)))
            elif node.closed:
                new[node] = node
            else:
                attributes = {name: filled(value, sizes) for name, value in node.attributes.items()}
                new[node] = again_on(node, tuple(new[operand] for operand in node.inputs), attributes)
        inputs = {name: new[node] for name, node in self.inputs.items()}
        return Graph(inputs, {name: new[node] for name, node in self.outputs.items()}, self.name)

    def show(self) -> Any:
        """The graph as a picture that notebooks show; see ``lexgrad.draw``."""
        return sys.modules["lexgrad"].draw(self)  # by its public name: this room knows nothing of those above it

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __str__(self) -> str:
        from lexgrad.graph.text import print_graph

        return print_graph(self)

    def __repr__(self) -> str:
        return f"<graph {self.name}: {len(self.inputs)} inputs, {len(self.nodes)} nodes>"


def distinct(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """The same names, numbered from 2 on where one comes again or is among ``taken``."""
    seen, result = set(taken), []
    for name in names:
        label, number = name, 1
        while label in seen:
            number += 1
            label = f"{name}_{number}"
        seen.add(label)
        result.append(label)
    return result


def topological(outputs: Iterable[Node]) -> list[Node]:
    """Every node that ``outputs`` need, inputs before users, in the order in which a reader meets them."""
    order: list[Node] = []
    seen: set[Node] = set()
    for output in outputs:
        stack: list[tuple[Node, Iterator[Node]]] = [(output, iter(output.inputs))] if output not in seen else []
        seen.add(output)
        while stack:
            node, remaining = stack[-1]
            for operand in remaining:
                if operand not in seen:
                    seen.add(operand)
                    stack.append((operand, iter(operand.inputs)))
                    break
            else:
                order.append(node)
                stack.pop()
    return order


def depending_on(nodes: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """Those of ``nodes`` (in topological order) that are among ``sources`` or are made of them."""
    found = set(sources)
    for node in nodes:
        if any(operand in found for operand in node.inputs):
            found.add(node)
    return found


def rebuild(
    nodes: Sequence[Node],
    replaced: Mapping[Node, Node],
    change: Callable[[Node], Node] = lambda node: node,
) -> dict[Node, Node]:
    """Rebuild ``nodes`` (in topological order) on top of ``replaced``; maps every old node to its new one.

    Nodes none of whose inputs changed are kept as they are. ``change`` may replace each rebuilt node.
    Names and origins carry over.
    """
    new: dict[Node, Node] = dict(replaced)
    for node in nodes:
        if node in new:
            continue
        inputs = tuple(new.get(operand, operand) for operand in node.inputs)
        same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
        new[node] = change(node if same else again_on(node, inputs))
    return new


def filled(value: Any, sizes: Mapping[str, int]) -> Any:
    """A type's shape or an attribute with a number in place of every named size."""
    if isinstance(value, Dim):
        return resolve(value, sizes)
    if isinstance(value, tuple):
        return tuple(filled(entry, sizes) for entry in value)
    return value.with_sizes(Partly(sizes)) if isinstance(value, Graph) else value


class Partly(dict[str, Any]):
    """Sizes in the place of some names; other names, such as those that only a body has, stay."""

    def __missing__(self, name: str) -> Any:
        return Dim(name)


def group_key(node: Node) -> Hashable | None:
    """What the nodes of a group have in common (see Primitive); None for a node that is a computation of its own."""
    if node.primitive.evaluate_all is None:
        return None
    shared = tuple(sorted((name, value) for name, value in node.attributes.items() if name != "output"))
    return node.primitive.name, node.inputs, shared


def again_on(node: Node, inputs: tuple[Node, ...], attributes: Mapping[str, Any] | None = None) -> Node:
    """The node on other inputs, or with other attributes as well, of the same name, origin and line."""
    attributes = node.attributes if attributes is None else attributes
    if node.origin is None:
        copy = apply(node.primitive, *inputs, **attributes)
    else:
        with originating(node.origin.node, node.origin.input):
            copy = apply(node.primitive, *inputs, **attributes)
    copy.name, copy.location = node.name, node.location
    return copy
