"""The sign of an operation, as the lectures draw it in a node: taken from the notation of its primitive."""

from __future__ import annotations

import re
import string

from lexgrad.explain.picture.lettering import shortened
from lexgrad.graph import CONSTANT, INPUT, Node, formula

_TYPESET = {"*": "×", "/": "÷", "-": "−", "**": "power", "sum": "Σ", "| |": "|·|"}
LONGEST = 22
LONGEST_FORMULA = 12  # that stands for the name of an operand


def symbol(node: Node) -> str:
    """``+`` for a sum, ``σ`` for a sigmoid, the name of an input, the number that a constant is."""
    if node.primitive is INPUT:
        return node.name or "input"
    if node.primitive is CONSTANT:
        value = node.attributes["value"]
        return "constant" if isinstance(value, tuple) else f"{value:g}".replace("-", "−")
    if node.primitive.name == "matmul":
        return "·"  # the lectures write a product by nothing at all
    bare = _bare(node.primitive.notation)
    return shortened(_TYPESET.get(bare, bare) or _words(node.primitive.name), LONGEST)


def operand_name(node: Node) -> str:
    """What a node is called where it is an operand: its name, or a formula as short as one; else nothing."""
    if node.name or node.primitive is CONSTANT:
        return node.name
    written = typeset(formula(node, LONGEST_FORMULA))
    return written if len(written) <= LONGEST_FORMULA and "…" not in written else ""


def typeset(written: str) -> str:
    """A formula in plain text as the lectures print it: ``1 − h²`` for ``1 - h ** 2``, ``x W`` for ``x @ W``."""
    for sign, printed in (("**", "^"), ("^ 2", "²"), (" ²", "²"), (" ^ ", "^"), ("*", "·"), (" @ ", " "), ("-", "−")):
        written = written.replace(sign, printed)
    return written


def _bare(notation: str) -> str:
    """The notation without its operands, and without the brackets and commas between them."""
    literals = " ".join(literal for literal, *_ in string.Formatter().parse(notation))
    return " ".join(re.sub(r"[(),\[\]:…]", " ", literals).split())


def _words(name: str) -> str:
    return name.replace("_", " ")
