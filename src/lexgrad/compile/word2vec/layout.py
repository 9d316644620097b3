"""Sizes of the program that updates word vectors, and the text that its parts are written with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lexgrad.compile.machine import Processor
from lexgrad.compile.writer import Writer

LANES = 16
"""Partial sums of a dot product, on every processor: so that all that multiply and add at once get the same bits."""

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
        return -(-self.dimensions // LANES) * LANES

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
        return _whole(2 * self.window * BLOCK) + LANES

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
            "noise": _whole(self.share * self.negatives) * 4,
            "list": max(self.reach, self.share * self.targets) * 8,
        }
        places, offset = {}, 0
        for name, size in sizes.items():
            places[name] = offset
            offset += _whole_lines(size)
        return places, offset


def _whole(number: int) -> int:
    return -(-number // LANES) * LANES


def _whole_lines(number: int) -> int:
    return -(-number // 64) * 64


HINTS = "\n".join(
    [
        "!100 = distinct !{!100, !101, !102, !103}",
        '!101 = !{!"llvm.loop.vectorize.width", i32 16}',
        '!102 = !{!"llvm.loop.interleave.count", i32 1}',
        '!103 = !{!"llvm.loop.unroll.disable"}',
        "!104 = distinct !{!104, !103, !105}",
        '!105 = !{!"llvm.loop.vectorize.enable", i1 false}',
    ]
)
VECTORISED = ", !llvm.loop !100"
"""The hint of a loop whose turns are a multiple of 16, and become vectors of 16."""
PLAIN = ", !llvm.loop !104"
"""The hint of a loop that stays as it is."""


class Code(Writer):
    """Writes one function: what all parts of the program share.

    Args:
        layout: the sizes.
        processor: what the code is for.
    """

    def __init__(self, layout: Layout, processor: Processor) -> None:
        super().__init__("float")
        self.layout = layout
        self.processor = processor

    # --- memory

    def at(self, type: str, base: str, index: str) -> str:
        """A pointer to an entry of an array."""
        return self.put(f"getelementptr inbounds {type}, ptr {base}, i64 {index}")

    def load(self, type: str, base: str, index: str = "0", align: int = 0) -> str:
        """An entry of an array."""
        place = base if index == "0" else self.at(type, base, index)
        return self.put(f"load {type}, ptr {place}" + (f", align {align}" if align else ""))

    def store(self, type: str, value: str, base: str, index: str = "0", align: int = 0) -> None:
        """Write an entry of an array."""
        place = base if index == "0" else self.at(type, base, index)
        self.do(f"store {type} {value}, ptr {place}" + (f", align {align}" if align else ""))

    def number_at(self, base: str, index: str) -> str:
        """An entry of an array of int32, as i64."""
        return self.put(f"sext i32 {self.load('i32', base, index)} to i64")

    # --- arithmetic

    def add(self, x: str, y: str) -> str:
        """x + y on i64."""
        return self.put(f"add nsw i64 {x}, {y}")

    def sub(self, x: str, y: str) -> str:
        """x - y on i64."""
        return self.put(f"sub nsw i64 {x}, {y}")

    def mul(self, x: str, y: str) -> str:
        """x * y on i64."""
        return self.put(f"mul nsw i64 {x}, {y}")

    def least(self, x: str, y: str) -> str:
        """The smaller of two i64."""
        return self.put(f"call i64 @llvm.smin.i64(i64 {x}, i64 {y})")

    def most(self, x: str, y: str) -> str:
        """The larger of two i64."""
        return self.put(f"call i64 @llvm.smax.i64(i64 {x}, i64 {y})")

    def splat(self, lanes: int, value: str) -> str:
        """A vector of one float many times."""
        one = self.put(f"insertelement <{lanes} x float> poison, float {value}, i64 0")
        return self.put(
            f"shufflevector <{lanes} x float> {one}, <{lanes} x float> poison, <{lanes} x i32> zeroinitializer"
        )

    def multiply_add(self, lanes: int, x: str, y: str, z: str) -> str:
        """x y + z on vectors: rounded once where the processor can."""
        type = f"<{lanes} x float>"
        if self.processor.fma:
            return self.put(f"call {type} @llvm.fma.v{lanes}f32({type} {x}, {type} {y}, {type} {z})")
        return self.put(f"fadd {type} {self.put(f'fmul {type} {x}, {y}')}, {z}")

    # --- control

    @contextmanager
    def loop(self, name: str, start: str, stop: str, step: str = "1", hint: str = PLAIN) -> Iterator[str]:
        """``for name in range(start, stop, step)``; gives the LLVM value of ``name``."""
        self.begin(name, start, stop)
        yield self.locals[name]
        self.end(step, hint)

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """``if condition:``."""
        number = self.number()
        self.do(f"br i1 {condition}, label %then{number}, label %after{number}")
        self.block(f"then{number}")
        yield
        self.do(f"br label %after{number}")
        self.block(f"after{number}")

    # --- rows of d floats that begin anywhere

    @property
    def pieces(self) -> list[tuple[int, int]]:
        """Vectors that make up a row: where each begins, and how many floats it has."""
        d, pieces, start = self.layout.dimensions, [], 0
        for lanes in (LANES, 8, 4, 2, 1):
            while d - start >= lanes:
                pieces.append((start, lanes))
                start += lanes
        return pieces

    def prefetch(self, row: str) -> None:
        """Ask for the cache lines of a row ahead of time."""
        for offset in range(0, self.layout.dimensions * 4, 64):
            place = self.put(f"getelementptr i8, ptr {row}, i64 {offset}")
            self.do(f"call void @llvm.prefetch.p0(ptr {place}, i32 1, i32 3, i32 1)")

    def function(self, head: str) -> str:
        """The whole function."""
        return "\n".join([f"{head} {{", "entry:", *self.slots, *self.lines, "  ret void", "}"])
