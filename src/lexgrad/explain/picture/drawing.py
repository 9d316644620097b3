"""What a picture of a graph shows: cards for values, arrows between them, and how large they are."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from lexgrad.explain.picture.layout import Edge, Layout, Size, layout
from lexgrad.explain.picture.lettering import LINE_HEIGHT, text_width

Role = Literal["symbol", "value", "gradient", "note", "label"]
Kind = Literal["input", "constant", "operation", "backward", "group"]
Direction = Literal["forward", "backward", "both"]
DIRECTIONS: tuple[Direction, ...] = ("forward", "backward", "both")

SIZES: dict[Role, float] = {"symbol": 17.0, "value": 13.0, "gradient": 13.0, "note": 11.0, "label": 11.5}
PADDING_X, PADDING_Y = 10.0, 7.0
LABEL_PADDING = 3.0


@dataclass(frozen=True)
class Line:
    """One line of text and what it is."""

    text: str
    role: Role

    @property
    def width(self) -> float:
        """Its width in pixels, estimated on the safe side."""
        return text_width(self.text, SIZES[self.role], bold=self.role == "symbol")

    @property
    def height(self) -> float:
        """Its height in pixels."""
        return SIZES[self.role] * LINE_HEIGHT


@dataclass(frozen=True)
class Card:
    """A value of the graph, or a group of them that was folded into one.

    Attributes:
        key: what arrows call it.
        kind: what it is.
        lines: what is written on it, from top to bottom.
        title: everything there is to say, for people who point at it or listen.
        marked: whether it lies on the path that is shown.
        final: whether it is what the graph computes.
    """

    key: Hashable
    kind: Kind
    lines: Sequence[Line]
    title: str
    marked: bool = False
    final: bool = False


@dataclass(frozen=True)
class Arrow:
    """An edge of the graph.

    Attributes:
        source: the operand.
        target: what is made of it.
        lines: its label, the local derivative; may be empty.
        title: everything there is to say.
        marked: whether it lies on the path that is shown.
        blamed: whether a derivative goes back along it.
    """

    source: Hashable
    target: Hashable
    lines: Sequence[Line] = ()
    title: str = ""
    marked: bool = False
    blamed: bool = False


@dataclass(frozen=True)
class Drawing:
    """A picture before it is laid out.

    Attributes:
        title: its heading, for people who listen.
        description: what it shows, in a few sentences.
        cards: in topological order.
        arrows: the edges.
        direction: which way the arrowheads point, and what is written.
    """

    title: str
    description: str
    cards: Sequence[Card]
    arrows: Sequence[Arrow]
    direction: Direction = "both"

    def placed(self) -> Layout:
        """Lay it out."""
        sizes = {card.key: _extent(card.lines, PADDING_X, PADDING_Y) for card in self.cards}
        edges = [Edge(arrow.source, arrow.target, _label(arrow.lines)) for arrow in self.arrows]
        return layout(sizes, edges)


def _label(lines: Sequence[Line]) -> Size:
    return _extent(lines, LABEL_PADDING, LABEL_PADDING / 2) if lines else (0.0, 0.0)


def _extent(lines: Sequence[Line], across: float, down: float) -> Size:
    width = max((line.width for line in lines), default=0.0)
    return max(width, 20.0) + 2 * across, math.fsum(line.height for line in lines) + 2 * down
