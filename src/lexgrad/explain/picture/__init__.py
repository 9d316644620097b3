"""A graph as a picture: layout, cards, SVG, and the page that goes through it step by step."""

from __future__ import annotations

from collections.abc import Mapping

from numpy.typing import ArrayLike

from lexgrad.errors import InputError
from lexgrad.explain.derivation import Derivation, explain
from lexgrad.explain.picture.drawing import Direction
from lexgrad.explain.picture.picture import Picture
from lexgrad.explain.picture.scene import scene_of_derivation, scene_of_graph
from lexgrad.graph import Graph, Node

__all__ = ["Picture", "draw"]


def draw(
    target: Node | Graph | Derivation,
    wrt: Node | str | None = None,
    *,
    at: Mapping[str, ArrayLike] | None = None,
    direction: Direction = "both",
    fold: str = "auto",
    path: int | None = None,
) -> Picture:
    """Draw a computation graph, from left to right.

    Args:
        target: a scalar variable or node, drawn with the values and derivatives that ``explain`` finds; a
            derivation; or a graph, drawn as it is, without values.
        wrt: highlight the way from the target down to this node, as in ``explain``.
        at: values for the inputs of a node that has none yet, by name.
        direction: "forward" shows the values, "backward" the derivatives, with the local derivative on each edge,
            "both" everything.
        fold: what is folded into one card: "none"; "names", the unnamed steps before each named one; "layers", all
            of one layer; "auto", as little as a readable picture allows.
        path: highlight this one of the derivation's paths, counted from 0, in place of all.

    Raises:
        InputError: what ``explain`` raises; a choice that there is not; ``wrt``, ``at`` or ``path`` with a graph.
    """
    if isinstance(target, Graph):
        if wrt is not None or at or path is not None:
            raise InputError("a graph is drawn without values: draw(node, wrt, at=...) explains one of its nodes")
        return Picture(scene_of_graph(target), direction, fold)
    if isinstance(target, Derivation):
        if wrt is not None or at:
            raise InputError("the derivation says already what is differentiated in what, and at which values")
        derivation = target
    else:
        derivation = explain(target, wrt, at=at)
    return Picture(scene_of_derivation(derivation, path), direction, fold)
