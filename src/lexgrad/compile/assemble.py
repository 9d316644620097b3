"""A whole program as LLVM text: functions, kernels, the barrier, and the loop over steps that every thread runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from lexgrad.compile.arrays import LAPS, SCRATCH, STATUS
from lexgrad.compile.emit import KernelText
from lexgrad.compile.functions import functions
from lexgrad.compile.packing import Format
from lexgrad.compile.products import MicroKernels, Tiles
from lexgrad.compile.profile import Clock
from lexgrad.compile.repeat import Before, Cut, Repeat, Row, Rows, Same, Step, Turns, Where, effort, kernels_of
from lexgrad.compile.texts import Texts
from lexgrad.compile.writer import LOOP_HINTS, Stored, Writer, size_name
from lexgrad.graph import Size

# A barrier that any number of threads may use again and again: a count of those that have arrived and, in a cache
# line of its own, the number of the meeting. The last to arrive opens it; the others spin, and let other work run
# now and then, for there may be fewer processors than threads.
_BARRIER = """
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.abs.i64(i64, i1)
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
declare void @lexgrad_yield()

define internal void @barrier(ptr %state, i64 %threads) noinline {
entry:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %done, label %enter
enter:
  %phase = getelementptr i64, ptr %state, i64 8
  %mine = load atomic i64, ptr %phase acquire, align 8
  %old = atomicrmw add ptr %state, i64 1 acq_rel
  %arrived = add i64 %old, 1
  %final = icmp eq i64 %arrived, %threads
  br i1 %final, label %open, label %spin
open:
  store atomic i64 0, ptr %state release, align 8
  %next = add i64 %mine, 1
  store atomic i64 %next, ptr %phase release, align 8
  br label %done
spin:
  %i = phi i64 [0, %enter], [%i1, %pause]
  %now = load atomic i64, ptr %phase acquire, align 8
  %go = icmp ne i64 %now, %mine
  br i1 %go, label %done, label %again
again:
  %i1 = add i64 %i, 1
  %low = and i64 %i1, 127
  %tired = icmp eq i64 %low, 0
  br i1 %tired, label %yield, label %pause
yield:
  call void @lexgrad_yield()
  br label %pause
pause:
PAUSE
  br label %spin
done:
  ret void
}
"""


_ONCE = """\
define i64 @once(ptr %table) {
  %place = getelementptr i64, ptr %table, i64 STATUS
  %status = load ptr, ptr %place
  store i64 0, ptr %status
  call void @program(ptr %table, i64 1, i64 0, i64 1, ptr null) noinline
  %failed = load i64, ptr %status
  ret i64 %failed
}"""

FEW = 16
"""Kernels of a program that looks up all its buffers when a step begins: such steps may take nanoseconds."""

LIGHT = 50_000
"""Effort of a step of a loop, see :func:`lexgrad.compile.repeat.effort`, below which one thread goes through it alone:
meeting the others would take longer."""


def barrier_text(pause: str) -> str:
    """``barrier(state, threads)``, at which threads wait for each other; ``pause`` is what waiting calls."""
    text = _BARRIER.replace("PAUSE", f"  call void @{pause}" if pause else "")
    return text + (f"declare void @{pause.replace(' 1', '')}\n" if pause else "")


def program_text(
    steps: Sequence[Step],
    buffers: Mapping[str, Stored],
    table: Sequence[str],
    places: Mapping[str, object],
    sizes: Sequence[str],
    meetings: Collection[str],
    fp: str,
    tile: Tiles,
    format: Format,
    pause: str,
    fma: bool,
    scales: bool,
    clock: Clock | None = None,
) -> tuple[str, int]:
    """The whole module: functions, kernels, ``program(table, steps, thread, threads, barrier)`` and ``once(table)``.

    Returns also how many bytes of scratch memory each thread needs.

    ``table`` has a row for every step: the address of each of these buffers, then each named size. Every thread runs
    the program; before kernels among ``meetings`` all threads meet, and before and behind loops and after every step.
    ``once`` is a single step on a single thread, and returns which check failed: Python hands over one argument sooner
    than five, and looks at a number sooner than into memory. A ``clock`` counts what each kernel takes.
    """
    parts = [functions(fp, fma, scales), barrier_text(pause)]
    products = MicroKernels(tile, fp, fma)
    texts = Texts(buffers, places, sizes, products, format)
    kernels = {kernel.name: texts.write(kernel) for kernel in kernels_of(steps)}
    parts += [*texts.texts, products.text]
    if clock:
        parts.append(clock.text())
    parts.append(_Program(kernels, buffers, sizes, meetings, fp, clock).text(steps, table, texts.scratch_bytes))
    parts.append(_ONCE.replace("STATUS", str(table.index(STATUS))))
    parts.append(LOOP_HINTS)
    return "\n\n".join(parts), texts.scratch_bytes


class _Program(Writer):
    """Writes the function that every thread runs.

    Attributes:
        thread: the LLVM value of the number of this thread.
        threads: that of how many there are.
        first_row: where the rows of a step of a packed loop begin.
    """

    def __init__(
        self,
        texts: Mapping[str, KernelText],
        dtypes: Mapping[str, Stored],
        sizes: Sequence[str],
        meetings: Collection[str],
        fp: str,
        clock: Clock | None,
    ) -> None:
        super().__init__(fp)
        self.texts, self.dtypes, self.sizes, self.meetings, self.clock = texts, dtypes, sizes, meetings, clock
        self.numbers = {name: number for number, name in enumerate(texts)}
        self.thread, self.threads = "%thread", "%threads"
        self.row, self.scratch = "", 0
        self.table: dict[str, int] = {}
        self.cuts: dict[Size, tuple[str, str]] = {}  # this thread's shares, of each number of them so far
        self.first_row = "0"

    def text(self, steps: Sequence[Step], table: Sequence[str], scratch: int) -> str:
        """The function, given the buffers whose addresses are in a row of the table, and each thread's scratch."""
        self.begin("step", "0", "%steps")
        row = self.put(f"mul i64 {self.locals['step']}, {len(table) + len(self.sizes)}")
        row = self.row = self.put(f"getelementptr i64, ptr %table, i64 {row}")
        self.table = {name: i for i, name in enumerate(table)}
        self.scratch = scratch
        if len(self.texts) <= FEW:
            for name in table:
                self.define(name, self.pointer(name))
            self.table = {}
        for i, name in enumerate(self.sizes, len(table)):
            self.do(f"{size_name(name)} = load i64, ptr {self.put(f'getelementptr i64, ptr {row}, i64 {i}')}")
        if self.clock:
            self.clock.start(self, self.pointer(LAPS), len(self.texts))
        self.steps(steps)
        self.meet()
        self.end()
        head = "define void @program(ptr %table, i64 %steps, i64 %thread, i64 %threads, ptr %barrier) {"
        return "\n".join([head, "entry:", *self.slots, *self.lines, "  ret void", "}"])

    def meet(self) -> None:
        """All threads that are here wait for each other."""
        self.do(f"call void @barrier(ptr %barrier, i64 {self.threads})")

    def steps(self, steps: Sequence[Step]) -> None:
        """Write steps one after the other."""
        for step in steps:
            if isinstance(step, Repeat):
                self.repeat(step)
                continue
            if step.name in self.meetings:
                self.meet()
            if self.clock:
                self.clock.lap(self, 2 * self.numbers[step.name])
            self.call(self.texts[step.name])
            if self.clock:
                self.clock.lap(self, 2 * self.numbers[step.name] + 1)

    def call(self, text: KernelText) -> None:
        """Call a kernel on this thread's shares, if it has any."""
        extent = text.kernel.extent
        if extent not in self.cuts:
            self.cuts[extent] = self.shares(self.size(extent))
        first, last = self.cuts[extent]
        number = self.number()
        some = self.put(f"icmp slt i64 {first}, {last}")
        self.do(f"br i1 {some}, label %run{number}, label %after{number}")
        self.block(f"run{number}")
        buffers = [f"ptr {self.pointer(name)}" for name in text.buffers]
        named = (f"i64 {self.size_value(name)}" for name in self.sizes)
        arguments = ", ".join([f"i64 {first}", f"i64 {last}", *buffers, *named])
        self.do(f"call void @{text.function}({arguments})")
        self.do(f"br label %after{number}")
        self.block(f"after{number}")

    def pointer(self, name: str) -> str:
        """Where a buffer begins; those of the table are looked up when they are asked for: registers hold but a few."""
        if name not in self.table:
            return f"%B.{name}"
        address = self.put(f"load ptr, ptr {self.put(f'getelementptr i64, ptr {self.row}, i64 {self.table[name]}')}")
        if name == SCRATCH:
            own = self.put(f"mul i64 %thread, {self.scratch}")
            address = self.put(f"getelementptr i8, ptr {address}, i64 {own}")
        return address

    def shares(self, total: str) -> tuple[str, str]:
        """Where this thread's shares begin and end: ``total / threads``, rounded up, of many to a multiple of 8 or 16.

        It depends on the number of shares and of threads alone; :func:`lexgrad.compile.memory.meetings` relies on it.
        """
        share = self.put(f"sub i64 {self.put(f'add i64 {total}, {self.threads}')}, 1")
        share = self.put(f"sdiv i64 {share}, {self.threads}")
        rest = "0"
        for many, multiple in (256, 8), (1024, 16):
            enough = self.put(f"icmp sge i64 {total}, {many}")
            rest = self.put(f"select i1 {enough}, i64 {multiple - 1}, i64 {rest}")
        share = self.put(f"add i64 {share}, {rest}")
        share = self.put(f"and i64 {share}, {self.put(f'xor i64 {rest}, -1')}")
        start = self.put(f"mul i64 {share}, {self.thread}")
        stop = self.put(f"add i64 {start}, {share}")
        first = self.put(f"call i64 @llvm.smin.i64(i64 {start}, i64 {total})")
        return first, self.put(f"call i64 @llvm.smin.i64(i64 {stop}, i64 {total})")

    # --- loops

    def repeat(self, loop: Repeat) -> None:
        """Write a loop: where its buffers are at each step, and its kernels; light ones are for the first thread."""
        self.meet()
        length = self.size(loop.length)
        outside = self.thread, self.threads, self.cuts
        light = self.put(f"icmp slt i64 {self.size(effort(loop.steps))}, {LIGHT}")
        idle = self.put(f"and i1 {light}, {self.put(f'icmp ne i64 {self.thread}, 0')}")
        self.threads = self.put(f"select i1 {light}, i64 1, i64 {self.threads}")
        self.cuts = {}
        self.begin(loop.name, "0", self.put(f"select i1 {idle}, i64 0, i64 {length}"))
        if loop.rows:
            self.cut(loop.rows, self.locals[loop.name], length, loop.reverse)
        for name, where in loop.where.items():
            self.define(name, self.address(where, self.dtypes[name], self.locals[loop.name], length, loop.reverse))
        self.steps(loop.steps)
        if loop.rows:
            del self.named[loop.rows.name]
        self.end()
        self.thread, self.threads, self.cuts = outside
        for name, before in loop.ended.items():
            self.define(name, self.address(before, self.dtypes[name], length, length, loop.reverse))
        self.meet()

    def cut(self, rows: Rows, step: str, length: str, reverse: bool) -> None:
        """Look up which rows a step has, never any that do not exist; all threads meet, for they share them anew."""
        self.meet()
        place = self.put(f"sub i64 {self.put(f'sub i64 {length}, 1')}, {step}") if reverse else step
        offset = self.put(f"getelementptr i64, ptr {self.pointer(rows.offsets)}, i64 {place}")
        begin, end = (
            self.put(f"load i64, ptr {at}") for at in (offset, self.put(f"getelementptr i64, ptr {offset}, i64 1"))
        )
        self.first_row = self.between(begin, self.size(rows.all))
        left = self.put(f"sub i64 {self.size(rows.all)}, {self.first_row}")
        most = self.put(f"call i64 @llvm.smin.i64(i64 {left}, i64 {self.size(rows.most)})")
        self.named[rows.name] = self.between(self.put(f"sub i64 {end}, {begin}"), most)

    def between(self, number: str, most: str) -> str:
        """``number``, or the nearest one from 0 up to ``most``."""
        number = self.put(f"call i64 @llvm.smin.i64(i64 {number}, i64 {most})")
        return self.put(f"call i64 @llvm.smax.i64(i64 {number}, i64 0)")

    def define(self, name: str, address: str) -> None:
        """Give an address the name of a buffer."""
        self.do(f"%B.{name} = getelementptr i8, ptr {address}, i64 0")

    def address(self, where: Where, dtype: Stored, step: str, length: str, reverse: bool) -> str:
        """Where a buffer is at a step, counted from 0 in either direction."""
        match where:
            case Same(buffer):
                return self.pointer(buffer)
            case Row(buffer, size):
                row = self.put(f"sub i64 {self.put(f'sub i64 {length}, 1')}, {step}") if reverse else step
                entries = self.put(f"mul i64 {row}, {self.size(size)}")
                return self.put(f"getelementptr {self.memory(dtype)}, ptr {self.pointer(buffer)}, i64 {entries}")
            case Cut(buffer, size):
                entries = self.put(f"mul i64 {self.first_row}, {self.size(size)}")
                return self.put(f"getelementptr {self.memory(dtype)}, ptr {self.pointer(buffer)}, i64 {entries}")
            case Turns(even, odd):
                second = self.put(f"trunc i64 {step} to i1")
                return self.put(f"select i1 {second}, ptr {self.pointer(odd)}, ptr {self.pointer(even)}")
            case Before(initial, now):
                first = self.put(f"icmp eq i64 {step}, 0")
                before = self.address(now, dtype, self.put(f"sub i64 {step}, 1"), length, reverse)
                return self.put(f"select i1 {first}, ptr {self.pointer(initial)}, ptr {before}")
