"""Rules that are written as they are read: ``"s * x + s * y → s * (x + y)"``.

Both sides are Python expressions over nodes. On the left they are matched, on the right they are built:

- ``x``, ``y``, ``z`` stand for any node, ``s`` and ``t`` for a number that is known at run time and stands in every
  entry (a scalar, broadcast), ``b`` for anything that is broadcast, ``c`` and ``d`` for constant numbers, broadcast or
  not. A letter that occurs twice stands for one node.
- ``2`` matches the constant 2, broadcast or not.
- ``+ - * / ** @`` and names stand for primitives (``where`` for select). Where ``+`` and ``*`` stand, operands match in
  either order. A primitive on the right has the attributes (axes, shapes) that it has on the left.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from lexgrad import ops
from lexgrad.graph import PRIMITIVES, Graph, Node, RewriteRule, Type, apply, input_node
from lexgrad.ops.lifting import scalar_constant
from lexgrad.passes.folding import folded

Attributes: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Match:
    """What the letters and the attributes of a left side stand for, and the nodes between root and letters."""

    letters: Mapping[str, Node]
    attributes: Mapping[str, Attributes]
    inner: tuple[Node, ...] = ()


Matcher: TypeAlias = Callable[[Node, Match], Iterator[Match]]
_NOTHING = Match({}, {})
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power",
    ast.MatMult: "matmul", ast.USub: "negative",
}  # fmt: skip
COMMUTATIVE = frozenset({"add", "equal", "logical_and", "logical_or", "multiply", "not_equal"})
"""Primitives of two operands whose order does not matter."""
_NAMES = {"where": "select"}
_ATTRIBUTES_OF = {"logsumexp": "sum"}  # whose attributes a primitive has that is new on the right


def pattern_rule(
    text: str,
    *,
    when: Callable[[Mapping[str, Node]], bool] | None = None,
    alone: bool = False,
    types: Mapping[str, Type] | None = None,
    attributes: Mapping[str, Attributes] | None = None,
) -> RewriteRule:
    """The rule that ``text`` says, which is its name as well.

    Args:
        text: left side, ``→``, right side.
        when: looks at what the letters stand for, and says whether the rule holds.
        alone: the rule applies only where the nodes inside the left side have no other users: where it would not save
            work otherwise.
        types: types of letters in the example; floats (3, 4) otherwise.
        attributes: attributes of primitives in the example.
    """
    left, right = (ast.parse(side.strip(), mode="eval").body for side in text.split("→"))
    root = _primitive(left)
    match = _matcher(left)

    def found(node: Node) -> Iterator[Match]:
        return (m for m in match(node, _NOTHING) if when is None or when(m.letters))

    def rewrite(node: Node) -> Node | None:
        for m in found(node):
            return _fitted(_build(right, m), node)
        return None

    def rewrite_alone(node: Node, users: Mapping[Node, int]) -> Node | None:
        for m in found(node):
            if all(users.get(part) == 1 for part in m.inner if part is not node):
                return _fitted(_build(right, m), node)
        return None

    def shown() -> Graph:
        return _example(left, types or {}, attributes or {})

    return RewriteRule(text, root, rewrite_alone if alone else rewrite, alone, shown)


# --- the left side


def _primitive(side: ast.expr) -> str:
    if isinstance(side, ast.BinOp | ast.UnaryOp):
        return _OPERATORS[type(side.op)]
    assert isinstance(side, ast.Call), ast.dump(side)
    assert isinstance(side.func, ast.Name), ast.dump(side)
    return _NAMES.get(side.func.id, side.func.id)


def _operands(side: ast.expr) -> list[ast.expr]:
    if isinstance(side, ast.BinOp):
        return [side.left, side.right]
    if isinstance(side, ast.UnaryOp):
        return [side.operand]
    assert isinstance(side, ast.Call)
    return side.args


def _number(side: ast.expr) -> float | None:
    """The number that is written, with its sign; None for anything else."""
    if isinstance(side, ast.UnaryOp) and isinstance(side.operand, ast.Constant):
        return -float(str(side.operand.value))
    return side.value if isinstance(side, ast.Constant) else None  # type: ignore[return-value]


def _matcher(side: ast.expr) -> Matcher:
    number = _number(side)
    if number is not None:
        return lambda node, match: iter((match,) if scalar_constant(node) == number else ())
    if isinstance(side, ast.Name):
        return _letter(side.id)
    return _application(_primitive(side), [_matcher(operand) for operand in _operands(side)])


def _letter(name: str) -> Matcher:
    meaning = _MEANINGS.get(name, _anything)

    def match(node: Node, match: Match) -> Iterator[Match]:
        meant = meaning(node)
        if meant is None:
            return
        known = match.letters.get(name)
        if known is None:
            yield replace(match, letters={**match.letters, name: meant})
        elif known is meant or (name in "cd" and scalar_constant(known) == scalar_constant(meant)):
            yield match

    return match


def _anything(node: Node) -> Node | None:
    return node


def _repeated(node: Node) -> Node | None:
    return node if node.primitive.name == "broadcast" else None


def _repeated_scalar(node: Node) -> Node | None:
    if node.primitive.name != "broadcast" or node.inputs[0].ndim:
        return None
    return node.inputs[0]


def _constant(node: Node) -> Node | None:
    while node.primitive.name == "broadcast":
        (node,) = node.inputs
    return node if node.primitive.name == "constant" and not node.ndim else None


_MEANINGS: dict[str, Callable[[Node], Node | None]] = {
    "s": _repeated_scalar,
    "t": _repeated_scalar,
    "b": _repeated,
    "c": _constant,
    "d": _constant,
}
"""What the letters stand for that do not stand for anything."""


def _application(name: str, operands: list[Matcher]) -> Matcher:
    both_ways = name in COMMUTATIVE and len(operands) == 2

    def match(node: Node, match: Match) -> Iterator[Match]:
        if node.primitive.name != name or len(node.inputs) != len(operands):
            return
        attributes = match.attributes
        if node.attributes:
            if attributes.get(name, node.attributes) != node.attributes:
                return
            attributes = {**attributes, name: node.attributes}
        start = Match(match.letters, attributes, (*match.inner, node))
        yield from _all(operands, node.inputs, start)
        if both_ways and node.inputs[0] is not node.inputs[1]:
            yield from _all(operands, node.inputs[::-1], start)

    return match


def _all(matchers: list[Matcher], nodes: tuple[Node, ...], match: Match) -> Iterator[Match]:
    if not matchers:
        yield match
        return
    for found in matchers[0](nodes[0], match):
        yield from _all(matchers[1:], nodes[1:], found)


# --- the right side


def _build(side: ast.expr, match: Match) -> Node | float:
    number = _number(side)
    if number is not None:
        return number
    if isinstance(side, ast.Name):
        return match.letters[side.id]
    name = _primitive(side)
    operands = [_build(operand, match) for operand in _operands(side)]
    attributes = match.attributes.get(name) or match.attributes.get(_ATTRIBUTES_OF.get(name, ""), {})
    if attributes:
        return apply(PRIMITIVES[name], *ops.lift(*operands), **attributes)
    operation: Callable[..., Node] = ops.where if name == "select" else getattr(ops, name)
    result = operation(*operands)
    constant = folded(result)
    return result if constant is None else constant


def _fitted(result: Node | float, node: Node) -> Node:
    """The right side in the type of the left: a number on its own stands in every entry."""
    (lifted,) = ops.lift(result)
    return ops.broadcast_to(ops.cast(lifted, node.type.dtype), node.shape)


def _example(left: ast.expr, types: Mapping[str, Type], attributes: Mapping[str, Attributes]) -> Graph:
    """A graph that the left side matches."""
    inputs: dict[str, Node] = {}
    letters: dict[str, Node] = {}
    names = sorted({part.id for part in ast.walk(left) if isinstance(part, ast.Name)} - set(PRIMITIVES) - set(_NAMES))
    for name in names:
        if name in "cd":
            (letters[name],) = ops.lift(2.5 if name == "c" else -0.5)
            continue
        usual = Type("float", {"s": (), "t": (), "b": (4,)}.get(name, (3, 4)))
        inputs[name] = input_node(name, types.get(name, usual))
        letters[name] = inputs[name] if name != "b" else ops.broadcast_to(inputs[name], (3, 4))
    (out,) = ops.lift(_build(left, Match(letters, attributes)))
    return Graph(inputs, {"out": out}, "example")
