"""Every path from the target to one entry: their number, the sum of their products, and the k largest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lexgrad.explain.steps import Edge
from lexgrad.graph import Node

Array = NDArray[Any]
Entry: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Link:
    """One factor of a path: an edge, from one entry of the step above to one of the step below."""

    edge: Edge
    of_entry: Entry
    wrt_entry: Entry
    value: float


@dataclass(frozen=True, eq=False)
class Routes:
    """What is known of all paths together.

    Attributes:
        largest: the paths whose products are largest in magnitude, largest first; links from the target down.
        count: how many paths there are in all; a float, for there may be very many.
        total: the sum of the products of all paths.
    """

    largest: tuple[tuple[Link, ...], ...]
    count: float
    total: float


@dataclass
class _Reached:
    """The entries of a step that depend on the entry in question, and the best paths to each.

    Attributes:
        entries: flat entries (n,), sorted.
        scores: magnitudes of the best products (n, k), -1 where there are fewer paths.
        back: (n, k, 3): which edge, which place among the entries below, which of its paths.
        total: the sum of the products of all paths (n,).
        count: how many paths (n,).
    """

    entries: Array
    scores: Array
    back: Array
    total: Array
    count: Array


def find_paths(target: Node, wrt: Node, entry: Entry, edges: Sequence[Edge], k: int) -> Routes:
    """Follow the edges up from one entry to the target, step by step, and keep the k best paths to each entry.

    A product's magnitude is the product of its factors' magnitudes, so that the best paths to a step go through the
    best paths to the steps below it (Viterbi, "Error bounds for convolutional codes", IEEE Transactions on
    Information Theory 1967; here with k in place of one).

    Args:
        target: the scalar at the top.
        wrt: where the paths end.
        entry: which entry of it; ``()`` for a scalar.
        edges: of all steps, those of lower steps first.
        k: how many paths to spell out.

    Raises:
        TooLarge: a Jacobian on the way has too many entries.
    """
    shape = _shape(wrt)
    place = int(np.ravel_multi_index(entry, shape)) if entry else 0
    start = np.full((1, k), -1.0)
    start[0, :1] = 1.0
    reached = {wrt: _Reached(np.array([place]), start, np.zeros((1, k, 3), int), np.ones(1), np.ones(1))}
    by_step: dict[Node, list[Edge]] = {}
    for edge in edges:
        by_step.setdefault(edge.of.node, []).append(edge)
    if wrt is not target:
        for step, own in by_step.items():
            below = [edge for edge in own if edge.blame is not None and edge.wrt.node in reached]
            if below and step is not wrt:
                reached[step] = _joined(below, reached, k)
    if target not in reached:
        return Routes((), 0.0, 0.0)
    top = reached[target]
    largest = [
        _links(target, 0, j, wrt, by_step, reached) for j in range(k) if len(top.scores) and top.scores[0, j] >= 0
    ]
    return Routes(tuple(largest), float(top.count.sum()), float(top.total.sum()))


def _joined(edges: Sequence[Edge], reached: Mapping[Node, _Reached], k: int) -> _Reached:
    """Extend the paths of the steps below by one edge each, and keep the best k to each entry."""
    rows, scores, back, totals, counts = [], [], [], [], []
    for number, edge in enumerate(edges):
        assert edge.blame is not None
        below = reached[edge.wrt.node]
        into, columns, factors = edge.blame.jacobian(below.entries)
        places = np.searchsorted(below.entries, columns)
        rows.append(into)
        scores.append(np.where(below.scores[places] < 0, -1.0, np.abs(factors)[:, None] * below.scores[places]))
        back.append(np.stack([np.full(len(places), number), places], axis=1))
        totals.append(factors * below.total[places])
        counts.append(below.count[places])
    row = np.concatenate(rows)
    entries, group = np.unique(row, return_inverse=True)
    found = _Reached(
        entries,
        np.full((len(entries), k), -1.0),
        np.zeros((len(entries), k, 3), int),
        np.bincount(group, np.concatenate(totals), len(entries)),
        np.bincount(group, np.concatenate(counts), len(entries)),
    )
    score = np.concatenate(scores)
    flat = score.reshape(-1)
    owners = np.repeat(group, k)
    order = np.lexsort((-flat, owners))
    first = np.searchsorted(owners[order], np.arange(len(entries)))
    rank = np.arange(len(order)) - first[owners[order]]
    kept = order[(rank < k) & (flat[order] >= 0)]
    ranks = rank[(rank < k) & (flat[order] >= 0)]
    found.scores[owners[kept], ranks] = flat[kept]
    sources = np.concatenate(back)[kept // k]
    found.back[owners[kept], ranks] = np.concatenate([sources, (kept % k)[:, None]], axis=1)
    return found


def _links(
    target: Node,
    place: int,
    rank: int,
    wrt: Node,
    by_step: Mapping[Node, Sequence[Edge]],
    reached: Mapping[Node, _Reached],
) -> tuple[Link, ...]:
    """Walk one path down from the target."""
    links = []
    step = target
    while step is not wrt:
        own = [edge for edge in by_step[step] if edge.blame is not None and edge.wrt.node in reached]
        number, lower, lower_rank = (int(i) for i in reached[step].back[place, rank])
        edge = own[number]
        above, below = reached[step], reached[edge.wrt.node]
        of_entry, wrt_entry = _unflat(step, above.entries[place]), _unflat(edge.wrt.node, below.entries[lower])
        links.append(Link(edge, of_entry, wrt_entry, _factor(edge, above.entries[place], below.entries[lower])))
        step, place, rank = edge.wrt.node, lower, lower_rank
    return tuple(links)


def _factor(edge: Edge, row: int, column: int) -> float:
    assert edge.blame is not None
    rows, _, factors = edge.blame.jacobian(np.array([column]))
    return float(factors[rows == row][0])


def _unflat(node: Node, place: int) -> Entry:
    return tuple(int(i) for i in np.unravel_index(int(place), _shape(node))) if node.shape else ()


def _shape(node: Node) -> tuple[int, ...]:
    return tuple(int(size) for size in node.shape)  # type: ignore[arg-type]
