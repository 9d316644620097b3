"""The micro-kernel of packed bf16 products for AMX: eight tile registers of 16 rows of 64 bytes, four of them sums."""

from __future__ import annotations

from lexgrad.compile.products import ROWS, MicroKernels

_CONFIGURATION = [1] + [0] * 15 + [64, 0] * 8 + [0] * 16 + [16] * 8 + [0] * 8
"""What ldtilecfg reads: palette 1; then for each tile the bytes of a row, in 16 bits each, and its rows, in 8."""


def tiles_on(kernels: MicroKernels) -> str:
    """Give the tile registers their shapes."""
    configure = kernels.declare("void", "llvm.x86.ldtilecfg", "ptr")
    values = ", ".join(f"i8 {byte}" for byte in _CONFIGURATION)
    kernels.texts["lg.tiles"] = f"@lg.tiles = internal constant [64 x i8] [{values}], align 64"
    lines = ["define internal void @lg.tiles.on() noinline {", f"  call void {configure}(ptr @lg.tiles)"]
    return kernels.add("lg.tiles.on", lambda: [*lines, "  ret void", "}"])


def tiles_off(kernels: MicroKernels) -> str:
    """Let the tile registers go, so that the system need not save them."""
    return kernels.declare("void", "llvm.x86.tilerelease", "")


def amx_kernel(kernels: MicroKernels) -> str:
    """As ``rows``, for 32 rows and 32 columns: lines of ``left``, of which all 32 are there, and a depth in 16s."""
    return kernels.add("lg.amx", lambda: _amx_kernel(kernels))


def _amx_kernel(kernels: MicroKernels) -> list[str]:
    load = kernels.declare("void", "llvm.x86.tileloadd64", "i8 immarg, ptr, i64")
    store = kernels.declare("void", "llvm.x86.tilestored64", "i8 immarg, ptr, i64")
    multiply = kernels.declare("void", "llvm.x86.tdpbf16ps", "i8 immarg, i8 immarg, i8 immarg")
    lines = [
        f"define internal void @lg.amx{ROWS} noinline {{",
        "entry:",
        *(f"  %{name}b = mul i64 %{name}, 4" for name in ("ai", "bk", "fs", "cs")),
        *(f"  %{name}16 = mul i64 %{name}b, 16" for name in ("ai", "bk", "fs", "cs")),
        "  %a1 = getelementptr i8, ptr %a, i64 %ai16",
        "  %b1 = getelementptr i8, ptr %b, i64 64",
    ]
    for base, name in (("from", "fs"), ("c", "cs")):
        for i, j in _SUMS:
            lines.append(f"  %{base}{i}.{j}r = getelementptr i8, ptr %{base}, i64 {f'%{name}16' if i else 0}")
            lines.append(f"  %{base}{i}.{j} = getelementptr i8, ptr %{base}{i}.{j}r, i64 {64 * j}")
    for number, (i, j) in enumerate(_SUMS):
        lines.append(f"  call void {load}(i8 {number}, ptr %from{i}.{j}, i64 %fsb)")
    lines += [
        "  %some = icmp sgt i64 %depth, 0",
        "  br i1 %some, label %loop, label %done",
        "loop:",
        "  %k = phi i64 [0, %entry], [%k1, %loop]",
        "  %ao = mul i64 %k, 4",
        "  %bo = mul i64 %k, %bkb",
    ]
    for side, offset, stride, number in (("a", "ao", "aib", 4), ("b", "bo", "bkb", 6)):
        for i, base in enumerate((side, f"{side}1")):
            lines.append(f"  %{side}p{i} = getelementptr i8, ptr %{base}, i64 %{offset}")
            lines.append(f"  call void {load}(i8 {number + i}, ptr %{side}p{i}, i64 %{stride})")
    for number, (i, j) in enumerate(_SUMS):
        lines.append(f"  call void {multiply}(i8 {number}, i8 {4 + i}, i8 {6 + j})")
    lines += ["  %k1 = add nuw nsw i64 %k, 16", "  %more = icmp slt i64 %k1, %depth"]
    lines += ["  br i1 %more, label %loop, label %done", "done:"]
    for number, (i, j) in enumerate(_SUMS):
        lines.append(f"  call void {store}(i8 {number}, ptr %c{i}.{j}, i64 %csb)")
    return [*lines, "  ret void", "}"]


_SUMS = ((0, 0), (0, 1), (1, 0), (1, 1))
