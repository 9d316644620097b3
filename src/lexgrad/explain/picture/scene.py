"""What there is to draw: values with their derivatives, and the edges between them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.explain.derivation import Derivation
from lexgrad.explain.faces.text import as_text
from lexgrad.explain.picture.drawing import Kind
from lexgrad.explain.picture.lettering import shortened
from lexgrad.explain.picture.numbers import array_text
from lexgrad.explain.picture.symbols import operand_name, symbol, typeset
from lexgrad.explain.steps import LAYOUT, Edge, Step
from lexgrad.graph import CONSTANT, INPUT, Graph, Node, formula

Array = NDArray[Any]
LONGEST = 26  # a formula on a card
_NAME = re.compile(r"[^\s+·×*/()−-]+|[^\W\d]+\([^()]*\)")


@dataclass(frozen=True, eq=False)
class Vertex:
    """A value of the graph; compared by identity.

    Attributes:
        kind: what it is.
        symbol: the sign of its operation, or its name where it is an input.
        name: what it is called; empty where nobody gave it a name.
        formula: how it is made of the values before it.
        type: its dtype and shape, as text.
        value: None where the graph has not been evaluated.
        gradient: the derivative of the target in it; None where there is none.
        origin: for a value of a backward graph that is drawn itself, the forward value whose rule made it.
    """

    kind: Kind
    symbol: str
    name: str
    formula: str
    type: str
    value: Array | None = None
    gradient: Array | None = None
    origin: Vertex | None = None


@dataclass(frozen=True, eq=False)
class Link:
    """An edge from an operand to what is made of it.

    Attributes:
        source: the operand.
        target: what is made of it.
        formula: the local derivative as a formula, or, where that is a matrix, what the operand receives by it; empty
            where there is none to write.
        value: the local derivative: a number, or one for each entry; None where it is a matrix, or unknown.
        blamed: whether a derivative goes back along it.
        marked: whether it lies on the path to highlight.
    """

    source: Vertex
    target: Vertex
    formula: str = ""
    value: Array | None = None
    blamed: bool = False
    marked: bool = False

    @property
    def derivative(self) -> str:
        """``∂e/∂d``."""
        return fraction(self.target.name, self.source.name)

    @property
    def number(self) -> str:
        """The local derivative in numbers; empty where it is a matrix."""
        return "" if self.value is None else array_text(self.value)

    @property
    def parts(self) -> list[str]:
        """What stands on the arrow, part by part: the local derivative, its formula and its number; or what is sent."""
        if self.value is None:
            return [self.formula or self.derivative]
        number = self.number if not self.value.ndim else ""
        return list(dict.fromkeys(part for part in (self.derivative, self.formula, number) if part))

    def __str__(self) -> str:
        """The local derivative, its formula and its numbers; or what is sent."""
        return " = ".join(dict.fromkeys(part for part in (*self.parts, self.number) if part))


@dataclass(frozen=True)
class Scene:
    """A graph with what is known of it.

    Attributes:
        vertices: every value, each after all that it is made of.
        links: the edges.
        target: what is differentiated, or what the graph computes.
        outputs: everything that the graph computes; the target is among them.
    """

    vertices: Sequence[Vertex]
    links: Sequence[Link]
    target: Vertex
    outputs: Sequence[Vertex] = field(default=())

    @property
    def evaluated(self) -> bool:
        """Whether values are known."""
        return self.target.value is not None

    def ends(self) -> set[Vertex]:
        """What stays to be seen, however much is folded."""
        return {self.target, *self.outputs}

    def derivative(self, vertex: Vertex) -> str:
        """``∂L/∂d``."""
        return fraction(self.target.name or "L", vertex.name)


def fraction(of: str, wrt: str) -> str:
    """``∂e/∂d``, with brackets round what is no name: ``∂(x W)/∂x``."""
    return f"∂{_bracketed(of)}/∂{_bracketed(wrt)}"


def _bracketed(name: str) -> str:
    return name if _NAME.fullmatch(name) else f"({name or '…'})"


def kind_of(node: Node) -> Kind:
    """What a node is, for a picture."""
    if node.primitive is INPUT:
        return "input"
    if node.primitive is CONSTANT:
        return "constant"
    return "operation" if node.origin is None else "backward"


def scene_of_derivation(derivation: Derivation, path: int | None = None) -> Scene:
    """What a derivation shows: its steps and edges, and the way from the target down to ``wrt`` highlighted.

    Args:
        derivation: what ``explain`` returned.
        path: which of ``derivation.paths`` to highlight; None for every edge between the target and ``wrt``.

    Raises:
        InputError: there is no such path.
    """
    steps = {step.node: step for step in derivation.steps}
    vertices = {step.node: _vertex(step, steps) for step in derivation.steps}
    marked = _marked(derivation, path)
    links = [
        Link(
            vertices[edge.wrt.node],
            vertices[edge.of.node],
            "" if edge.formula is None else typeset(as_text(edge.formula)),
            edge.value,
            edge.blame is not None,
            edge in marked,
        )
        for edge in derivation.edges
    ]
    return Scene(list(vertices.values()), links, vertices[derivation.target.node])


def _vertex(step: Step, steps: Mapping[Node, Step]) -> Vertex:
    kind = kind_of(step.node)
    written = typeset(as_text(step.formula))
    alone = kind != "operation" or all(_seen(operand, steps) for operand in step.node.inputs)
    sign = symbol(step.node) if alone else shortened(written, LONGEST)
    if kind == "input" and not step.node.name:
        kind = "constant"
    return Vertex(
        kind,
        sign if kind != "constant" else step.name,
        typeset(step.name),
        written,
        str(step.node.type),
        step.value,
        step.gradient,
    )


def _seen(operand: Node, steps: Mapping[Node, Step]) -> bool:
    """Whether an operand is a step, or a step laid out anew."""
    while operand not in steps and operand.primitive.name in LAYOUT:
        operand = operand.inputs[0]
    return operand in steps


def _marked(derivation: Derivation, path: int | None) -> set[Edge]:
    if path is not None:
        if not 0 <= path < len(derivation.paths):
            raise InputError(f"there are {len(derivation.paths)} paths, counted from 0; got path={path}")
        return {factor.link.edge for factor in derivation.paths[path].factors}
    on = {step.node for step in derivation.layers}
    return {edge for edge in derivation.edges if edge.blame is not None and edge.of.node in on and edge.wrt.node in on}


def scene_of_graph(graph: Graph) -> Scene:
    """A graph as it is, without values; every node of it is a vertex."""
    called = {node: name for name, node in graph.outputs.items()}
    vertices: dict[Node, Vertex] = {}
    for node in graph.nodes:
        origin = None if node.origin is None else vertices.get(node.origin.node)
        name = node.name or called.get(node) or operand_name(node)
        vertices[node] = Vertex(
            kind_of(node), symbol(node), name, typeset(formula(node)), str(node.type), origin=origin
        )
    links = [Link(vertices[operand], vertices[node]) for node in graph.nodes for operand in node.inputs]
    outputs = [vertices[node] for node in graph.outputs.values()]
    return Scene(list(vertices.values()), links, outputs[0], outputs)
