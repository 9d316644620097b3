"""How rules are written down: a function under its name and beside its example."""

from __future__ import annotations

from collections.abc import Callable

from lexgrad.graph import CONSTANT, PRIMITIVES, Graph, Node, Primitive, RewriteRule, Shape, Type, apply, input_node
from lexgrad.ops import casting, comparison, elementwise


def floats(*shape: int) -> Type:
    """The type of an example's real input."""
    return Type("float", shape)


def ints(*shape: int) -> Type:
    """The type of an example's integer input; tests fill it with 0, 1 and 2."""
    return Type("int", shape)


def bools(*shape: int) -> Type:
    """The type of an example's truth input."""
    return Type("bool", shape)


def example(function: Callable[..., Node], *types: Type) -> Callable[[], Graph]:
    """What makes an example: the graph of ``function`` on new inputs of these types."""

    def made() -> Graph:
        inputs = {f"x{i}": input_node(f"x{i}", type) for i, type in enumerate(types)}
        return Graph(inputs, {"out": function(*inputs.values())}, "example")

    return made


Rewrite = Callable[..., "Node | None"]


def rule(
    rules: list[RewriteRule], name: str, primitive: str, shown: Callable[[], Graph], counts: bool = False
) -> Callable[[Rewrite], Rewrite]:
    """Append the function that this decorates to ``rules``, as the rule of that name for that primitive."""

    def added(rewrite: Rewrite) -> Rewrite:
        rules.append(RewriteRule(name, primitive, rewrite, counts, shown))
        return rewrite

    return added


def again(node: Node, *operands: Node, **attributes: object) -> Node:
    """The node's primitive on other operands, with its attributes except for those given."""
    return apply(node.primitive, *operands, **{**node.attributes, **attributes})


def raw(name: str, *operands: Node, **attributes: object) -> Node:
    """The primitive of that name applied as it is, without what its function in ops does before."""
    return apply(PRIMITIVES[name], *operands, **attributes)


def is_a(node: Node, name: str) -> bool:
    """Whether the node applies the primitive of that name."""
    return node.primitive.name == name


def ones_apart(first: Shape, second: Shape) -> bool:
    """Whether two shapes differ in axes of size 1 only."""
    return [size for size in first if size != 1] == [size for size in second if size != 1]


ELEMENTWISE = frozenset(
    found.name
    for room in (elementwise, comparison, casting)
    for found in vars(room).values()
    if isinstance(found, Primitive) and found is not CONSTANT
)
"""Entry i of the result is made of entry i of each operand: the primitives of three files in ops."""
