"""The layout of a graph: nothing overlaps, edges go right and cross little."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexgrad.explain.picture.crossings import crossings, uncrossed
from lexgrad.explain.picture.layout import Edge, Layout, Rectangle, Slot, layout


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[int, tuple[float, float]], list[Edge]]:
    """A directed acyclic graph with sizes of vertices and labels; edges may be double."""
    count = draw(st.integers(1, 14))
    lengths = st.floats(8, 120)
    sizes = {vertex: (draw(lengths), draw(lengths)) for vertex in range(count)}
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=2 * count)) if pairs else []
    labels = st.one_of(st.just((0.0, 0.0)), st.tuples(lengths, st.floats(8, 30)))
    return sizes, [Edge(a, b, draw(labels)) for a, b in chosen]


def rectangles(placed: Layout) -> list[Rectangle]:
    return [*placed.boxes.values(), *(label for label in placed.labels if label is not None)]


def curves(route: Sequence[tuple[tuple[float, float], tuple[float, float]]]) -> list[Rectangle]:
    """What the bends of a route between its level pieces take up."""
    bends = []
    for (_, (x0, y0)), ((x1, y1), _) in itertools.pairwise(route):
        bends.append(Rectangle(x0, min(y0, y1), x1 - x0, abs(y0 - y1)))
    return bends


@given(graphs())
def test_nothing_overlaps(graph: tuple[dict[int, tuple[float, float]], list[Edge]]) -> None:
    sizes, edges = graph
    placed = layout(sizes, edges)
    for one, other in itertools.combinations(rectangles(placed), 2):
        assert not one.overlaps(other)
    for box in rectangles(placed):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= placed.width + 1e-6
        assert box.y + box.height <= placed.height + 1e-6
    for vertex, (width, height) in sizes.items():
        assert (placed.boxes[vertex].width, placed.boxes[vertex].height) == (width, height)


@given(graphs())
def test_edges_run_from_side_to_side_and_through_nothing(
    graph: tuple[dict[int, tuple[float, float]], list[Edge]],
) -> None:
    sizes, edges = graph
    placed = layout(sizes, edges)
    for edge, label, route in zip(edges, placed.labels, placed.routes, strict=True):
        source, target = placed.boxes[edge.source], placed.boxes[edge.target]
        (x0, y0), (x1, y1) = route[0][0], route[-1][1]
        assert x0 == pytest.approx(source.x + source.width)
        assert source.y <= y0 <= source.y + source.height
        assert x1 == pytest.approx(target.x)
        assert target.y <= y1 <= target.y + target.height
        points = [x for (start, stop) in route for x in (start[0], stop[0])]
        assert points == sorted(points)
        others = [box for box in rectangles(placed) if box not in (source, target, label)]
        for start, stop in route:
            for box in others:
                assert not (start[0] < box.x + box.width and box.x < stop[0] and box.y < start[1] < box.y + box.height)
        for bend in curves(route):
            for box in others:  # bends lie between columns
                assert not (bend.x < box.x + box.width - 1e-6 and box.x < bend.x + bend.width - 1e-6)


def test_a_chain_is_a_straight_line() -> None:
    placed = layout(dict.fromkeys("abcd", (40.0, 20.0)), [Edge("a", "b"), Edge("b", "c"), Edge("c", "d")])
    heights = {y for route in placed.routes for piece in route for _, y in piece}
    assert max(heights) - min(heights) < 0.5


def test_an_input_stands_right_before_what_uses_it() -> None:
    sizes = dict.fromkeys(["x", "h", "L", "y"], (40.0, 20.0))
    placed = layout(sizes, [Edge("x", "h"), Edge("h", "L"), Edge("y", "L")])
    assert placed.boxes["y"].x == placed.boxes["h"].x > placed.boxes["x"].x


def test_a_tree_has_no_crossings_even_where_its_leaves_come_in_a_bad_order() -> None:
    depth = 5
    leaves = [format(n, f"0{depth}b") for n in range(2**depth)]
    vertices = sorted({leaf[:k] for leaf in leaves for k in range(depth + 1)}, key=lambda name: name[::-1])
    slots = {name: Slot(depth - len(name), 10, 10, 5) for name in vertices}
    for name in vertices:
        if name:
            slots[name].after.append(slots[name[:-1]])
            slots[name[:-1]].before.append(slots[name])
    assert crossings(uncrossed(list(slots.values()))) == 0


def test_crossings_are_counted() -> None:
    a, b, c, d = (Slot(column, 1, 1, 1) for column in (0, 0, 1, 1))
    for left, right in ((a, d), (b, c), (a, c)):
        left.after.append(right)
        right.before.append(left)
    assert crossings([[a, b], [c, d]]) == 1
    assert crossings([[a, b], [d, c]]) == 0


def test_a_cycle_is_refused() -> None:
    with pytest.raises(ValueError, match="cycle"):
        layout({"a": (1.0, 1.0), "b": (1.0, 1.0)}, [Edge("a", "b"), Edge("b", "a")])


def test_nothing_at_all_is_a_picture_too() -> None:
    assert layout({}, []).boxes == {}
