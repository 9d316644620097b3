"""Word vectors in two dimensions, by principal components, every word beside its point and no two on each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.plot.canvas import COLOURS, Plot, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lexgrad.models.vectors.keyed import KeyedVectors

Array = NDArray[np.float64]
Box = tuple[float, float, float, float]  # left, bottom, right, top, in dots
FIRST = 60  # words that are drawn where none are chosen
NEAR = 4.0  # points between a dot and its label
RINGS = 60  # of places for a label, each farther out
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))


def vectors(found: KeyedVectors, words: Sequence[str] = ()) -> Plot:
    """Draw words where the first two principal components of their vectors put them.

    The components are those of the drawn words alone, so that their differences show, and not those of all words.

    Args:
        found: the vectors.
        words: which words; the first 60 where there are none.

    Raises:
        InputError: fewer than two words, a word without a vector, or matplotlib is not installed.
    """
    chosen = list(dict.fromkeys(words)) or found.words[:FIRST]
    if len(chosen) < 2:
        raise InputError(f"a picture of words takes at least two; got {', '.join(chosen) or 'none'}")
    places, shares = principal(np.stack([found[word] for word in chosen]).astype(np.float64))
    side = min(5.0 + len(chosen) / 25, 12.0)
    figure, (axis,) = panels(1, side * 1.25, side)
    axis.scatter(places[:, 0], places[:, 1], s=14, color=COLOURS[0], zorder=3)
    axis.margins(0.12)
    axis.set(xlabel=f"first principal component ({shares[0]:.0%} of the variance)", ylabel=f"second ({shares[1]:.0%})")
    write_labels(figure, axis, places, chosen)
    return Plot(figure, f"{len(chosen)} word vectors by principal components")


def principal(points: Array) -> tuple[Array, Array]:
    """Return points (n, d) in their first two principal components (n, 2), and these components' shares of variance.

    Signs are such that the largest coordinate of each component is positive: the same vectors, the same picture.
    """
    centred = points - points.mean(axis=0)
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(points), 2))
    shares = np.zeros(2)
    count = min(2, len(scale))
    places[:, :count] = left[:, :count] * scale[:count]
    shares[:count] = scale[:count] ** 2 / max(float((scale**2).sum()), 1e-300)
    far = places[np.abs(places).argmax(axis=0), [0, 1]]
    return places * np.where(far < 0, -1.0, 1.0), shares


def write_labels(figure: Figure, axis: Axes, places: Array, words: Sequence[str]) -> None:
    """Write each word at the nearest place to its point that is free of points and of other words.

    A thin line leads from a point to a word that is not right beside it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # writing must not move the points any more
    renderer, dot = canvas.get_renderer(), figure.dpi / 72  # type: ignore[no-untyped-call]
    points = axis.transData.transform(places)
    taken: list[Box] = [(x - 3 * dot, y - 3 * dot, x + 3 * dot, y + 3 * dot) for x, y in points]
    inside = axis.get_window_extent(renderer)
    frame = (inside.x0, inside.y0, inside.x1, inside.y1)
    for number, word in enumerate(words):
        label: Any = axis.annotate(
            _plain(word), places[number], (0, 0), textcoords="offset points", fontsize=9, va="bottom", ha="left"
        )
        size = label.get_window_extent(renderer)
        own = points[number]
        box, ring = _free(own, size.width + 2 * dot, size.height + dot, taken, frame, dot)  # room for other sizes
        taken.append(box)
        label.set_position(((box[0] - own[0]) / dot, (box[1] - own[1]) / dot))
        if ring > 2:
            end = (np.clip(own[0], box[0], box[2]), np.clip(own[1], box[1], box[3]))
            (x, y) = axis.transData.inverted().transform(end)
            axis.plot([places[number, 0], x], [places[number, 1], y], color="#8c959f", linewidth=0.6, zorder=1)


def _free(own: Array, width: float, height: float, taken: Sequence[Box], frame: Box, dot: float) -> tuple[Box, int]:
    """The first box of that size around a point that meets no other box and lies in the frame, and in which ring."""
    others = np.array(taken)
    best: tuple[Box, int] | None = None
    for ring, box in _boxes(own, width, height, dot):
        meets = (others[:, 0] < box[2]) & (others[:, 2] > box[0]) & (others[:, 1] < box[3]) & (others[:, 3] > box[1])
        if meets.any():
            continue
        if box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3]:
            return box, ring
        best = best or (box, ring)
    if best is None:
        raise InputError("these words do not fit into one picture without lying on each other; draw fewer")
    return best


def _boxes(own: Array, width: float, height: float, dot: float) -> Iterator[tuple[int, Box]]:
    """Boxes around a point, near ones first."""
    for ring in range(RINGS):
        gap = NEAR * dot * (1 + ring)
        for across, up in DIRECTIONS:
            middle = own[0] + across * (gap + width / 2), own[1] + up * (gap + height / 2)
            yield ring, (middle[0] - width / 2, middle[1] - height / 2, middle[0] + width / 2, middle[1] + height / 2)


def _plain(word: str) -> str:
    """The word with what matplotlib reads as mathematics written out."""
    return word.replace("$", r"\$")
