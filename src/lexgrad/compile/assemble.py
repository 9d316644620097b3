"""A whole program as LLVM text: functions, kernels, the barrier, and the loop over steps that every thread runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lexgrad.compile.emit import SCRATCH, KernelText
from lexgrad.compile.functions import functions
from lexgrad.compile.loops import Kernel
from lexgrad.compile.packing import Format
from lexgrad.compile.products import MicroKernels, Tiles
from lexgrad.compile.profile import Clock
from lexgrad.compile.writer import LOOP_HINTS, Writer, size_name
from lexgrad.graph import DType

# A barrier that any number of threads may use again and again: a count of those that have arrived and, in a cache
# line of its own, the number of the meeting. The last to arrive opens it; the others spin, and let other work run
# now and then, for there may be fewer processors than threads.
_BARRIER = """
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.abs.i64(i64, i1)
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
  %low = and i64 %i1, 4095
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


def program_text(
    kernels: Sequence[Kernel],
    buffers: Mapping[str, DType],
    places: Mapping[str, object],
    sizes: Sequence[str],
    barriers: Sequence[bool],
    fp: str,
    tile: Tiles,
    format: Format,
    pause: str,
    fma: bool,
    scales: bool,
    clock: Clock | None = None,
) -> tuple[str, int]:
    """The whole module: functions, kernels, and ``program(table, steps, thread, threads, barrier)``.

    Returns also how many bytes of scratch memory each thread needs.

    ``table`` has a row for every step: the address of each buffer, then each named size. Every thread runs the
    program; before kernel ``i`` all threads meet where ``barriers[i]`` says so, and after every step. A ``clock``
    counts what each kernel takes.
    """
    parts = [functions(fp, fma, scales), _BARRIER.replace("PAUSE", f"  call void @{pause}" if pause else "")]
    if pause:
        parts.append(f"declare void @{pause.replace(' 1', '')}")
    products = MicroKernels(tile, fp, fma)
    texts = [KernelText(kernel, buffers, places, sizes, products, format) for kernel in kernels]
    parts += [text.text() for text in texts]
    scratch = max((text.scratch_bytes for text in texts), default=0)
    parts.append(products.text)
    if clock:
        parts.append(clock.text())
    parts.append(_program(texts, list(buffers), sizes, barriers, fp, scratch, clock))
    parts.append(LOOP_HINTS)
    return "\n\n".join(parts), scratch


def _program(
    texts: Sequence[KernelText],
    buffers: Sequence[str],
    sizes: Sequence[str],
    barriers: Sequence[bool],
    fp: str,
    scratch: int,
    clock: Clock | None,
) -> str:
    w = Writer(fp)
    w.begin("step", "0", "%steps")
    row = w.put(f"mul i64 {w.locals['step']}, {len(buffers) + len(sizes)}")
    row = w.put(f"getelementptr i64, ptr %table, i64 {row}")
    for i, name in enumerate(buffers):
        if name == SCRATCH:
            continue
        w.do(f"%B.{name} = load ptr, ptr {w.put(f'getelementptr i64, ptr {row}, i64 {i}')}")
    if scratch:
        all_threads = w.put(f"load ptr, ptr {w.put(f'getelementptr i64, ptr {row}, i64 {buffers.index(SCRATCH)}')}")
        own = w.put(f"mul i64 %thread, {scratch}")
        w.do(f"%B.{SCRATCH} = getelementptr i8, ptr {all_threads}, i64 {own}")
    for i, name in enumerate(sizes, len(buffers)):
        w.do(f"{size_name(name)} = load i64, ptr {w.put(f'getelementptr i64, ptr {row}, i64 {i}')}")
    if clock:
        clock.start(w, len(texts))
    for number, (text, meet) in enumerate(zip(texts, barriers, strict=True)):
        if meet:
            w.do("call void @barrier(ptr %barrier, i64 %threads)")
        if clock:
            clock.lap(w, 2 * number)
        _call(w, text, sizes)
        if clock:
            clock.lap(w, 2 * number + 1)
    w.do("call void @barrier(ptr %barrier, i64 %threads)")
    w.end()
    head = "define void @program(ptr %table, i64 %steps, i64 %thread, i64 %threads, ptr %barrier) {"
    return "\n".join([head, "entry:", *w.slots, *w.lines, "  ret void", "}"])


def _call(w: Writer, text: KernelText, sizes: Sequence[str]) -> None:
    """Call a kernel on this thread's shares, if it has any."""
    first, last = _shares(w, w.size(text.kernel.extent))
    number = w.number()
    some = w.put(f"icmp slt i64 {first}, {last}")
    buffers, named = (f"ptr %B.{name}" for name in text.buffers), (f"i64 {size_name(name)}" for name in sizes)
    arguments = ", ".join([f"i64 {first}", f"i64 {last}", *buffers, *named])
    w.do(f"br i1 {some}, label %run{number}, label %after{number}")
    w.block(f"run{number}")
    w.do(f"call void @{text.kernel.name}({arguments})")
    w.do(f"br label %after{number}")
    w.block(f"after{number}")


def _shares(w: Writer, total: str) -> tuple[str, str]:
    """Where this thread's shares begin and end: ``total / threads``, rounded up, of many shares to a multiple of 16.

    It depends on the number of shares and of threads alone; :func:`lexgrad.compile.memory.barriers` relies on that.
    """
    share = w.put(f"sub i64 {w.put(f'add i64 {total}, %threads')}, 1")
    share = w.put(f"sdiv i64 {share}, %threads")
    many = w.put(f"icmp sge i64 {total}, 256")
    rest = w.put(f"select i1 {many}, i64 15, i64 0")
    share = w.put(f"add i64 {share}, {rest}")
    share = w.put(f"and i64 {share}, {w.put(f'xor i64 {rest}, -1')}")
    start = w.put(f"mul i64 {share}, %thread")
    stop = w.put(f"add i64 {start}, {share}")
    first = w.put(f"call i64 @llvm.smin.i64(i64 {start}, i64 {total})")
    return first, w.put(f"call i64 @llvm.smin.i64(i64 {stop}, i64 {total})")
