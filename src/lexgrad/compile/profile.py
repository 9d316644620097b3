"""Where the time of a program goes: counters around every kernel, and the table that is made of them.

A profiled program is other machine code, under another key of the object cache; one that is not profiled has no trace
of it. ``LEXGRAD_DEBUG=profile`` profiles every program of a process, and prints the tables when it ends.
"""

from __future__ import annotations

import atexit
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.compile.loops import (
    Apply,
    Expression,
    Extent,
    InPlace,
    Kernel,
    Let,
    Load,
    Local,
    Loop,
    Number,
    Part,
    Product,
    Statement,
    Store,
    expressions,
)
from lexgrad.compile.machine import Processor
from lexgrad.compile.repeat import Step, kernels_of, times_of
from lexgrad.compile.writer import Writer
from lexgrad.debugging import asked
from lexgrad.errors import InputError
from lexgrad.graph import DType, Node, Size, resolve

_COUNTERS = {"x86_64": "llvm.readcyclecounter", "aarch64": "llvm.readsteadycounter", "arm64": "llvm.readsteadycounter"}


class Clock:
    """Writes the reading of a processor's counter into LLVM text.

    Raises:
        InputError: the processor has none that may be read.
    """

    def __init__(self, processor: Processor) -> None:
        family = processor.triple.split("-")[0]
        if family not in _COUNTERS:
            raise InputError(f"a profile needs a processor with a counter ({', '.join(_COUNTERS)}); this is {family}")
        self.counter = _COUNTERS[family]
        self.last = self.row = ""

    def text(self) -> str:
        """The function ``ticks``, by which the counter is held against the clock on the wall."""
        return (
            f"declare i64 @{self.counter}()\n\ndefine i64 @ticks() {{\n"
            f"  %t = call i64 @{self.counter}()\n  ret i64 %t\n}}"
        )

    def start(self, w: Writer, laps: str, kernels: int) -> None:
        """Begin the first lap of this thread."""
        self.last = w.slot("i64")
        row = w.put(f"mul i64 %thread, {2 * kernels}")
        self.row = w.put(f"getelementptr i64, ptr {laps}, i64 {row}")
        now = w.put(f"call i64 @{self.counter}()")
        w.do(f"store i64 {now}, ptr {self.last}")

    def lap(self, w: Writer, number: int) -> None:
        """Add what has passed since the last lap to count ``number``, and begin the next."""
        now = w.put(f"call i64 @{self.counter}()")
        before = w.put(f"load i64, ptr {self.last}")
        passed = w.put(f"sub i64 {now}, {before}")
        place = w.put(f"getelementptr i64, ptr {self.row}, i64 {number}")
        count = w.put(f"load i64, ptr {place}")
        count = w.put(f"add i64 {count}, {passed}")
        w.do(f"store i64 {count}, ptr {place}")
        w.do(f"store i64 {now}, ptr {self.last}")


@dataclass(frozen=True)
class Row:
    """What one kernel took, for one step.

    Attributes:
        kernel: its name.
        seconds: by thread, at work.
        waiting: by thread, in seconds, until the others were done with what it needs.
        share: the part of the step's time, work and waiting, of the thread that had most of it.
        bytes: read and written: every entry it touches, once.
        flops: floating-point operations of its matrix product; 0 if it has none.
        comment: what it computes.
    """

    kernel: str
    seconds: tuple[float, ...]
    waiting: tuple[float, ...]
    share: float
    bytes: int
    flops: int
    comment: str


@dataclass(frozen=True)
class Profile:
    """Where the time of a step went; prints as a table.

    Attributes:
        name: of the graph.
        steps: how many were measured.
        seconds: of one step.
        rows: the kernels, in the order in which they run.
    """

    name: str
    steps: int
    seconds: float
    rows: tuple[Row, ...]

    def __str__(self) -> str:
        threads = len(self.rows[0].seconds) if self.rows else 1
        head = "".join(f"{f'µs {thread}':>10}{'waits':>8}" for thread in range(threads))
        lines = [
            f"{self.name}: {self.seconds * 1e6:.1f} µs a step, mean of {self.steps}, threads: {threads}",
            f"  share{head}{'MB':>10}{'GB/s':>8}{'GFLOP/s':>9}  kernel",
        ]
        return "\n".join([*lines, *map(_line, self.rows)])


def _line(row: Row) -> str:
    longest = max(row.seconds)
    times = "".join(f"{t * 1e6:10.2f}{wait * 1e6:8.2f}" for t, wait in zip(row.seconds, row.waiting, strict=True))
    rates = [f"{amount / longest / 1e9:.1f}" if amount and longest else "" for amount in (row.bytes, row.flops)]
    return f"{row.share:7.1%}{times}{row.bytes / 1e6:10.3f}{rates[0]:>8}{rates[1]:>9}  {row.kernel}  # {row.comment}"


