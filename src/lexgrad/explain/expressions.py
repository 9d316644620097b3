"""Expressions that a person types, ``L = c*(a + 2*b)``, as graphs: a whitelist of syntax, and nothing is ever run."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.errors import InputError, suggest
from lexgrad.graph import CONSTANT, Node, Type, input_node

Array = NDArray[Any]
LENGTH, DEPTH, PARTS, ENTRIES, EXPONENT = 4000, 100, 2000, 10_000, 1000
"""Limits: characters, nesting, parts of the syntax tree, entries of a matrix, magnitude of an exponent."""


_SIGN_RUN = re.compile(rf"([-+~]\s*){{{DEPTH}}}")


def _largest(*operands: Any) -> Node:
    return ops.max(operands[0]) if len(operands) == 1 else ops.maximum(*operands)


def _smallest(*operands: Any) -> Node:
    return ops.min(operands[0]) if len(operands) == 1 else ops.minimum(*operands)


def _cross_entropy(logits: Any, label: Any) -> Node:
    """-log softmax(logits)[label]."""
    if not isinstance(label, float) or not label.is_integer():
        raise InputError("cross_entropy(z, k): k is the number of the right class, counted from 0")
    return ops.cross_entropy(logits, int(label))


FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "exp": (ops.exp, 1, 1),
    "log": (ops.log, 1, 1),
    "sqrt": (ops.sqrt, 1, 1),
    "sin": (ops.sin, 1, 1),
    "cos": (ops.cos, 1, 1),
    "tanh": (ops.tanh, 1, 1),
    "sigmoid": (ops.sigmoid, 1, 1),
    "σ": (ops.sigmoid, 1, 1),
    "relu": (ops.relu, 1, 1),
    "ReLU": (ops.relu, 1, 1),
    "softplus": (ops.softplus, 1, 1),
    "softmax": (ops.softmax, 1, 1),
    "log_softmax": (ops.log_softmax, 1, 1),
    "logsumexp": (ops.logsumexp, 1, 1),
    "cross_entropy": (_cross_entropy, 2, 2),
    "binary_cross_entropy": (ops.binary_cross_entropy, 2, 2),
    "square": (ops.square, 1, 1),
    "abs": (ops.absolute, 1, 1),
    "sum": (ops.sum, 1, 1),
    "mean": (ops.mean, 1, 1),
    "max": (_largest, 1, 2),
    "min": (_smallest, 1, 2),
    "transpose": (ops.transpose, 1, 1),
    "where": (ops.where, 3, 3),
}
"""The functions by name, with how few and how many operands each takes."""

_SIGNS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: ops.add,
    ast.Sub: ops.subtract,
    ast.Mult: ops.multiply,
    ast.Div: ops.divide,
    ast.MatMult: ops.matmul,
    ast.Lt: ops.less,
    ast.LtE: ops.less_equal,
    ast.Gt: ops.greater,
    ast.GtE: ops.greater_equal,
}
_ALLOWED = "numbers, names, + - * / ** @, brackets, [lists], indices, .T and functions"


def parse_expression(text: str, at: Mapping[str, Array]) -> Node:
    """The node that the last of some assignments makes, such as ``d = 2*b; e = a + d; L = c*e``.

    Names that no assignment makes are inputs, with the shape of their value in ``at``; one without a value is a scalar.

    Args:
        text: assignments, separated by ``;`` or line ends; the last may be an expression alone.
        at: the values of inputs by name.

    Raises:
        InputError: anything but numbers, names, signs, lists, indices and known functions; or too long, too deep, or
            with too high a power.
    """
    return _Builder(at).target(_statements(text))


def parse_value(text: str, of: str) -> Array:
    """A number or nested lists of numbers, as float64: ``-2``, ``[[1, 2], [3, 4]]``.

    Args:
        text: what was typed.
        of: what it is the value of, for the message.

    Raises:
        InputError: it is something else, or not rectangular.
    """
    statements = _statements(text)
    if len(statements) != 1 or not isinstance(statements[0], ast.Expr):
        raise InputError(f"the value of {of} is a number or a list like [[1, 2], [3, 4]]; got {_shown(text)}")
    value = _literal(statements[0].value, of)
    try:
        array = np.array(value, dtype=np.float64)
    except ValueError:
        raise InputError(f"the rows of {of} differ in length: {_shown(text)}") from None
    if array.size > ENTRIES:
        raise InputError(f"the value of {of} has more than {ENTRIES:,} entries")
    return array


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def _statements(text: str) -> list[ast.stmt]:
    """The syntax tree of a text that is short and shallow enough for Python's own parser to read it safely."""
    if len(text) > LENGTH:
        raise InputError(f"the expression has {len(text):,} characters; {LENGTH:,} are allowed")
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if deepest > DEPTH or _SIGN_RUN.search(text):
        raise InputError(f"the expression is nested more than {DEPTH} deep")
    try:
        statements = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or str(error) or "too complex"
        raise InputError(f"cannot read {_shown(text)} as an expression: {reason}") from None
    if not statements:
        raise InputError("the expression is empty; write for example 'L = c*(a + 2*b)'")
    if sum(1 for statement in statements for _ in ast.walk(statement)) > PARTS:
        raise InputError(f"the expression has more than {PARTS:,} parts")
    return statements


