"""Graphs: named inputs, named outputs, and every node between them in topological order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from lexgrad.errors import InputError
from lexgrad.graph.node import INPUT, Node, apply, originating
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

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __str__(self) -> str:
        from lexgrad.graph.text import print_graph

        return print_graph(self)

    def __repr__(self) -> str:
        return f"<graph {self.name}: {len(self.inputs)} inputs, {len(self.nodes)} nodes>"


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
        new[node] = change(node if same else _copy_onto(node, inputs))
    return new


def _copy_onto(node: Node, inputs: tuple[Node, ...]) -> Node:
    if node.origin is None:
        copy = apply(node.primitive, *inputs, **node.attributes)
    else:
        with originating(node.origin.node, node.origin.input):
            copy = apply(node.primitive, *inputs, **node.attributes)
    copy.name, copy.location = node.name, node.location
    return copy
