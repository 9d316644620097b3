"""``explain``: the derivative of one number in another, with every factor of the chain rule that makes it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexgrad.errors import InputError
from lexgrad.explain.checking import Check, compare
from lexgrad.explain.edges import TooLarge, blames, evaluate_over
from lexgrad.explain.entries import Entries
from lexgrad.explain.faces.text import as_text
from lexgrad.explain.forward import Forward, evaluate_forward
from lexgrad.explain.mathematics import Math, entry, partial
from lexgrad.explain.paths import Link, find_paths
from lexgrad.explain.steps import Edge, Step, labels, shown
from lexgrad.grad import backward
from lexgrad.graph import INPUT, Node

Array = NDArray[Any]
Steps = Literal["auto", "named", "all"]


@dataclass(frozen=True, eq=False)
class Factor:
    """One factor of a path: a local derivative, from one entry to one entry.

    Attributes:
        of: what is differentiated, as ``z1[3]``.
        wrt: in what, as ``W1[0, 3]``.
        formula: the local derivative; None where it is too long to be written.
        value: its number here.
        link: the edge and the entries.
    """

    of: Math
    wrt: Math
    formula: Math | None
    value: float
    link: Link

    @property
    def symbol(self) -> Math:
        """∂of/∂wrt as a symbol."""
        return partial(self.of, self.wrt)


@dataclass(frozen=True, eq=False)
class Path:
    """One way from the target down to the node in question.

    Attributes:
        factors: from the target down.
        product: of all factors: what this path adds to the derivative.
    """

    factors: tuple[Factor, ...]
    product: float


@dataclass(frozen=True, eq=False)
class Derivation:
    """Forward values, local derivatives and paths: what ``explain`` returns.

    Attributes:
        target: the step that is differentiated.
        wrt: the step that it is differentiated in, or None.
        entry: which entry of ``wrt``; ``()`` for a scalar, None for all of it.
        steps: everything that is shown, inputs first; see ``Step``.
        edges: one for each pair of steps where one is a direct function of the other; those of lower steps first.
        limit: how many paths are spelled out at most.
    """

    target: Step
    wrt: Step | None
    entry: tuple[int, ...] | None
    steps: tuple[Step, ...]
    edges: tuple[Edge, ...]
    limit: int
    forward: Forward

    # ---- what it says -------------------------------------------------------------------------------------------

    @property
    def gradients(self) -> dict[str, Any]:
        """The derivative in every input by name, read off the backward graph: numbers and arrays."""
        return {step.name: _plain(step.gradient) for step in self.steps if step.kind == "input"}

    @property
    def gradient(self) -> Any:
        """The derivative in ``wrt``, read off the backward graph; a number, or an array where all of it is asked for.

        Raises:
            InputError: nothing was asked for.
        """
        if self.wrt is None:
            raise InputError("say what to differentiate in: explain(L, wrt=b)")
        whole = self.wrt.gradient
        array = np.zeros_like(self.wrt.value) if whole is None else whole
        return _plain(array if self.entry is None else array[self.entry])

    @property
    def symbol(self) -> Math:
        """∂target/∂wrt as a symbol."""
        if self.wrt is None:
            raise InputError("say what to differentiate in: explain(L, wrt=b)")
        return partial(self.target.label, entry(self.wrt.label, self.entry or ()))

    @property
    def paths(self) -> tuple[Path, ...]:
        """The paths from the target to ``wrt`` with the largest products, largest first; none for a whole array."""
        return self._routes[0]

    @property
    def number_of_paths(self) -> int | None:
        """How many paths there are in all; None where they were not followed."""
        return self._routes[1]

    @property
    def sum(self) -> Any:
        """The sum of the products of all paths, added up factor by factor; of a whole array, the gradient."""
        return self.gradient if self._routes[2] is None else self._routes[2]

    @property
    def share(self) -> float | None:
        """What part of the sum the paths spelled out carry: 1.0 for all of it; None where the sum is 0."""
        if self.number_of_paths is None or not self.sum:
            return None
        return float(sum(path.product for path in self.paths) / self.sum)

    @property
    def given(self) -> tuple[str, ...]:
        """Steps between inputs and target whose value was given instead of computed."""
        return tuple(step.name for step in self.steps if step.node in self.forward.given)

    @property
    def layers(self) -> tuple[Step, ...]:
        """The steps on the way from the target down to ``wrt``, both included."""
        if self.wrt is None:
            return ()
        above = {self.wrt.node}
        for edge in self.edges:
            if edge.blame is not None and edge.wrt.node in above:
                above.add(edge.of.node)
        return tuple(step for step in reversed(self.steps) if step.node in above and self._below(step))

    def edges_into(self, step: Step) -> tuple[Edge, ...]:
        """The edges along which a step is blamed, from the target down."""
        return tuple(edge for edge in reversed(self.edges) if edge.wrt is step and edge.blame is not None)

    def check(self, step: float = 1e-5, say: Callable[[str], None] = print) -> Check:
        """Compare with finite differences, and print both numbers and their difference.

        Args:
            step: how far the input is moved to each side, relative to the larger of 1 and its magnitude.
            say: what prints the line.

        Raises:
            InputError: nothing was asked for, or a value between inputs and target was given instead of computed.
        """
        if self.given:
            raise InputError(f"{', '.join(self.given)} is given, not computed: there is nothing to check against")
        found = compare(self.forward, np.asarray(self.gradient), as_text(self.symbol), step)
        say(str(found))
        return found

    # ---- its faces ----------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        from lexgrad.explain.faces.terminal import derivation_text

        return derivation_text(self)

    def __repr__(self) -> str:
        what = self.target.name if self.wrt is None else as_text(self.symbol)
        return f"<derivation of {what}: {len(self.steps)} steps>"

    def __rich__(self) -> Any:
        from lexgrad.explain.faces.terminal import derivation_rich

        return derivation_rich(self)

    def latex(self, document: bool = False) -> str:
        """LaTeX in the lectures' notation (needs amsmath), or a whole document that compiles as it is."""
        from lexgrad.explain.faces.latex import derivation_latex

        return derivation_latex(self, document)

    def markdown(self) -> str:
        """Markdown with LaTeX between dollar signs."""
        from lexgrad.explain.faces.markdown import derivation_markdown

        return derivation_markdown(self)

    def json(self) -> dict[str, Any]:
        """An object of Python's own types, ready for ``json.dumps``; docs/explain.md lists the keys."""
        from lexgrad.explain.faces.json import derivation_json

        return derivation_json(self)

    def html(self, before: str = "") -> str:
        """A page of its own: the graph to go through step by step, then the mathematics as MathML; needs no network.

        Args:
            before: a piece of HTML to stand between the two.
        """
        from lexgrad.explain.faces.html import derivation_html
        from lexgrad.explain.picture import draw

        page = draw(self).html
        end = page.rindex("</body>")
        return f"{page[:end]}{before}{derivation_html(self)}{page[end:]}"

    def svg(self) -> str:
        """The graph as a picture, with the way from the target to ``wrt`` highlighted; see ``lexgrad.draw``."""
        from lexgrad.explain.picture import draw

        return draw(self).svg

    def _repr_html_(self) -> str:
        from lexgrad.explain.faces.html import derivation_html

        return derivation_html(self, self.svg())

    # ---- how it is found ----------------------------------------------------------------------------------------

    def _below(self, step: Step) -> bool:
        return step.gradient is not None

    @functools.cached_property
    def _routes(self) -> tuple[tuple[Path, ...], int | None, float | None]:
        if self.wrt is None or self.entry is None:
            return (), None, None
        try:
            routes = find_paths(self.target.node, self.wrt.node, self.entry, self.edges, self.limit)
        except TooLarge:
            return (), None, None
        entries = Entries({step.node: step.label for step in self.steps})
        paths = tuple(_path(links, entries) for links in routes.largest)
        return paths, int(routes.count), routes.total