def _literal(tree: ast.expr, of: str) -> Any:
    if isinstance(tree, ast.List):
        return [_literal(item, of) for item in tree.elts]
    sign = 1.0
    while isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub | ast.UAdd):
        sign = -sign if isinstance(tree.op, ast.USub) else sign
        tree = tree.operand
    if isinstance(tree, ast.Constant):
        return sign * _number(tree.value)
    raise InputError(f"the value of {of} is a number or a list like [[1, 2], [3, 4]]; it has {_kind(tree)} in it")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"expected a number; got {value!r:.40}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError("a number in the expression is too large")
    return number


def _kind(tree: ast.AST) -> str:
    names = {"Call": "a call", "Lambda": "lambda", "Attribute": "an attribute", "Name": "a name", "JoinedStr": "text"}
    return names.get(type(tree).__name__, type(tree).__name__)


class _Builder:
    """Makes nodes of syntax trees: numbers stay floats until they meet a node."""

    def __init__(self, at: Mapping[str, Array]) -> None:
        self.at = at
        self.known: dict[str, Any] = {}
        self.rules: dict[type[ast.AST], Callable[[Any, int], Any]] = {
            ast.Constant: lambda tree, depth: _number(tree.value),
            ast.Name: lambda tree, depth: self.name(tree.id),
            ast.BinOp: self.operation,
            ast.UnaryOp: self.signed,
            ast.Compare: self.comparison,
            ast.Call: self.call,
            ast.List: self.matrix,
            ast.Subscript: self.indexed,
            ast.Attribute: self.attribute,
        }

    def target(self, statements: Sequence[ast.stmt]) -> Node:
        """The node of the last statement."""
        result: Any = None
        for number, statement in enumerate(statements, 1):
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                result = self.assigned(statement.targets[0], statement.value)
            elif isinstance(statement, ast.Expr) and number == len(statements):
                result = self.made(statement.value)
            else:
                raise InputError("an expression is one assignment or several, as 'd = 2*b; L = a + d'")
        (node,) = ops.lift(result)
        return node

    def assigned(self, target: ast.expr, value: ast.expr) -> Node:
        """A named node."""
        if not isinstance(target, ast.Name):
            raise InputError(f"a value is given to a name, as 'L = ...'; got {_kind(target)}")
        name = self.checked(target.id)
        (node,) = ops.lift(self.made(value))
        if name in self.known:
            raise InputError(f"{name!r} gets a value twice, or is used before it gets one")
        if node.name:  # 'y = x' is another name for one node
            node = node * 1.0
        self.known[name] = node.named(name)
        return node

    def checked(self, name: str) -> str:
        """A name that may be given."""
        if name.startswith("_") or len(name) > 50:
            raise InputError(f"{name[:50]!r} is no name here: names begin with a letter and have at most 50 characters")
        if name in FUNCTIONS:
            raise InputError(f"{name!r} is a function here; choose another name")
        return name

    def made(self, tree: ast.AST, depth: int = 0) -> Any:
        """What a tree makes: a node or a float."""
        if depth > DEPTH:
            raise InputError(f"the expression is nested more than {DEPTH} deep")
        rule = self.rules.get(type(tree))
        if rule is None:
            raise InputError(f"{_kind(tree)} is not allowed in an expression, only {_ALLOWED}")
        return rule(tree, depth + 1)

    def name(self, name: str) -> Any:
        """An input, or what was assigned before."""
        if name in self.known:
            return self.known[name]
        if name == "pi":
            return math.pi
        shape = np.shape(self.at[self.checked(name)]) if name in self.at else ()
        if name not in self.at and name in FUNCTIONS:
            raise InputError(f"{name} is a function: write {name}(...)")
        self.known[name] = input_node(self.checked(name), Type("float", shape))
        return self.known[name]

    def operation(self, tree: ast.BinOp, depth: int) -> Any:
        """Two operands and a sign; numbers alone are put together at once."""
        sign = _SIGNS.get(type(tree.op))
        if sign is None and not isinstance(tree.op, ast.Pow):
            raise InputError(f"the sign {type(tree.op).__name__} is not allowed in an expression, only {_ALLOWED}")
        left, right = self.made(tree.left, depth), self.made(tree.right, depth)
        if sign is None:
            return _power(left, right)
        if isinstance(left, float) and isinstance(right, float) and not isinstance(tree.op, ast.MatMult):
            return _folded(tree.op, left, right)
        return sign(left, right)

    def signed(self, tree: ast.UnaryOp, depth: int) -> Any:
        """+x and -x."""
        if not isinstance(tree.op, ast.USub | ast.UAdd):
            raise InputError(f"the sign {type(tree.op).__name__} is not allowed in an expression, only {_ALLOWED}")
        operand = self.made(tree.operand, depth)
        return operand if isinstance(tree.op, ast.UAdd) else -operand

    def comparison(self, tree: ast.Compare, depth: int) -> Any:
        """x < y and the like, for ``where``."""
        if len(tree.ops) != 1 or type(tree.ops[0]) not in _SIGNS:
            raise InputError("a comparison is one of x < y, x <= y, x > y, x >= y, inside where(...)")
        left, right = ops.lift(self.made(tree.left, depth), self.made(tree.comparators[0], depth))
        return _SIGNS[type(tree.ops[0])](left, right)

    def call(self, tree: ast.Call, depth: int) -> Any:
        """A known function."""
        name = tree.func.id if isinstance(tree.func, ast.Name) else None
        if name is None or name not in FUNCTIONS:
            hint = f"{name[:50]!r}{suggest(name, FUNCTIONS)}" if name else f"that is {_kind(tree.func)}"
            raise InputError(f"there is no function {hint}; functions: {', '.join(FUNCTIONS)}")
        function, least, most = FUNCTIONS[name]
        if tree.keywords or not least <= len(tree.args) <= most:
            raise InputError(f"{name} takes {least if least == most else f'{least} or {most}'} operands in brackets")
        return function(*(self.made(argument, depth) for argument in tree.args))

    def matrix(self, tree: ast.List, depth: int) -> Any:
        """Rows of numbers, or of scalars that are computed."""
        if not tree.elts:
            raise InputError("a list in an expression has at least one entry")
        items = [self.made(item, depth) for item in tree.elts]
        if len({item.shape if isinstance(item, Node) else () for item in items}) != 1:
            raise InputError("the rows of a matrix differ in length")
        if all(isinstance(item, float) or item.primitive is CONSTANT for item in items):
            return ops.constant([item if isinstance(item, float) else item.attributes["value"] for item in items])
        return ops.stack(ops.lift(*items))

    def indexed(self, tree: ast.Subscript, depth: int) -> Any:
        """Entries and slices, with whole numbers."""
        (node,) = ops.lift(self.made(tree.value, depth))
        parts = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
        return node[tuple(_index(part) for part in parts)]

    def attribute(self, tree: ast.Attribute, depth: int) -> Any:
        """x.T, and no other."""
        if tree.attr != "T":
            raise InputError(f"the attribute .{tree.attr[:40]} is not allowed in an expression, only {_ALLOWED}")
        return ops.transpose(self.made(tree.value, depth))


