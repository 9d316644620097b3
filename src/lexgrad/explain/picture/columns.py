"""Which column each vertex of a layered layout stands in: sources before targets, and edges as short as can be."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def column_numbers(vertices: Sequence[Hashable], edges: Sequence[tuple[Hashable, Hashable]]) -> dict[Hashable, int]:
    """Columns, counted from 0, such that every edge leads to a later column.

    Args:
        vertices: all of them.
        edges: pairs (source, target).

    Raises:
        ValueError: the edges form a cycle.
    """
    before: dict[Hashable, list[Hashable]] = {vertex: [] for vertex in vertices}
    after: dict[Hashable, list[Hashable]] = {vertex: [] for vertex in vertices}
    for source, target in edges:
        before[target].append(source)
        after[source].append(target)
    order = _sorted(vertices, before, after)
    columns: dict[Hashable, int] = {}
    for vertex in order:
        columns[vertex] = max((columns[other] + 1 for other in before[vertex]), default=0)
    follows: dict[Hashable, bool] = {}  # whether it can move right with its one user, operands and all
    for vertex in order:
        follows[vertex] = len(after[vertex]) == 1 and all(follows[other] for other in before[vertex])
    for vertex in reversed(order):  # an edge that gets shorter on the right must not be outweighed on the left
        tied = sum(not follows[other] for other in before[vertex])
        if after[vertex] and len(after[vertex]) >= tied:
            columns[vertex] = min(columns[other] for other in after[vertex]) - 1
    lowest = min(columns.values(), default=0)
    return {vertex: column - lowest for vertex, column in columns.items()}


def _sorted(
    vertices: Sequence[Hashable], before: dict[Hashable, list[Hashable]], after: dict[Hashable, list[Hashable]]
) -> list[Hashable]:
    missing = {vertex: len(sources) for vertex, sources in before.items()}
    ready = [vertex for vertex in vertices if not missing[vertex]]
    order = []
    while ready:
        vertex = ready.pop()
        order.append(vertex)
        for target in after[vertex]:
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    if len(order) < len(vertices):
        raise ValueError("the edges form a cycle: it has no layered layout")
    return order
