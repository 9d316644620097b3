"""Text of functions over rows of floats in vectors of 16: memory, arithmetic and control, for programs of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lexgrad.compile.machine import Processor
from lexgrad.compile.writer import Writer

LANES = 16
"""Partial sums of a dot product, on every processor: so that all that multiply and add at once get the same bits."""


def whole(number: int) -> int:
    """``number`` rounded up to whole vectors."""
    return -(-number // LANES) * LANES


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


class VectorCode(Writer):
    """Writes one function over rows of d floats.

    Args:
        dimensions: d.
        processor: what the code is for.
    """

    def __init__(self, dimensions: int, processor: Processor) -> None:
        super().__init__("float")
        self.dimensions = dimensions
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
        d, pieces, start = self.dimensions, [], 0
        for lanes in (LANES, 8, 4, 2, 1):
            while d - start >= lanes:
                pieces.append((start, lanes))
                start += lanes
        return pieces

    def prefetch(self, row: str) -> None:
        """Ask for the cache lines of a row ahead of time."""
        for offset in range(0, self.dimensions * 4, 64):
            place = self.put(f"getelementptr i8, ptr {row}, i64 {offset}")
            self.do(f"call void @llvm.prefetch.p0(ptr {place}, i32 1, i32 3, i32 1)")

    def function(self, head: str) -> str:
        """The whole function."""
        return "\n".join([f"{head} {{", "entry:", *self.slots, *self.lines, "  ret void", "}"])
