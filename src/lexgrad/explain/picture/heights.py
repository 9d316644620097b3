"""How high each slot of a layered layout lies: near its neighbours, in the order given, without overlaps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Protocol, TypeVar


class Placed(Protocol):
    """What has a height, a distance that it keeps, and neighbours in the columns next to it."""

    height: float
    gap: float
    vertex: bool
    y: float

    @property
    def before(self) -> Sequence[Placed]:
        """Neighbours in the column to the left."""
        ...

    @property
    def after(self) -> Sequence[Placed]:
        """Neighbours in the column to the right."""
        ...


P = TypeVar("P", bound=Placed)

ROUNDS = 30
STIFFNESS = 6.0  # how much straighter the middle of a long edge is than its ends


def heights(order: Sequence[Sequence[Placed]]) -> None:
    """Set ``y``, the height of the middle, of every slot.

    Each round brings every slot as near to the mean of its neighbours as the order and the distances allow: a
    least-squares problem a column, solved exactly by pooling adjacent violators (Ayer, Brunk, Ewing, Reid and
    Silverman, "An empirical distribution function for sampling with incomplete information", Annals of Mathematical
    Statistics 1955).
    """
    for column in order:
        y = 0.0
        for slot, previous in zip(column, [None, *column], strict=False):
            y += _distance(previous, slot) if previous else 0.0
            slot.y = y
        for slot in column:
            slot.y -= y / 2
    for turn in range(ROUNDS):
        for column in order if turn % 2 == 0 else reversed(order):
            wishes = [_wish(slot) for slot in column]
            for slot, y in zip(column, _settled(column, wishes), strict=True):
                slot.y = y


def _distance(upper: Placed, lower: Placed) -> float:
    return (upper.height + lower.height) / 2 + max(upper.gap, lower.gap)


def _wish(slot: Placed) -> tuple[float, float]:
    """Where a slot would like to be, and how much that weighs."""
    total = weight = 0.0
    for other in (*slot.before, *slot.after):
        pull = STIFFNESS if not slot.vertex and not other.vertex else 1.0
        total += pull * other.y
        weight += pull
    return (total / weight, weight) if weight else (slot.y, 1.0)


def _settled(column: Sequence[Placed], wishes: Sequence[tuple[float, float]]) -> list[float]:
    """The heights nearest to the wishes, by weighted squares, that keep the order and the distances."""
    offsets = [0.0]
    for upper, lower in itertools.pairwise(column):
        offsets.append(offsets[-1] + _distance(upper, lower))
    blocks: list[tuple[float, float, int]] = []  # mean of wish - offset, weight, how many slots
    for (wish, weight), offset in zip(wishes, offsets, strict=False):
        mean, heavy, count = wish - offset, weight, 1
        while blocks and blocks[-1][0] > mean:
            other, other_weight, other_count = blocks.pop()
            mean = (mean * heavy + other * other_weight) / (heavy + other_weight)
            heavy, count = heavy + other_weight, count + other_count
        blocks.append((mean, heavy, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]
