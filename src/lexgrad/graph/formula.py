"""A node as people write it: ``c * (a + 2 * b)``, from the notation of its primitives."""

from __future__ import annotations

import string
from typing import Any

from lexgrad.graph.node import CONSTANT, INPUT, Node


def formula(node: Node, limit: int = 120) -> str:
    """The formula of a node in terms of its named inputs; named nodes inside it stand as their names.

    Args:
        node: the node to write out.
        limit: a formula longer than this many characters is cut to the outermost operation, ``tanh(…)``.
    """
    text = _written(node, limit, 0, top=True)
    return text if len(text) <= limit else _outermost(node)


def _written(node: Node, limit: int, binding: int, top: bool = False) -> str:
    if node.primitive is INPUT or (node.name and not top):
        return node.name or "…"
    if node.primitive is CONSTANT:
        return _constant(node)
    own = node.primitive.precedence
    # Operands of one strength group from the left: a - (b - c) keeps its brackets.
    parts: list[str] = []
    for i, operand in enumerate(node.inputs):
        inner = 0 if own == 9 else own + (i > 0)
        parts.append(_written(operand, limit, inner))
        if sum(map(len, parts)) > limit:
            return _outermost(node)
    if node.primitive.notation == "{0}":
        return _written(node.inputs[0], limit, binding)
    notation = node.primitive.notation or f"{node.primitive.name}({', '.join(parts)})"
    text = _fill(notation, parts, node.attributes)
    return f"({text})" if own < binding else text


def _fill(notation: str, parts: list[str], attributes: Any) -> str:
    try:
        return string.Formatter().vformat(notation, parts, attributes)
    except (IndexError, KeyError):
        return notation


def _outermost(node: Node) -> str:
    return _fill(node.primitive.notation or node.primitive.name, ["…"] * max(len(node.inputs), 1), node.attributes)


def _constant(node: Node) -> str:
    value = node.attributes["value"]
    if isinstance(value, tuple):
        return "[…]"
    return f"{value:g}" if isinstance(value, float) else str(value)
