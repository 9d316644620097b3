"""Layered layout of a directed acyclic graph, left to right, in which no two boxes and no edge and box overlap.

The method of Sugiyama, Tagawa and Toda ("Methods for visual understanding of hierarchical system structures", IEEE
Transactions on Systems, Man and Cybernetics 1981): boxes are put into columns, edges that cross several columns get a
point in each, the order within the columns is improved until edges cross little, and then heights are chosen.

Labels of edges are boxes too, in columns of their own between those of the vertices. An edge runs level through every
column and bends only between columns, so it can never run through a box.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lexgrad.explain.picture.columns import column_numbers
from lexgrad.explain.picture.crossings import uncrossed
from lexgrad.explain.picture.heights import heights

Size = tuple[float, float]
Point = tuple[float, float]

COLUMN_GAP, WIDEST_GAP = 24.0, 72.0  # where edges bend
STEEP = 0.15  # how much wider a gap is for each pixel that an edge climbs or falls in it
ROW_GAP = 16.0
EDGE_GAP = 9.0  # between an edge that passes and its neighbours
MARGIN = 12.0
PORT_PITCH = 16.0  # between the ends of edges at one side of a vertex


@dataclass(frozen=True)
class Rectangle:
    """A box in the picture: its left upper corner and its size, in pixels."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Rectangle) -> bool:
        """Whether the two share more than a border."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


@dataclass(frozen=True)
class Edge:
    """An arrow from one vertex to another, with the size of its label; (0, 0) for none."""

    source: Hashable
    target: Hashable
    label: Size = (0.0, 0.0)


@dataclass(frozen=True)
class Layout:
    """Where everything lies, in pixels from the left upper corner.

    Attributes:
        boxes: the rectangle of each vertex.
        labels: the rectangle of the label of each edge, None where it has none.
        routes: for each edge, level pieces ((x0, y), (x1, y)) from the source's right side to the target's left side.
        width: of the whole.
        height: of the whole.
    """

    boxes: Mapping[Hashable, Rectangle]
    labels: Sequence[Rectangle | None]
    routes: Sequence[Sequence[tuple[Point, Point]]]
    width: float
    height: float


@dataclass(eq=False)
class Slot:
    """Something that takes up room in a column: a vertex, a label, or an edge that passes through."""

    column: int
    width: float
    height: float
    gap: float
    vertex: bool = False
    before: list[Slot] = field(default_factory=list)
    after: list[Slot] = field(default_factory=list)
    y: float = 0.0


def layout(sizes: Mapping[Any, Size], edges: Sequence[Edge]) -> Layout:
    """Lay out a directed acyclic graph.

    Args:
        sizes: width and height of each vertex, in an order that breaks ties.
        edges: arrows between vertices; several between the same two are welcome.
    """
    columns = column_numbers(list(sizes), [(edge.source, edge.target) for edge in edges])
    spread = 2 if any(edge.label[1] for edge in edges) else 1
    slots = {
        vertex: Slot(spread * columns[vertex], width, height, ROW_GAP, vertex=True)
        for vertex, (width, height) in sizes.items()
    }
    chains = [_chain(slots[edge.source], slots[edge.target], edge.label) for edge in edges]
    order = uncrossed([*slots.values(), *(slot for chain in chains for slot in chain[1:-1])])
    heights(order)
    return _placed(slots, edges, chains, order)


def _chain(source: Slot, target: Slot, label: Size) -> list[Slot]:
    """The slots of an edge from end to end; the label stands right before the target."""
    chain = [source]
    for column in range(source.column + 1, target.column):
        width, height = label if column == target.column - 1 else (0.0, 0.0)
        chain.append(Slot(column, width, height, ROW_GAP / 2 if height else EDGE_GAP))
    chain.append(target)
    for left, right in itertools.pairwise(chain):
        left.after.append(right)
        right.before.append(left)
    return chain


def _placed(
    slots: Mapping[Hashable, Slot], edges: Sequence[Edge], chains: Sequence[Sequence[Slot]], order: Sequence[list[Slot]]
) -> Layout:
    widths = [max((slot.width for slot in column), default=0.0) for column in order]
    tracks = [_track(chain, widths) for chain in chains]
    lefts, right = _lefts(widths, tracks)
    every = [slot for column in order for slot in column]
    top = min((slot.y - slot.height / 2 for slot in every), default=0.0) - MARGIN
    bottom = max((slot.y + slot.height / 2 for slot in every), default=0.0) + MARGIN

    def rectangle(slot: Slot) -> Rectangle:
        left = lefts[slot.column] + (widths[slot.column] - slot.width) / 2
        return Rectangle(left, slot.y - slot.height / 2 - top, slot.width, slot.height)

    routes = []
    for chain, track in zip(chains, tracks, strict=True):
        pieces = [((lefts[column], y - top), (lefts[column] + widths[column], y - top)) for column, y in track]
        source, target = rectangle(chain[0]), rectangle(chain[-1])
        pieces[0] = ((source.x + source.width, pieces[0][0][1]), pieces[0][1])
        pieces[-1] = (pieces[-1][0], (target.x, pieces[-1][0][1]))
        routes.append(pieces)
    labels = [rectangle(chain[-2]) if edge.label[1] else None for edge, chain in zip(edges, chains, strict=True)]
    boxes = {vertex: rectangle(slot) for vertex, slot in slots.items()}
    return Layout(boxes, labels, routes, right + MARGIN, bottom - top)


def _track(chain: Sequence[Slot], widths: Sequence[float]) -> list[tuple[int, float]]:
    """At which height an edge runs through each column that takes up room."""
    ends = {0: _port(chain[0], chain[0].after, chain[1]), len(chain) - 1: _port(chain[-1], chain[-1].before, chain[-2])}
    return [(slot.column, ends.get(i, slot.y)) for i, slot in enumerate(chain) if widths[slot.column] or i in ends]


def _lefts(widths: Sequence[float], tracks: Sequence[Sequence[tuple[int, float]]]) -> tuple[list[float], float]:
    """Where each column begins, and where the last one ends; gaps are wider where edges climb or fall far."""
    falls = [0.0] * len(widths)
    for track in tracks:
        for (column, y), (_, following) in itertools.pairwise(track):
            falls[column] = max(falls[column], abs(following - y))
    lefts, x, end = [], MARGIN, MARGIN
    for width, fall in zip(widths, falls, strict=True):
        lefts.append(x)
        if width:
            end = x + width
            x = end + COLUMN_GAP + min(STEEP * fall, WIDEST_GAP - COLUMN_GAP)
    return lefts, end


def _port(slot: Slot, neighbours: Sequence[Slot], neighbour: Slot) -> float:
    """The height at which an edge touches a vertex: the edges of one side are spread, in the order of their ends."""
    ordered = sorted(neighbours, key=lambda other: other.y)
    pitch = min(PORT_PITCH, (slot.height - PORT_PITCH) / max(len(ordered), 1))
    return slot.y + pitch * (ordered.index(neighbour) - (len(ordered) - 1) / 2)
