"""How operands of matrix products are packed: rows copied, rounded to bf16 or set side by side in pairs, or turned.

Packed entries take 4 bytes (8 in fp64): a float, or two bf16 that follow each other along the depth. A packed operand
is *lines*, in which what follows along the depth lies side by side, or *across*, in which rows or columns do.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from lexgrad.compile.machine import Processor, tiles_permitted
from lexgrad.compile.products import MicroKernels, clamped_rows, mask_lines
from lexgrad.errors import InputError


@dataclass(frozen=True)
class Format:
    """What packed operands hold and which micro-kernel takes them.

    Attributes:
        name: ``"plain"``: floats as they are; ``"rounded"``: floats with the precision of bf16; ``"avx512"`` and
            ``"amx"``: pairs of bf16 for the instructions of that name.
        pair: how many steps of the depth an entry holds.
        granule: the depth of a block, in entries, is rounded up to a multiple of this; the rest is zeros.
    """

    name: str
    pair: int = 1
    granule: int = 1

    @property
    def rounds(self) -> bool:
        """Whether operands are rounded to bf16."""
        return self.name != "plain"


PLAIN, ROUNDED = Format("plain"), Format("rounded")
AVX512, AMX = Format("avx512", 2), Format("amx", 2, 16)


def format_of(precision: str, processor: Processor) -> Format:
    """How operands are packed in a precision, for what the processor has and the system permits."""
    if precision != "bf16":
        return PLAIN
    if processor.has("amx-tile", "amx-bf16", "avx512bf16") and (not processor.here or tiles_permitted()):
        return AMX
    return AVX512 if processor.has("avx512bf16") and processor.vector_bits == 512 else ROUNDED


def require_bf16(processor: Processor) -> None:
    """Refuse a processor that does not multiply bf16 itself: rounding operands would only cost time there.

    Raises:
        InputError: it does not.
    """
    if format_of("bf16", processor) == ROUNDED:
        limit = os.environ.get("LEXGRAD_CPU", "")
        which = f"{processor.cpu} under LEXGRAD_CPU={limit}" if limit else processor.cpu
        raise InputError(f"precision 'bf16' needs a processor with AMX or AVX512-BF16; {which} has neither: use fp32")


WIDEST = 1024
"""The longest row, in entries, that is packed at a time."""


def zeros(kernels: MicroKernels) -> str:
    """A row of zeros."""
    kernels.texts["lg.zeros"] = f"@lg.zeros = internal constant [{WIDEST} x {kernels.fp}] zeroinitializer, align 64"
    return "@lg.zeros"


def to_bf16(kernels: MicroKernels) -> str:
    """A vector of floats rounded to bf16, to the nearest and then to the even one, as integers below 2^16.

    With an instruction where there is one; it takes subnormal numbers for 0, as those that multiply bf16 do.
    """
    lanes, vector = kernels.tile.lanes, kernels.vector
    ints = f"<{lanes} x i32>"

    def write() -> list[str]:
        def each(number: int) -> str:
            return "<" + ", ".join([f"i32 {number}"] * lanes) + ">"

        return [
            f"define internal {ints} @lg.bf16.bits({vector} %x) alwaysinline {{",
            f"  %u = bitcast {vector} %x to {ints}",
            f"  %t = lshr {ints} %u, {each(16)}",
            f"  %odd = and {ints} %t, {each(1)}",
            f"  %half = add {ints} %odd, {each(0x7FFF)}",
            f"  %sum = add {ints} %u, %half",
            f"  %r = lshr {ints} %sum, {each(16)}",
            f"  %nan = fcmp uno {vector} %x, zeroinitializer",
            f"  %y = select <{lanes} x i1> %nan, {ints} {each(0x7FC0)}, {ints} %r",
            f"  ret {ints} %y",
            "}",
        ]

    return kernels.add("lg.bf16.bits", write)


def to_bf16_by_instruction(kernels: MicroKernels) -> str:
    """``to_bf16`` where AVX512-BF16 is there."""
    convert = kernels.declare("<16 x bfloat>", "llvm.x86.avx512bf16.cvtneps2bf16.512", "<16 x float>")
    return kernels.add(
        "lg.bf16.bits",
        lambda: [
            "define internal <16 x i32> @lg.bf16.bits(<16 x float> %x) alwaysinline {",
            f"  %h = call <16 x bfloat> {convert}(<16 x float> %x)",
            "  %s = bitcast <16 x bfloat> %h to <16 x i16>",
            "  %y = zext <16 x i16> %s to <16 x i32>",
            "  ret <16 x i32> %y",
            "}",
        ],
    )


def row_kernel(kernels: MicroKernels, format: Format, across: bool) -> str:
    """``(ptr first, ptr second, i64 count, ptr to, i64 padded)``: pack a row of ``count`` floats.

    With pairs that are packed across, entry ``i`` is made of entry ``i`` of both rows, else of entries ``2 i`` and
    ``2 i + 1`` of the first. Zeros follow, up to ``padded`` floats of a row, in whole vectors.
    """
    both = across and format.pair == 2
    name = f"lg.pack.{format.name}{'.across' if both else ''}"
    return kernels.add(name, lambda: _row_kernel(kernels, format, name, both))


def _row_kernel(kernels: MicroKernels, format: Format, name: str, both: bool) -> list[str]:
    lanes, fp = kernels.tile.lanes, kernels.fp
    lines = [
        f"define internal void @{name}(ptr noalias %x, ptr noalias %y, i64 %n, ptr noalias %to, i64 %padded)",
        "  noinline {",
        "entry:",
        f"  %whole = and i64 %n, -{lanes}",
        "  %some = icmp sgt i64 %whole, 0",
        "  br i1 %some, label %loop, label %begin",
    ]
    for label, after, limit in (("loop", "begin", "whole"), ("tail", "done", "padded")):
        i = f"%i.{label}"
        start = "0, %entry" if label == "loop" else "%whole, %begin"
        if label == "tail":
            lines += ["begin:", "  %more = icmp slt i64 %whole, %padded", "  br i1 %more, label %tail, label %done"]
        lines += [f"{label}:", f"  {i} = phi i64 [{start}], [%n.{label}, %{label}]"]
        if label == "tail":
            lines += mask_lines(lanes, "m", "%n", i)
        for side in "xy" if both else "x":
            lines.append(f"  %{side}p.{label} = getelementptr {fp}, ptr %{side}, i64 {i}")
            pointer = f"%{side}p.{label}"
            load = (
                kernels.masked(pointer, "%m")
                if label == "tail"
                else f"load {kernels.vector}, ptr {pointer}, align {kernels.size}"
            )
            lines.append(f"  %{side}.{label} = {load}")
        lines += _packed_vector(kernels, format, label, both)
        lines += [f"  %n.{label} = add i64 {i}, {lanes}", f"  %c.{label} = icmp slt i64 %n.{label}, %{limit}"]
        lines.append(f"  br i1 %c.{label}, label %{label}, label %{after}")
    return [*lines, "done:", "  ret void", "}"]


def _packed_vector(kernels: MicroKernels, format: Format, label: str, both: bool) -> list[str]:
    """Store what becomes of the vectors ``%x.label`` and ``%y.label``."""
    lanes, fp, vector = kernels.tile.lanes, kernels.fp, kernels.vector
    if not format.rounds:
        to, type, value = fp, vector, f"%x.{label}"
        lines = []
    else:
        round = to_bf16(kernels) if format.pair == 1 else to_bf16_by_instruction(kernels)
        ints, shorts = f"<{lanes} x i32>", f"<{lanes} x i16>"
        by = "<" + ", ".join(["i32 16"] * lanes) + ">"
        lines = [f"  %h.{label} = call {ints} {round}({vector} %x.{label})"]
        if format.pair == 1:
            to, type, value = fp, ints, f"%r.{label}"
            lines.append(f"  %r.{label} = shl {ints} %h.{label}, {by}")
        elif both:
            to, type, value = "i32", ints, f"%r.{label}"
            lines += [
                f"  %g.{label} = call {ints} {round}({vector} %y.{label})",
                f"  %s.{label} = shl {ints} %g.{label}, {by}",
                f"  %r.{label} = or {ints} %h.{label}, %s.{label}",
            ]
        else:
            to, type, value = "i16", shorts, f"%r.{label}"
            lines.append(f"  %r.{label} = trunc {ints} %h.{label} to {shorts}")
    return [
        *lines,
        f"  %p.{label} = getelementptr {to}, ptr %to, i64 %i.{label}",
        f"  store {type} {value}, ptr %p.{label}, align 2",
    ]


def turn_kernel(kernels: MicroKernels, part: bool) -> str:
    """``(ptr from, i64 stride, ptr to, i64 stride)``: a square block of entries, transposed.

    Of a ``part``, also ``(…, i64 last, i64 count)``: the number of its last row and the entries of each that exist.
    """
    name = f"lg.turn{'.part' if part else ''}"
    return kernels.add(name, lambda: _turn_kernel(kernels, name, part))


def _turn_kernel(kernels: MicroKernels, name: str, part: bool) -> list[str]:
    """Blocks of half the size swap places across the diagonal, then blocks of a quarter, down to single entries."""
    lanes, fp, vector = kernels.tile.lanes, kernels.fp, kernels.vector
    of_part = ", i64 %last, i64 %count" if part else ""
    lines = [f"define internal void @{name}(ptr noalias %x, i64 %xs, ptr noalias %y, i64 %ys{of_part}) noinline {{"]
    if part:
        lines += [*clamped_rows(lanes, "x", "xs", "last", fp), *mask_lines(lanes, "m", "%count", "0")]
    names = []
    for i in range(lanes):
        if not part:
            lines += [f"  %xo{i} = mul i64 %xs, {i}", f"  %x{i} = getelementptr {fp}, ptr %x, i64 %xo{i}"]
        whole = f"load {vector}, ptr %x{i}, align {kernels.size}"
        lines.append(f"  %v{i} = {kernels.masked(f'%x{i}', '%m') if part else whole}")
        names.append(f"%v{i}")
    far = lanes // 2
    while far:
        fresh = list(names)
        for i in range(lanes):
            if i & far:
                continue
            upper = [lane + lanes - far if lane & far else lane for lane in range(lanes)]
            lower = [lane + lanes if lane & far else lane + far for lane in range(lanes)]
            for row, picks in ((i, upper), (i + far, lower)):
                mask = "<" + ", ".join(f"i32 {pick}" for pick in picks) + ">"
                fresh[row] = f"%s{far}.{row}"
                x, y = names[i], names[i + far]
                lines.append(f"  {fresh[row]} = shufflevector {vector} {x}, {vector} {y}, <{lanes} x i32> {mask}")
        names = fresh
        far //= 2
    for i, value in enumerate(names):
        lines += [f"  %yo{i} = mul i64 %ys, {i}", f"  %yp{i} = getelementptr {fp}, ptr %y, i64 %yo{i}"]
        lines.append(f"  store {vector} {value}, ptr %yp{i}, align {kernels.size}")
    return [*lines, "  ret void", "}"]
