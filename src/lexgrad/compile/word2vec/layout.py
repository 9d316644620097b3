"""Sizes of the program that updates word vectors, and the text that its parts are written with."""

from __future__ import annotations

from dataclasses import dataclass

from lexgrad.compile.machine import Processor
from lexgrad.compile.vector_code import LANES, VectorCode, whole

BLOCK = 6
"""Targets that go through a group at a time: with their gradients they are 12 registers."""


@dataclass(frozen=True)
class Layout:
    """What is fixed when the program is compiled.

    Attributes:
        dimensions: d, numbers in a vector.
        window: the farthest neighbour.
        negatives: K, words of noise for each centre.
        cbow: whether the mean of the neighbours predicts the centre, instead of each.
        subwords: whether the input vector of a word is the mean of several rows.
        batch: centres whose gradients are taken at the same weights.
        share: centres that one thread goes through at a time.
    """

    dimensions: int
    window: int
    negatives: int
    cbow: bool = False
    subwords: bool = False
    batch: int = 128
    share: int = 32

    @property
    def width(self) -> int:
        """Floats from one row of a tile to the next: d, rounded up to whole vectors."""
        return whole(self.dimensions)

    @property
    def targets(self) -> int:
        """Targets of a group: the centre and its noise."""
        return self.negatives + 1

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """Where each block of targets begins, and how many there are."""
        return [(k, min(BLOCK, self.targets - k)) for k in range(0, self.targets, BLOCK)]

    @property
    def reach(self) -> int:
        """Positions whose input vectors a share reads."""
        return self.share + 2 * self.window

    @property
    def shares(self) -> int:
        """Shares of a batch."""
        return -(-self.batch // self.share)

    @property
    def input_bytes(self) -> int:
        """Bytes of a share's changes of input vectors, a row for each position."""
        return self.reach * self.width * 4

    @property
    def target_bytes(self) -> int:
        """Bytes of a share's changes of target vectors, a row for each target of each centre."""
        return self.share * self.targets * self.width * 4

    @property
    def share_bytes(self) -> int:
        """Bytes of all that a share hands to those who apply it: changes, and the numbers of the targets."""
        return self.input_bytes + self.target_bytes + _whole_lines(self.share * self.targets * 4)

    @property
    def scores(self) -> int:
        """Scores of a group in a block of targets, with room for the last vector."""
        return whole(2 * self.window * BLOCK) + LANES

    def scratch(self) -> tuple[dict[str, int], int]:
        """Where each thread's own arrays begin, and how many bytes they are in all."""
        sizes = {
            "inputs": self.input_bytes,
            "targets": BLOCK * self.width * 4,
            "mean": self.width * 4,
            "change": self.width * 4,
            "scores": self.scores * 4,
            "factors": self.scores * 4,
            "losses": self.scores * 4,
            "total": LANES * 8,
            "places": 2 * self.window * 8,
            "noise": whole(self.share * self.negatives) * 4,
            "list": max(self.reach, self.share * self.targets) * 8,
        }
        places, offset = {}, 0
        for name, size in sizes.items():
            places[name] = offset
            offset += _whole_lines(size)
        return places, offset


def _whole_lines(number: int) -> int:
    return -(-number // 64) * 64


class Code(VectorCode):
    """Writes one function of the program.

    Args:
        layout: the sizes.
        processor: what the code is for.
    """

    def __init__(self, layout: Layout, processor: Processor) -> None:
        super().__init__(layout.dimensions, processor)
        self.layout = layout
