"""The order within the columns of a layered layout: few crossings of edges."""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from collections.abc import Sequence
from typing import Protocol, TypeVar


class Crossing(Protocol):
    """What has a column and neighbours in the columns next to it."""

    column: int

    @property
    def before(self) -> Sequence[Crossing]:
        """Neighbours in the column to the left."""
        ...

    @property
    def after(self) -> Sequence[Crossing]:
        """Neighbours in the column to the right."""
        ...


S = TypeVar("S", bound=Crossing)

SWEEPS = 16
PATIENCE = 4  # sweeps without a better order, after which to stop


def uncrossed(slots: Sequence[S]) -> list[list[S]]:
    """The slots by column, each column in an order that makes edges cross little.

    Sweeps over the columns sort each by the mean place of its neighbours and then exchange neighbours where that
    removes crossings (Gansner, Koutsofios, North and Vo, "A technique for drawing directed graphs", IEEE Transactions
    on Software Engineering 1993); the best order found is kept.
    """
    order = _first_order(slots)
    best, fewest, idle = [list(column) for column in order], crossings(order), 0
    for sweep in range(SWEEPS):
        if not fewest or idle == PATIENCE:
            break
        forward = sweep % 2 == 0
        for column in order[1:] if forward else order[-2::-1]:
            _sort(column, order, forward)
        _exchange(order)
        count = crossings(order)
        idle += 1
        if count < fewest:
            best, fewest, idle = [list(column) for column in order], count, 0
    return best


def _first_order(slots: Sequence[S]) -> list[list[S]]:
    """Walk back from the ends, first operands first, so that a tree comes out without any crossing."""
    columns: list[list[S]] = [[] for _ in range(max((slot.column for slot in slots), default=-1) + 1)]
    seen: set[int] = set()
    ends = sorted((slot for slot in slots if not slot.after), key=lambda slot: -slot.column)
    for end in ends:
        stack: list[S] = [end]
        while stack:
            slot = stack.pop()
            if id(slot) not in seen:
                seen.add(id(slot))
                columns[slot.column].append(slot)
                stack.extend(reversed(slot.before))  # type: ignore[arg-type]  # neighbours are of the same kind
    return columns


def _places(column: Sequence[Crossing]) -> dict[int, int]:
    return {id(slot): place for place, slot in enumerate(column)}


def _sort(column: list[S], order: Sequence[Sequence[S]], forward: bool) -> None:
    """Sort a column by the mean place of the neighbours on one side; who has none there keeps its place."""
    beside = column[0].column + (-1 if forward else 1)
    places = _places(order[beside])
    keys = {}
    for place, slot in enumerate(column):
        neighbours = slot.before if forward else slot.after
        own = [places[id(other)] for other in neighbours]
        keys[id(slot)] = sum(own) / len(own) if own else place * len(places) / len(column)
    column.sort(key=lambda slot: keys[id(slot)])


def _exchange(order: Sequence[list[S]]) -> None:
    """Exchange slots that stand side by side, as long as that removes crossings."""
    for number, column in enumerate(order):
        left = _places(order[number - 1]) if number else {}
        right = _places(order[number + 1]) if number + 1 < len(order) else {}
        before = [sorted(left[id(other)] for other in slot.before) for slot in column]
        after = [sorted(right[id(other)] for other in slot.after) for slot in column]
        better = True
        while better:
            better = False
            for i in range(len(column) - 1):
                now = _inversions(before[i], before[i + 1]) + _inversions(after[i], after[i + 1])
                then = _inversions(before[i + 1], before[i]) + _inversions(after[i + 1], after[i])
                if then < now:
                    column[i], column[i + 1] = column[i + 1], column[i]
                    before[i], before[i + 1] = before[i + 1], before[i]
                    after[i], after[i + 1] = after[i + 1], after[i]
                    better = True


def _inversions(upper: Sequence[int], lower: Sequence[int]) -> int:
    """How many pairs of edges cross, of a slot and the one below it, whose neighbours stand at these places."""
    if len(upper) == len(lower) == 1:
        return int(lower[0] < upper[0])
    return sum(bisect_right(lower, place - 1) for place in upper)


def crossings(order: Sequence[Sequence[Crossing]]) -> int:
    """How many pairs of edges cross."""
    total = 0
    for column, following in itertools.pairwise(order):
        places = _places(following)
        seen: list[int] = []
        for slot in column:
            own = sorted(places[id(other)] for other in slot.after)
            total += sum(len(seen) - bisect_right(seen, place) for place in own)
            for place in own:
                insort(seen, place)
    return total


__all__ = ["Crossing", "crossings", "uncrossed"]
