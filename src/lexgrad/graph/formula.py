"""A node as people write it: ``c * (a + 2 * b)``, from the notation of its primitives."""

from __future__ import annotations

import string
from typing import Any

from lexgrad.graph.node import CONSTANT, INPUT, Node

_FUNCTION, _POWER, _SIGN = 9, 5, 4


def formula(node: Node, limit: int = 120) -> str:
    """The formula of a node in terms of its named inputs; named nodes inside it stand as their names.

    Args:
        node: the node to write out.
        limit: of a formula longer than this many characters, the outermost operation is written, ``tanh(…) + b``.
    """
    texts: dict[Node, str] = {}
    cut: set[Node] = set()
    for part in _parts(node):
        text = _written(part, texts, cut, top=part is node)
        if len(text) > limit:
            text = _outermost(part)
        if "…" in text and part.inputs and (part is node or not part.name):
            cut.add(part)
        texts[part] = text
    return texts[node]


def _parts(node: Node) -> list[Node]:
    """Every node that the formula is put together of, operands first; without recursion, for deep graphs."""
    order: list[Node] = []
    seen: set[Node] = set()
    stack = [node]
    while stack:
        part = stack[-1]
        missing = [operand for operand in part.inputs if operand not in seen] if part is node or not part.name else []
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if part not in seen:
            seen.add(part)
            order.append(part)
    return order


def _written(node: Node, texts: dict[Node, str], cut: set[Node], top: bool) -> str:
    if node.primitive is INPUT or (node.name and not top):
        return node.name or "…"
    if node.primitive is CONSTANT:
        return _constant(node)
    operands = [
        "…" if operand in cut else _bracketed(operand, texts, _wanted(node, i)) for i, operand in enumerate(node.inputs)
    ]
    notation = node.primitive.notation or f"{node.primitive.name}({', '.join(operands)})"
    return _fill(notation, operands, node.attributes)


def _wanted(node: Node, i: int) -> int:
    """How strongly operand ``i`` has to bind to stand without brackets."""
    own = node.primitive.precedence
    if own == _FUNCTION or node.primitive.notation == "{0}":
        return 0
    # Operands of one strength group from the left, a - (b - c) keeps its brackets; powers group from the right.
    return own + (i == 0 if own == _POWER else i > 0)


def _bracketed(node: Node, texts: dict[Node, str], wanted: int) -> str:
    return f"({texts[node]})" if _binding(node) < wanted else texts[node]


def _binding(node: Node) -> int:
    while node.primitive.notation == "{0}" and not node.name:  # written as its operand
        node = node.inputs[0]
    if node.name or node.primitive is INPUT:
        return _FUNCTION
    if node.primitive is CONSTANT:
        value = node.attributes["value"]
        return _SIGN if isinstance(value, int | float) and value < 0 else _FUNCTION
    return node.primitive.precedence


def _fill(notation: str, operands: list[str], attributes: Any) -> str:
    try:
        return string.Formatter().vformat(notation, operands, attributes)
    except (IndexError, KeyError):
        return notation


def _outermost(node: Node) -> str:
    return _fill(node.primitive.notation or node.primitive.name, ["…"] * max(len(node.inputs), 1), node.attributes)


def _constant(node: Node) -> str:
    value = node.attributes["value"]
    if isinstance(value, tuple):
        return "[…]"
    return f"{value:g}" if isinstance(value, float) else str(value)