class Laps:
    """The counts of a profiled program over its launches.

    Args:
        name: of the graph.
        steps: of the program.
        buffers: the node whose value each buffer holds.
        dtypes: how wide numbers are.
        ticks: reads the processor's counter.
    """

    def __init__(
        self,
        name: str,
        steps: Sequence[Step],
        buffers: Mapping[str, Node],
        dtypes: Mapping[DType, np.dtype[Any]],
        ticks: Callable[[], int],
    ) -> None:
        self.name, self.ticks = name, ticks
        self.kernels, self.times = list(kernels_of(steps)), list(times_of(steps))
        self.widths = {buffer: dtypes[node.type.dtype].itemsize for buffer, node in buffers.items()}
        self.buffers: dict[str, Size] = {buffer: node.type.size for buffer, node in buffers.items()}
        self.counts = np.zeros((1, len(self.kernels), 2), np.int64)
        if asked("profile"):
            atexit.register(lambda: print(self.profile(), file=sys.stderr) if self.steps else None)
        self.begun = time.perf_counter(), ticks()
        self.steps, self.threads = 0, 1
        self.sizes: Mapping[str, int] = {}

    def room(self, threads: int) -> NDArray[np.int64]:
        """Where that many threads count."""
        more = threads - len(self.counts)
        if more > 0:
            self.counts = np.pad(self.counts, [(0, more), (0, 0), (0, 0)])
        return self.counts

    def launched(self, steps: int, threads: int, sizes: Mapping[str, int]) -> None:
        """Note a launch; traffic is told for the sizes of the latest."""
        self.steps += steps
        self.threads = max(self.threads, threads)
        self.sizes = sizes

    def profile(self) -> Profile:
        """What has been counted so far."""
        seconds, ticks = time.perf_counter() - self.begun[0], self.ticks() - self.begun[1]
        spent = self.counts[: self.threads] * (seconds / max(ticks, 1) / max(self.steps, 1))
        whole = float(spent.sum(axis=(1, 2)).max()) if self.kernels else 0.0
        rows = [self._row(i, spent[:, i], whole) for i in range(len(self.kernels))]
        return Profile(self.name, self.steps, whole, tuple(rows))

    def _row(self, number: int, spent: NDArray[np.floating[Any]], whole: float) -> Row:
        kernel, times = self.kernels[number], resolve(self.times[number], self.sizes)
        moved, flops = (times * each for each in traffic(kernel, self.widths, self.buffers, self.sizes))
        share = float(spent.sum(axis=1).max()) / whole if whole else 0.0
        waiting, running = tuple(spent[:, 0].tolist()), tuple(spent[:, 1].tolist())
        return Row(kernel.name, running, waiting, share, moved, flops, kernel.comment)


# --- what a kernel moves and multiplies


def traffic(
    kernel: Kernel, widths: Mapping[str, int], buffers: Mapping[str, Size], sizes: Mapping[str, int]
) -> tuple[int, int]:
    """The bytes that a kernel touches, each read once and written once, and the operations of its products.

    Args:
        kernel: which one.
        widths: bytes of an entry of each buffer.
        buffers: how many entries each has; at most those are touched, and at most as many as loads and stores ask for.
        sizes: the named sizes.
    """
    count = _Counter(kernel, sizes)
    count.statements(kernel.body, 1)
    moved = 0
    for (buffer, _), entries in count.touched.items():
        size = buffers.get(buffer)
        moved += widths.get(buffer, 8) * (entries if size is None else min(entries, resolve(size, sizes)))
    return moved, count.flops


class _Counter:
    def __init__(self, kernel: Kernel, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes
        self.ends = {"first": 0, "last": resolve(kernel.extent, sizes)}
        self.touched: dict[tuple[str, str], int] = {}
        self.flops = 0

    def statements(self, statements: Sequence[Statement], times: int) -> None:
        for statement in statements:
            self.statement(statement, times)

    def statement(self, statement: Statement, times: int) -> None:
        for expression in expressions(statement):
            for load in _loads(expression):
                self.touch(load.buffer, "read", times)
        if isinstance(statement, Store):
            self.touch(statement.buffer, "write", times)
        if isinstance(statement, Loop):  # what is inside an Unless is a copy that an update in place is spared
            trips = max(0, self.number(statement.stop) - self.number(statement.start))
            if any(_loads(statement.stop)):  # parts of one whole, as the tokens of a text
                times, trips = 1, self.number(statement.stop)
            self.statements(statement.body, times * trips)
        elif isinstance(statement, Product):
            rows, columns = (
                self.number(stop) - self.number(start) for start, stop in (statement.rows, statement.columns)
            )
            depth = self.number(statement.depth)
            self.flops += times * 2 * rows * columns * depth
            for operand, entries in ((statement.left, rows * depth), (statement.right, depth * columns)):
                if isinstance(operand, InPlace):
                    self.touch(operand.buffer, "read", times * entries)
                else:
                    self.statements((*operand.body, Let("", operand.value)), times * entries)
            self.statements(statement.epilogue, times * rows * columns)
        elif isinstance(statement, Part):
            self.statements(statement.kernel.body, times)

    def touch(self, buffer: str, how: str, entries: int) -> None:
        self.touched[buffer, how] = self.touched.get((buffer, how), 0) + entries

    def number(self, expression: Expression) -> int:
        """The value of a bound; of one that is read from memory, the most that it can be."""
        match expression:
            case Number(value):
                return int(value)
            case Extent(size):
                return resolve(size, self.sizes)
            case Local(name):
                return self.ends.get(name, 0)
            case Apply(operation, operands) if operation in _ARITHMETIC:
                known = [operand for operand in operands if not isinstance(operand, Load)]
                return _ARITHMETIC[operation]([self.number(operand) for operand in known])
        return 0


_ARITHMETIC: dict[str, Callable[[list[int]], int]] = {
    "add": sum,
    "subtract": lambda x: x[0] - x[-1] if len(x) > 1 else x[0],
    "multiply": lambda x: x[0] * x[-1],
    "minimum": min,
    "maximum": max,
}


def _loads(expression: Expression) -> Iterator[Load]:
    if isinstance(expression, Load):
        yield expression
        yield from _loads(expression.offset)
    elif isinstance(expression, Apply):
        for operand in expression.operands:
            yield from _loads(operand)