def _index(tree: ast.expr) -> Any:
    if isinstance(tree, ast.Slice):
        return slice(*(None if part is None else _index(part) for part in (tree.lower, tree.upper, tree.step)))
    number = _literal(tree, "an index")
    if not isinstance(number, float) or not number.is_integer():
        raise InputError("an index is a whole number or a slice")
    return int(number)


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(exponent, float) and abs(exponent) > EXPONENT:
        raise InputError(f"the power {exponent:g} is too high; exponents go up to {EXPONENT}")
    if not isinstance(base, float) or not isinstance(exponent, float):
        return ops.power(base, exponent)
    try:
        value = base**exponent
    except (OverflowError, ZeroDivisionError):
        value = math.inf
    if isinstance(value, complex) or not math.isfinite(value):
        raise InputError(f"{base:g} ** {exponent:g} is not a number that can be computed with")
    return value


def _folded(sign: ast.operator, left: float, right: float) -> float:
    if isinstance(sign, ast.Div):
        if right == 0:
            raise InputError(f"{left:g} / 0 in the expression")
        return left / right
    signs: dict[type[ast.operator], Callable[[float, float], float]] = {
        ast.Add: lambda a, b: a + b,
        ast.Sub: lambda a, b: a - b,
        ast.Mult: lambda a, b: a * b,
    }
    return signs[type(sign)](left, right)
