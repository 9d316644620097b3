"""Formulas as small trees, which the faces write as text, LaTeX and MathML; they simplify as they are put together."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lexgrad.graph import CONSTANT, Node

LARGEST = 60
"""Of a formula with more parts than this, the outermost operation is written: ``tanh(…)``."""


@dataclass(frozen=True)
class Math:
    """One formula.

    Attributes:
        kind: ``number``, ``name``, ``entry`` (of an array), ``partial`` (∂/∂), ``call``; or an operation: ``add``,
            ``subtract``, ``multiply``, ``divide``, ``power``, ``negative``, ``matmul``, ``outer``, ``transpose``,
            ``absolute``, ``sqrt``, ``sum``, ``exp``, ``relation``, ``index``, ``list``.
        parts: what it is put together of.
        text: the name, the function's name, or the sign of a relation.
        value: of a number; the indices of an entry, from 0.
    """

    kind: str
    parts: tuple[Math, ...] = ()
    text: str = ""
    value: Any = None

    @functools.cached_property
    def size(self) -> int:
        """How many parts there are in all."""
        return 1 + sum(part.size for part in self.parts)

    @functools.cached_property
    def elided(self) -> bool:
        """Whether a … stands for something in it."""
        return self == ELLIPSIS or any(part.elided for part in self.parts)

    def __add__(self, other: Any) -> Math:
        if self is ZERO:  # sums of many zeros are what an entry of a large product is
            return mathematics(other)
        return add(self, mathematics(other))

    def __radd__(self, other: Any) -> Math:
        return add(mathematics(other), self)

    def __sub__(self, other: Any) -> Math:
        return subtract(self, mathematics(other))

    def __rsub__(self, other: Any) -> Math:
        return subtract(mathematics(other), self)

    def __mul__(self, other: Any) -> Math:
        if self is ZERO or other is ZERO:
            return ZERO
        return multiply(self, mathematics(other))

    def __rmul__(self, other: Any) -> Math:
        return multiply(mathematics(other), self)

    def __truediv__(self, other: Any) -> Math:
        return divide(self, mathematics(other))

    def __rtruediv__(self, other: Any) -> Math:
        return divide(mathematics(other), self)

    def __pow__(self, other: Any) -> Math:
        return power(self, mathematics(other))

    def __neg__(self) -> Math:
        return negative(self)


def mathematics(value: Any) -> Math:
    """A number as a formula; a formula as it is."""
    return value if isinstance(value, Math) else number(value)


def number(value: Any) -> Math:
    """A number; whole ones are written without a point, negative ones with a sign in front."""
    plain = float(value)
    if plain < 0:
        return Math("negative", (number(-plain),))
    return Math("number", value=int(plain) if plain.is_integer() and abs(plain) < 1e15 else plain)


def name(text: str) -> Math:
    """What an author calls something."""
    return Math("name", text=text)


def entry(of: Math, index: tuple[int, ...]) -> Math:
    """One entry of an array, by its indices from 0; of a scalar, the scalar."""
    return Math("entry", (of,), value=index) if index else of


def partial(of: Math, wrt: Math) -> Math:
    """∂of/∂wrt."""
    return Math("partial", (of, wrt))


def call(function: str, *arguments: Math) -> Math:
    """A function of some arguments."""
    return Math("call", arguments, function)


ELLIPSIS = name("…")
ZERO, ONE = number(0), number(1)


def _number_of(x: Math) -> float | None:
    """The number that a formula is, where it is one."""
    if x.kind == "negative" and x.parts[0].kind == "number":
        return -float(x.parts[0].value)
    return float(x.value) if x.kind == "number" else None


def _folded(function: Callable[[float, float], float], x: Math, y: Math) -> Math | None:
    a, b = _number_of(x), _number_of(y)
    return None if a is None or b is None else number(function(a, b))


def _same(x: Math, y: Math) -> bool:
    """Whether two formulas are sure to mean the same: one … need not be what another is."""
    return x == y and not x.elided


def add(x: Math, y: Math) -> Math:
    """x + y; what is 0 is left out, and x + x is 2x."""
    if ZERO in (x, y):
        return y if x == ZERO else x
    if y.kind == "negative":
        return subtract(x, y.parts[0])
    if x.kind == "negative" and _number_of(x) is None:
        return subtract(y, x.parts[0])
    if _same(x, y):
        return multiply(number(2), x)
    return _folded(lambda a, b: a + b, x, y) or Math("add", (x, y))


def subtract(x: Math, y: Math) -> Math:
    """x - y."""
    if y == ZERO:
        return x
    if x == ZERO:
        return negative(y)
    if y.kind == "negative":
        return add(x, y.parts[0])
    return _folded(lambda a, b: a - b, x, y) or (ZERO if _same(x, y) else Math("subtract", (x, y)))


def multiply(x: Math, y: Math) -> Math:
    """x · y; 0 and 1 are absorbed, signs go to the front, and x · x is x²."""
    if ZERO in (x, y):
        return ZERO
    if "negative" in (x.kind, y.kind):
        return _signed(multiply, x, y)
    for one, other in ((x, y), (y, x)):
        if one == ONE:
            return other
        if one.kind == "divide" and one.parts[0] == ONE:
            return divide(other, one.parts[1])
    if y.kind == "number":  # 2x, not x2
        x, y = y, x
    square = power(x, number(2)) if _same(x, y) else Math("multiply", (x, y))
    return _folded(lambda a, b: a * b, x, y) or square


def _signed(operation: Callable[[Math, Math], Math], x: Math, y: Math) -> Math:
    """A product or quotient with the signs of its operands put before it."""
    result = operation(*(part.parts[0] if part.kind == "negative" else part for part in (x, y)))
    return result if x.kind == y.kind else negative(result)


def divide(x: Math, y: Math) -> Math:
    """x / y."""
    if x == ZERO or y == ONE:
        return x
    if "negative" in (x.kind, y.kind):
        return _signed(divide, x, y)
    return Math("divide", (x, y))


def power(x: Math, y: Math) -> Math:
    """x to the power y."""
    return x if y == ONE else Math("power", (x, y))


def negative(x: Math) -> Math:
    """-x."""
    if x == ZERO:
        return x
    return x.parts[0] if x.kind == "negative" else Math("negative", (x,))


def transpose(x: Math) -> Math:
    """x with its axes reversed."""
    return x.parts[0] if x.kind == "transpose" else Math("transpose", (x,))


def _relation(sign: str) -> Callable[..., Math]:
    return lambda x, y: Math("relation", (x, y), sign)


def _kind(kind: str) -> Callable[..., Math]:
    return lambda *parts: Math(kind, parts)


def _indexed(x: Math, index: Math) -> Math:
    return Math("index", (x, index))


def exp(x: Math) -> Math:
    """e to the power x; of z - logsumexp(z) it is the softmax."""
    if x.kind == "subtract" and _same(x.parts[1], call("logsumexp", x.parts[0])):
        return call("softmax", x.parts[0])
    return Math("exp", (x,))


def _put(x: Math, index: Math) -> Math:
    if x.kind == "negative":
        return negative(_put(x.parts[0], index))
    return call("onehot", index) if x == ONE else call("put", x, index)


def _sum(x: Math) -> Math:
    return x if x == ZERO else Math("sum", (x,))


Rule: TypeAlias = Callable[..., Math]

# How the mathematics of a primitive is written where it is more than a function with a name.
WRITTEN: dict[str, Rule] = {
    "add": add,
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
    "power": power,
    "negative": negative,
    "matmul": _kind("matmul"),
    "transpose": transpose,
    "absolute": _kind("absolute"),
    "sqrt": _kind("sqrt"),
    "exp": exp,
    "sum": _sum,
    "less": _relation("<"),
    "less_equal": _relation("≤"),
    "greater": _relation(">"),
    "greater_equal": _relation("≥"),
    "equal": _relation("="),
    "not_equal": _relation("≠"),
    "take": _indexed,
    "take_along": _indexed,
    "put_along": _put,
    # These only lay numbers out differently.
    "broadcast": lambda x: x,
    "reshape": lambda x: x,
    "cast": lambda x: x,
}

_FUNCTIONS = {
    "sigmoid": "σ",
    "relu": "ReLU",
    "maximum": "max",
    "minimum": "min",
    "select": "where",
    "segment_sum": "sum over words",
    "segment_repeat": "repeat for words",
    "segment_max": "max over words",
    "scatter_add": "scatter",
    "random_uniform": "uniform",
}


def of_primitive(primitive: str, operands: list[Math], attributes: Mapping[str, Any]) -> Math:
    """A primitive applied to formulas."""
    if primitive == "transpose" and attributes["axes"] != tuple(reversed(range(len(attributes["axes"])))):
        return call("transpose", *operands)
    if primitive in WRITTEN:
        return WRITTEN[primitive](*operands)
    return call(_FUNCTIONS.get(primitive, primitive), *operands)


def _sliced(x: Math, node: Node) -> Math:
    attributes, sizes = node.attributes, node.inputs[0].shape
    cuts = list(zip(attributes["starts"], attributes["stops"], attributes["steps"], sizes, strict=True))
    while len(cuts) > 1 and cuts[-1] == (0, sizes[len(cuts) - 1], 1, sizes[len(cuts) - 1]):
        cuts.pop()  # all of an axis at the end goes without saying
    if all(stop == start + 1 for start, stop, _, _ in cuts):
        return entry(x, tuple(start for start, _, _, _ in cuts))
    return Math("index", (x, name(", ".join(_cut(*cut) for cut in cuts))))


def _cut(start: Any, stop: Any, step: int, size: Any) -> str:
    if stop == start + 1:
        return str(start)
    return f"{start or ''}:{'' if stop == size else stop}" + (f":{step}" if step != 1 else "")


def of_node(node: Node, known: Mapping[Node, Math]) -> Math:
    """The formula of a node, in terms of the nodes whose formulas are ``known``.

    Too large a formula is written by its outermost operation, with … for what is inside.
    """
    done: dict[Node, Math] = {}
    stack = [node]
    while stack:
        part = stack[-1]
        if part in done or (part in known and part is not node):
            stack.pop()
            continue
        missing = [operand for operand in part.inputs if operand not in done and operand not in known]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        operands = [known[operand] if operand in known else done[operand] for operand in part.inputs]
        done[part] = _put_together(part, operands)
    return done[node]


def _put_together(node: Node, operands: list[Math]) -> Math:
    if node.primitive is CONSTANT:
        return of_constant(node.attributes["value"])
    if node.primitive.name == "size" and isinstance(node.attributes["of"], int):
        return number(node.attributes["of"])
    if not node.inputs:
        return name(node.name) if node.name else ELLIPSIS
    made = _applied(node, operands)
    if made.size <= LARGEST:
        return made
    return _applied(node, [operand if operand.size <= 3 else ELLIPSIS for operand in operands])


def _applied(node: Node, operands: list[Math]) -> Math:
    if node.primitive.name == "slice":
        return _sliced(operands[0], node)
    if _is_outer(node):
        return Math("outer", tuple(operands))
    return of_primitive(node.primitive.name, operands, node.attributes)


def _is_outer(node: Node) -> bool:
    """Whether a product goes over every pair of entries: a column times a row."""
    axes = [part.attributes["axes"] for part in node.inputs if part.primitive.name == "broadcast"]
    crossed = node.primitive.name == "multiply" and len(axes) == 2 and all(axes)
    return crossed and not set(axes[0]) & set(axes[1])


def of_constant(value: Any) -> Math:
    """A number, a short list of numbers or of such lists, or … for more."""
    if not isinstance(value, tuple):
        return number(value)
    items = tuple(map(of_constant, value))
    return Math("list", items) if len(items) <= 4 and ELLIPSIS not in items else ELLIPSIS
