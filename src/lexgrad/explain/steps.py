"""The steps and edges that a derivation shows: which nodes, what they are called, and their local derivatives."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lexgrad.explain import mathematics
from lexgrad.explain.edges import Blame
from lexgrad.explain.faces.text import as_text
from lexgrad.explain.forward import Forward
from lexgrad.explain.mathematics import Math, of_node, partial
from lexgrad.graph import INPUT, Node

Array = NDArray[Any]
Kind: TypeAlias = Literal["input", "data", "step", "target"]
SHORT = 24
"""A formula of at most so many characters is a node's label where it has no name; a longer one gets a number, v1."""

# Operations that only lay numbers out, or pick some of them, are no steps of their own unless they have a name.
LAYOUT = {"broadcast", "reshape", "cast", "slice"}


@dataclass(frozen=True, eq=False)
class Step:
    """One node that is shown.

    Attributes:
        node: a node of the forward graph, whose sizes are numbers.
        kind: "input" (it has a name and a derivative), "data" (neither is asked for), "step" or "target".
        label: what it is called: the author's name; without one its formula if that is short, else v1, v2, ...
        formula: how it is computed from other steps; its own label for inputs and data.
        value: its value, float64 for floats.
        gradient: the derivative of the target in it, of the same shape; None where there is none.
    """

    node: Node
    kind: Kind
    label: Math
    formula: Math
    value: Array
    gradient: Array | None

    @property
    def name(self) -> str:
        """The label as text."""
        return as_text(self.label)

    def __repr__(self) -> str:
        return f"<step {self.name}>"


@dataclass(frozen=True, eq=False)
class Edge:
    """A step as a direct function of another, and its local derivative there.

    Attributes:
        of: the step above.
        wrt: the step below, which ``of`` is computed from.
        blame: the linear map along which the cotangent goes back; None where there is no derivative.
        cotangent: the formula of the derivative of the target in ``of``, a symbol.
        labels: the formula of every step by its node.
    """

    of: Step
    wrt: Step
    blame: Blame | None
    cotangent: Math
    labels: Mapping[Node, Math]

    @functools.cached_property
    def value(self) -> Array | None:
        """∂of/∂wrt where that is as small as ``of`` or ``wrt``; None where it is a matrix, or there is none.

        Between scalars a number; of a scalar ``of``, an array in the shape of ``wrt``; where every entry of ``of``
        comes from the one of ``wrt`` at its place, the derivatives of the entries.
        """
        if self.blame is None:
            return None
        return self.blame.pull(np.array(1.0)) if self.of.value.ndim == 0 else self.blame.diagonal

    @functools.cached_property
    def formula(self) -> Math | None:
        """∂of/∂wrt; where that is a matrix, what ``wrt`` receives by it: ``∂L/∂z W^T``; None without a derivative."""
        if self.blame is None:
            return None
        seed = self.cotangent if self.value is None else mathematics.ONE
        if self.blame.sent is self.blame.seed:
            return seed
        return of_node(self.blame.sent, {**self.labels, self.blame.seed: seed})

    @property
    def symbol(self) -> Math:
        """∂of/∂wrt as a symbol."""
        return partial(self.of.label, self.wrt.label)

    def __repr__(self) -> str:
        return f"<edge {as_text(self.symbol)}>"


def shown(forward: Forward, which: str, active: Iterable[Node]) -> set[Node]:
    """The nodes that are steps.

    Args:
        forward: the graph.
        which: "named": inputs, target and what the author named; "all": every operation; "auto": the former where
            something between inputs and target has a name.
        active: nodes that have a derivative.
    """
    carrying = set(active)
    between = [node for node in forward.order if node.inputs and node is not forward.target]
    named = {node for node in between if node.name}
    chosen = named
    if which == "all" or (which == "auto" and not named):
        chosen = named | {node for node in between if node in carrying and node.primitive.name not in LAYOUT}
    always = {forward.target, *([forward.wrt] if forward.wrt is not None else [])}
    return chosen | always | {node for node in forward.order if node.primitive is INPUT}


def labels(forward: Forward, steps: set[Node]) -> tuple[dict[Node, Math], dict[Node, Math]]:
    """What every step is called, and its formula in terms of other steps; no two have one label."""
    called: dict[Node, Math] = {}
    formulas: dict[Node, Math] = {}
    taken = {node.name for node in forward.order if node.name}
    used: set[str] = set()
    count = 0
    for node in forward.order:
        if node not in steps:
            continue
        formula = of_node(node, called)
        if node.name:
            label = mathematics.name(_free(node.name, used))
        elif node.primitive is INPUT:
            label = mathematics.of_constant(_nested(forward.values[node]))
        else:
            label = formula
        text = as_text(label)
        if label == mathematics.ELLIPSIS or "…" in text or (not node.name and (len(text) > SHORT or text in used)):
            count = _next(count, taken)
            label = mathematics.name(f"v{count}")
        called[node] = label
        formulas[node] = label if node.primitive is INPUT else formula
        used.add(as_text(label))
    return called, formulas


def _free(name: str, used: set[str]) -> str:
    while name in used:
        name += "'"
    return name


def _next(count: int, taken: set[str]) -> int:
    count += 1
    while f"v{count}" in taken:
        count += 1
    return count


def _nested(value: Array) -> Any:
    def tuples(item: Any) -> Any:
        return tuple(map(tuples, item)) if isinstance(item, list) else item

    return tuples(value.tolist()) if value.size <= 4 else ((),)
