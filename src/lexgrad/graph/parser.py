"""The parser of the text form of graphs, whose grammar stands in ``text``."""

from __future__ import annotations

import ast
import re
from typing import Any, NamedTuple, NoReturn

from lexgrad.errors import InputError, ShapeError, suggest
from lexgrad.graph.check import fits
from lexgrad.graph.dims import Dim, Size
from lexgrad.graph.graph import Graph
from lexgrad.graph.node import CONSTANT, Node, apply, constant_node, input_node
from lexgrad.graph.primitive import PRIMITIVES
from lexgrad.graph.text import KEYWORDS
from lexgrad.graph.types import DTYPES, DType, Type

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\#[^\n]*)|(?P<newline>\n)
      |(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)|(?P<quoted>`[^`\n]*`)|(?P<numbered>%\d+)
      |(?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")|(?P<word>[A-Za-z_]\w*)|(?P<sign>[(){}\[\],:=+*@-])""",
    re.VERBOSE | re.ASCII,
)


class _Token(NamedTuple):
    kind: str
    text: str
    line: int
    column: int


def parse(text: str) -> Graph:
    """Read a graph from its text form.

    Raises:
        InputError: the text is not a graph, or a primitive is not defined for the types it is applied to; the
            message names line and column.
    """
    parser = _Parser(text)
    graph = parser.graph()
    if parser.peek().kind != "end":
        parser.fail("expected nothing after the graph", parser.peek())
    return graph


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.position = 0
        self.nodes: dict[str, Node] = {}
        self.bodies: dict[str, Graph] = {}

    def graph(self) -> Graph:
        self.expect("graph")
        name = self.name()
        self.expect("(")
        inputs: dict[str, Node] = {}
        while not self.accept(")"):
            at = self.peek()
            own = self.name()
            if own in inputs:
                self.fail(f"input {own!r} is there twice", at)
            self.expect(":")
            inputs[own] = self.nodes[own] = input_node(own, self.type())
            if not self.accept(","):
                self.expect(")")
                break
        self.expect("{")
        while not self.accept("return"):
            self.statement()
        outputs = {}
        while True:
            at = self.peek()
            result = self.name()
            if result in outputs:
                self.fail(f"output {result!r} is there twice", at)
            self.expect("=")
            outputs[result] = self.node()
            if not self.accept(","):
                break
        self.expect("}")
        return Graph(inputs, outputs, name)

    def body(self) -> None:
        """A graph among the statements of another, with names of its own."""
        at = self.peek()
        outside = self.nodes, self.bodies
        self.nodes, self.bodies = {}, {}
        graph = self.graph()
        self.nodes, self.bodies = outside
        if graph.name in self.bodies:
            self.fail(f"graph {graph.name!r} is there twice", at)
        self.bodies[graph.name] = graph

    def statement(self) -> None:
        at = self.peek()
        if (at.kind, at.text) == ("word", "graph"):
            self.body()
            return
        name = self.name()
        if name in self.nodes:
            self.fail(f"{name!r} is there twice", at)
        self.expect(":")
        declared = self.type()
        self.expect("=")
        word = self.next()
        if word.text not in PRIMITIVES:
            self.fail(f"there is no primitive {word.text!r}{suggest(word.text, PRIMITIVES)}", word)
        inputs, attributes = self.arguments()
        primitive = PRIMITIVES[word.text]
        if primitive is CONSTANT:
            node = self.constant(inputs, attributes, declared, word)
        else:
            try:
                node = apply(primitive, *inputs, **attributes)
            except ShapeError as error:
                self.fail(str(error), word)
            except (AttributeError, IndexError, TypeError, ValueError) as error:
                self.fail(f"wrong arguments for {word.text}: {error}", word)
        if node.type != declared:
            self.fail(f"{name} is declared {declared}, but {word.text} gives {node.type}", at)
        if not name.startswith("%"):
            node.name = name
        self.nodes[name] = node

    def constant(self, inputs: list[Node], attributes: dict[str, Any], declared: Type, word: _Token) -> Node:
        if inputs or set(attributes) != {"value"}:
            self.fail("a constant has one argument: constant(value=...)", word)
        if not fits(attributes["value"], declared):
            self.fail(f"the value of a constant {declared} has other entries or another shape", word)
        return constant_node(attributes["value"], declared)

    def arguments(self) -> tuple[list[Node], dict[str, Any]]:
        self.expect("(")
        inputs: list[Node] = []
        attributes: dict[str, Any] = {}
        while not self.accept(")"):
            if self.peek().kind == "word" and self.tokens[self.position + 1].text == "=":
                key = self.next().text
                self.expect("=")
                attributes[key] = self.value()
            else:
                inputs.append(self.node())
            if not self.accept(","):
                self.expect(")")
                break
        return inputs, attributes

    def node(self) -> Node:
        at = self.peek()
        name = self.name()
        if name not in self.nodes:
            self.fail(f"{name!r} is used before it is defined{suggest(name, self.nodes)}", at)
        return self.nodes[name]

    def type(self) -> Type:
        word = self.next()
        dtypes: dict[str, DType] = {dtype: dtype for dtype in DTYPES}
        if word.text not in dtypes:
            self.fail(f"expected a dtype ({', '.join(DTYPES)}), found {word.text!r}", word)
        self.expect("[")
        shape: list[Size] = []
        while not self.accept("]"):
            at = self.peek()
            size = self.sum()
            if not isinstance(size, Dim) and (isinstance(size, float) or size < 0):
                self.fail(f"a size is a whole number from 0 up; found {size}", at)
            shape.append(size)
            if not self.accept(","):
                self.expect("]")
                break
        return Type(dtypes[word.text], tuple(shape))

    def value(self) -> Any:
        token = self.peek()
        if token.kind == "string":
            return ast.literal_eval(self.next().text)
        if token.text in ("True", "False", "None"):
            return {"True": True, "False": False, "None": None}[self.next().text]
        if self.accept("@"):
            return self.named_body()
        if not self.accept("("):
            return self.sum()
        values: list[Any] = []
        while not self.accept(")"):
            values.append(self.value())
            if not self.accept(","):
                self.expect(")")
                break
        return tuple(values)

    def named_body(self) -> Graph:
        at = self.peek()
        name = self.name()
        if name not in self.bodies:
            self.fail(f"graph {name!r} is used before it is defined{suggest(name, self.bodies)}", at)
        return self.bodies[name]

    def sum(self) -> Any:
        at = self.peek()
        try:
            total = -self.product() if self.accept("-") else self.product()
            while self.peek().text in ("+", "-"):
                sign = self.next().text
                term = self.product()
                total = total + term if sign == "+" else total - term
        except TypeError:
            self.fail("named sizes go with whole numbers only", at)
        return total

    def product(self) -> Any:
        result = self.factor()
        while self.accept("*"):
            result = result * self.factor()
        return result

    def factor(self) -> Any:
        token = self.next()
        if token.kind == "number":
            return int(token.text) if token.text.isdecimal() else float(token.text)
        if token.text in ("inf", "nan"):
            return float(token.text)
        if token.kind == "word" and token.text not in KEYWORDS:
            return Dim(token.text)
        return self.fail(f"expected a number or a named size, found {token.text!r}", token)

    def name(self) -> str:
        token = self.next()
        if token.kind == "quoted":
            return token.text[1:-1]
        if token.kind not in ("word", "numbered"):
            self.fail(f"expected a name, found {token.text!r}", token)
        return token.text

    def peek(self) -> _Token:
        return self.tokens[self.position]

    def next(self) -> _Token:
        token = self.tokens[self.position]
        if token.kind == "end":
            self.fail("the text ends in the middle of a graph", token)
        self.position += 1
        return token

    def accept(self, text: str) -> bool:
        token = self.peek()
        if token.text != text or token.kind in ("string", "quoted"):
            return False
        self.position += 1
        return True

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.fail(f"expected {text!r}, found {self.peek().text!r}", self.peek())

    def fail(self, message: str, at: _Token) -> NoReturn:
        raise InputError(f"graph text, line {at.line}, column {at.column}: {message}")


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    line, start, position = 1, 0, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        column = position - start + 1
        if match is None:
            raise InputError(f"graph text, line {line}, column {column}: unexpected {text[position]!r}")
        kind = match.lastgroup or ""
        if kind == "newline":
            line, start = line + 1, match.end()
        elif kind != "space":
            tokens.append(_Token(kind, match.group(), line, column))
        position = match.end()
    return [*tokens, _Token("end", "the end", line, len(text) - start + 1)]