def explain(
    target: Node,
    wrt: Node | str | None = None,
    *,
    at: Mapping[str, ArrayLike] | None = None,
    steps: Steps = "auto",
    paths: int = 8,
) -> Derivation:
    """Explain a number: its forward values, local derivatives, and the chain rule down to ``wrt``.

    The derivatives are those of the backward graph, which ``lexgrad.grad`` makes for training as well: each local
    derivative is what one node sends to another in it.

    Args:
        target: a float scalar: a variable, or a node of a graph (then give ``at``).
        wrt: a float node that the target depends on, one entry of it (``W1[0, 0]``), or either as text.
        at: values for the inputs of a graph, by name.
        steps: what is shown between inputs and target: "named", what the author gave a name; "all", every operation;
            "auto", named ones where there are any, else all.
        paths: how many paths are spelled out at most.

    Raises:
        InputError: the target is no float scalar, a value is missing, or the target does not depend on ``wrt``.
    """
    if steps not in ("auto", "named", "all"):
        raise InputError(f"steps is 'auto', 'named' or 'all'; got {steps!r}")
    if paths < 1:
        raise InputError(f"paths is at least 1; got {paths}")
    forward = evaluate_forward(target, wrt, at)
    inputs = [node for node in forward.inputs() if node.type.dtype == "float"]
    asked = [forward.wrt] if forward.wrt is not None else []
    shares: dict[tuple[Node, int], Node] = {}
    cotangents = backward(forward.target, [*inputs, *asked], shares)
    values = dict(forward.values)
    chosen = shown(forward, steps, cotangents)
    label, formulas = labels(forward, chosen)
    made: dict[Node, Step] = {}
    for node in forward.order:
        if node in chosen:
            gradient = evaluate_over(cotangents[node], {}, values) if node in cotangents else None
            if gradient is None and node in inputs:
                gradient = np.zeros_like(forward.values[node])
            made[node] = Step(
                node, _kind(node, forward, inputs), label[node], formulas[node], forward.values[node], gradient
            )
    edges = _edges(forward, made, shares, cotangents, values)
    wrt_step = None if forward.wrt is None else made[forward.wrt]
    return Derivation(made[forward.target], wrt_step, forward.entry, tuple(made.values()), tuple(edges), paths, forward)


def _edges(
    forward: Forward,
    made: dict[Node, Step],
    shares: Mapping[tuple[Node, int], Node],
    cotangents: Mapping[Node, Node],
    values: dict[Node, Array],
) -> list[Edge]:
    place = {node: number for number, node in enumerate(forward.order)}
    known = {node: step.label for node, step in made.items()}
    top = made[forward.target].label
    edges = []
    for node, step in made.items():
        sending, without = blames(node, set(made), place, shares, cotangents, values)
        found = {blame.wrt: blame for blame in sending}
        for below in sorted([*found, *without], key=place.__getitem__):
            edges.append(Edge(step, made[below], found.get(below), partial(top, step.label), known))
    return edges


def _kind(node: Node, forward: Forward, inputs: list[Node]) -> Any:
    if node is forward.target:
        return "target"
    if node.primitive is INPUT:
        return "input" if node in inputs else "data"
    return "step"


def _path(links: tuple[Link, ...], entries: Entries) -> Path:
    factors = []
    for link in links:
        edge = link.edge
        scalar = not edge.of.value.ndim and not edge.wrt.value.ndim
        assert edge.blame is not None
        formula = edge.formula if scalar else entries.formula(edge.blame, link.of_entry, link.wrt_entry)
        of, wrt = entry(edge.of.label, link.of_entry), entry(edge.wrt.label, link.wrt_entry)
        factors.append(Factor(of, wrt, formula, link.value, link))
    return Path(tuple(factors), float(np.prod([factor.value for factor in factors])))


def _plain(array: Any) -> Any:
    return array if array is None or array.ndim else float(array)
