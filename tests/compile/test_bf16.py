"""bf16: operands of matrix products rounded, sums in fp32, by every kind of instruction that there is for it."""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile.arrays import Precision
from lexgrad.compile.machine import elsewhere, host, limited
from lexgrad.compile.packing import AMX, AVX512, ROUNDED, format_of, require_bf16
from lexgrad.errors import InputError
from lexgrad.evaluate import Interpreter, round_to_bf16
from lexgrad.graph import Dim, Graph, Node, Size
from tests.comparing import assert_same_values
from tests.compile.running import PROCESSORS, Array, graph_of, reals
from tests.compile.test_matrices import EDGES, agree, edges, expected, operands, products, small

TOLERANCE = 1e-5
"""Of sums of a thousand terms of about 1: both sides round the same operands, and add up in an order of their own.

Where AVX512-BF16 or AMX adds up, a sum is rounded once for two terms, and what is too small for fp32 becomes 0.
"""
ANY = products(Dim("rows"), Dim("depth"), Dim("columns"))


# --- rounding


def test_the_nearest_number_and_the_even_one_of_two() -> None:
    step = 2.0**-7
    given = [1.0, 1 + step / 2, 1 + step * 1.5, 1 + step * 0.51, -1 - step / 2, 3.4e38, -np.inf, 1e-40, -0.0]
    wanted = [1.0, 1.0, 1 + 2 * step, 1 + step, -1.0, np.inf, -np.inf, 2.0**-133, -0.0]
    rounded = round_to_bf16(np.array(given, np.float32))
    np.testing.assert_allclose(rounded, wanted, rtol=0, atol=1e-43)
    assert np.signbit(rounded[-1])
    assert np.isnan(round_to_bf16(np.array([np.nan, np.float32(np.nan)]))).all()


@pytest.mark.parametrize("limit", PROCESSORS)
def test_vectors_are_rounded_too(limit: str) -> None:
    graph = graph_of(lambda x, v: {"xv": x @ v, "vv": v @ v}, x=reals(5, 40), v=reals(40))
    generator = np.random.default_rng(0)
    values = {"x": generator.normal(size=(5, 40)), "v": generator.normal(size=40)}
    found = Program(graph, "bf16", processor=limited(limit)).run(values)
    assert_same_values(found, Interpreter(graph, "bf16").run(values), TOLERANCE)
    assert abs(found["vv"] - values["v"] @ values["v"]) > 1e-4  # it is not fp32


def test_all_but_products_is_fp32() -> None:
    graph = graph_of(lambda x: {"sum": ops.sum(x * x), "tanh": ops.tanh(x)}, x=reals(100))
    values = {"x": np.linspace(-1, 1, 100)}
    assert Program(graph, "bf16").llvm == Program(graph, "fp32").llvm
    assert_same_values(Interpreter(graph, "bf16").run(values), Interpreter(graph, "fp32").run(values), 0)


# --- products


@pytest.mark.parametrize("limit", PROCESSORS)
@pytest.mark.usefixtures("small_work")
def test_products_of_any_sizes(limit: str) -> None:
    program = Program(ANY, "bf16", threads=1, processor=limited(limit))
    agree(program, small())
    agree(program, [size for size in edges() if size[0] in EDGES[::3]])


def agree_with_interpreter(program: Program, *sizes: tuple[int, int, int]) -> None:
    """Compare where operands have to be rounded."""
    for rows, depth, columns in sizes:
        values = {name: np.sin(value * 7.0) for name, value in operands(rows, depth, columns).items()}
        found, wanted = program.run(values), Interpreter(program.graph, "bf16").run(values)
        scale = {name: max(1.0, float(np.abs(value).max(initial=0))) for name, value in wanted.items()}
        for name in wanted.keys() - {"signs"}:
            np.testing.assert_allclose(found[name] / scale[name], wanted[name] / scale[name], atol=TOLERANCE)


@pytest.mark.parametrize("limit", PROCESSORS)
def test_products_mean_what_the_interpreter_says(limit: str) -> None:
    agree_with_interpreter(Program(ANY, "bf16", 2, processor=limited(limit)), (31, 1030, 50), (3, 5, 300))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so small that small products have many of them."""
    blocking = importlib.import_module("lexgrad.compile.blocking")
    for name, value in {"DEEP": 32, "WIDE": 96, "ROOM": 2000, "LEFT": 1000, "NARROW": 48}.items():
        monkeypatch.setattr(blocking, name, value)


def pack_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pack operands also where they could be read as they lie."""
    emit = importlib.import_module("lexgrad.compile.emit")
    monkeypatch.setattr(emit.KernelText, "product", emit.write_packed)


@pytest.mark.parametrize("precision", ["fp32", "fp64", "bf16"])
@pytest.mark.parametrize("limit", PROCESSORS)
@pytest.mark.usefixtures("small_work", "small_blocks")
def test_many_blocks(limit: str, precision: Precision, monkeypatch: pytest.MonkeyPatch) -> None:
    pack_everything(monkeypatch)
    program = Program(ANY, precision, threads=1, processor=limited(limit))
    agree(program, [*list(small())[::5], (47, 31, 193), (65, 100, 97), (7, 300, 49), (193, 64, 5)])


@pytest.mark.usefixtures("small_work")
def test_packing_changes_no_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {name: np.sin(value * 7.0) for name, value in operands(37, 600, 70).items()}
    plain = Program(ANY, "fp32", 2).run(values)
    pack_everything(monkeypatch)
    packed = Program(ANY, "fp32", 2).run(values)
    np.testing.assert_array_equal(packed["plain"], plain["plain"])


def computed(tall: Size, deep: Size, wide: Size) -> Graph:
    """Products whose operands are computed, on either side, along the depth and across it."""

    def outputs(x: Node, xt: Node, y: Node, yt: Node, z: Node, w: Node) -> dict[str, Node]:
        return {
            "left": ops.relu(x - 1.0) @ z,
            "left across": ops.relu(xt - 1.0).T @ z,
            "right": w @ ops.relu(y + 1.0),
            "right turned": w @ ops.relu(yt + 1.0).T,
        }

    shapes = {
        "x": (tall, deep),
        "xt": (deep, tall),
        "y": (deep, wide),
        "yt": (wide, deep),
        "z": (deep, 5),
        "w": (3, deep),
    }
    return graph_of(outputs, **{name: reals(*shape) for name, shape in shapes.items()})


def agree_computed(program: Program, *sizes: tuple[int, int, int]) -> None:
    """Compare with NumPy on whole numbers, of which every sum is exact."""
    assert program.pseudocode.count("computed as it is packed") == 4
    for tall, deep, wide in sizes:
        generator = np.random.default_rng([tall, deep, wide])
        x, y, z, w = (generator.integers(-4, 5, size) for size in ((tall, deep), (deep, wide), (deep, 5), (3, deep)))
        values = {"x": x, "xt": x.T, "y": y, "yt": y.T, "z": z, "w": w}
        left, right = np.maximum(x - 1, 0) @ z, w @ np.maximum(y + 1, 0)
        wanted = {"left": left, "left across": left, "right": right, "right turned": right}
        found = program.run(values)
        assert_same_values(found, {name: value.astype(float) for name, value in wanted.items()})


@pytest.mark.parametrize("limit", PROCESSORS)
@pytest.mark.usefixtures("small_work", "small_blocks")
def test_operands_that_are_computed_as_they_are_packed(limit: str) -> None:
    sizes = (40, 17, 70), (200, 130, 97), (33, 1, 1), (0, 3, 2), (3, 0, 4)
    agree_computed(
        Program(computed(Dim("tall"), Dim("deep"), Dim("wide")), "bf16", 2, processor=limited(limit)), *sizes
    )
    agree_computed(Program(computed(200, 31, 100), "bf16", 2, processor=limited(limit)), (200, 31, 100))


def test_what_is_read_elsewhere_or_made_of_a_product_is_kept() -> None:
    def outputs(x: Node, y: Node) -> dict[str, Node]:
        shared, hidden = ops.tanh(x) * 2.0, ops.tanh(x @ y)
        return {"shared": shared @ y, "sum": ops.sum(shared, 1), "hidden": hidden @ y, "twice": ops.exp(y) @ ops.exp(y)}

    program = Program(graph_of(outputs, x=reals(30, 20), y=reals(20, 20)), "bf16")
    assert "computed as it is packed" not in program.pseudocode


def test_the_format_follows_the_processor() -> None:
    assert format_of("bf16", limited("avx2")) == ROUNDED
    assert format_of("fp32", host()).rounds is False
    with pytest.raises(InputError, match=r"needs a processor with AMX or AVX512-BF16; .* has neither: use fp32"):
        require_bf16(limited("portable"))
    cooper_lake = replace(elsewhere("x86_64-pc-windows-msvc"), features="+avx512f,+avx512bf16", vector_bits=512)
    assert format_of("bf16", cooper_lake) == AVX512


# --- AMX


def test_code_for_amx() -> None:
    names = ["amx-tile", "amx-bf16", "avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512bf16", "fma"]
    processor = replace(
        elsewhere("x86_64-pc-windows-msvc"),
        cpu="sapphirerapids",
        features=",".join(f"+{name}" for name in names),
        vector_bits=512,
        registers=32,
    )
    if processor.here:
        pytest.skip("this is that platform, whose system is not asked for AMX")
    assert format_of("bf16", processor) == AMX
    program = Program(ANY, "bf16", processor=processor)
    assert len(program.object) > 1000
    for instruction in ("ldtilecfg", "tileloadd", "tdpbf16ps", "tilestored", "tilerelease"):
        assert instruction in program.assembly


class Tiles:
    """What AMX's instructions do to its eight tile registers, on arrays."""

    def __init__(self) -> None:
        self.tiles = np.zeros((8, 16, 16), np.float32)
        self.configured = False

    def ldtilecfg(self, at: int) -> None:
        """Palette 1; every tile has 16 rows of 64 bytes."""
        palette, *rest = ctypes.string_at(at, 64)
        assert (palette, rest[15:31], rest[47:55]) == (1, [64, 0] * 8, [16] * 8)
        self.configured = True

    def tilerelease(self) -> None:
        """Nothing can be done with tiles any more."""
        self.configured = False

    def tileloadd64(self, tile: int, at: int, stride: int) -> None:
        """Rows from memory."""
        for row in range(16):
            ctypes.memmove(self.tiles[tile, row].ctypes.data, at + row * stride, 64)

    def tilestored64(self, tile: int, at: int, stride: int) -> None:
        """Rows to memory."""
        for row in range(16):
            ctypes.memmove(at + row * stride, self.tiles[tile, row].ctypes.data, 64)

    def tdpbf16ps(self, to: int, left: int, right: int) -> None:
        """to[m, n] += left[m, 2k] right[k, 2n] + left[m, 2k + 1] right[k, 2n + 1]."""
        assert self.configured
        a, b = (self.tiles[tile].view(np.uint32) for tile in (left, right))
        for place in (16, 0):
            x, y = (((bits << place) & 0xFFFF0000).astype(np.uint32).view(np.float32) for bits in (a, b))
            with np.errstate(all="ignore"):  # rows beyond the last one hold anything
                self.tiles[to] += x @ y


SIGNATURES: dict[str, tuple[Any, ...]] = {
    "ldtilecfg": (ctypes.c_void_p,),
    "tilerelease": (),
    "tileloadd64": (ctypes.c_int8, ctypes.c_void_p, ctypes.c_int64),
    "tilestored64": (ctypes.c_int8, ctypes.c_void_p, ctypes.c_int64),
    "tdpbf16ps": (ctypes.c_int8, ctypes.c_int8, ctypes.c_int8),
}


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Programs in bf16 are written for AMX, and its instructions are calls of ``Tiles``."""
    making = importlib.import_module("lexgrad.compile.making")
    write, tiles = making.assemble.program_text, Tiles()
    calls = {name: ctypes.CFUNCTYPE(None, *types)(getattr(tiles, name)) for name, types in SIGNATURES.items()}
    for name, call in calls.items():
        llvm.add_symbol(f"lexgrad_test_{name}", ctypes.cast(call, ctypes.c_void_p).value)

    def text(*arguments: Any) -> tuple[str, int]:
        written, scratch = write(*arguments)
        for name in SIGNATURES:
            written = written.replace(f"@llvm.x86.{name}(", f"@lexgrad_test_{name}(")
        return written.replace("i8 immarg", "i8"), scratch

    monkeypatch.setattr(making.assemble, "program_text", text)
    monkeypatch.setattr(making, "format_of", lambda precision, processor: AMX)
    yield
    del calls


@pytest.mark.skipif(format_of("bf16", host()) == ROUNDED, reason="bf16 is converted by AVX512-BF16's instruction")
@pytest.mark.usefixtures("emulated", "small_blocks")
def test_the_logic_of_amx() -> None:
    program = Program(ANY, "bf16", threads=1)
    assert "lexgrad_test_tdpbf16ps" in program.llvm
    for size in [(1, 1, 1), (5, 70, 9), (33, 31, 40), (40, 100, 100), (64, 64, 64), (3, 0, 5), (0, 2, 3), (4, 3, 0)]:
        values = operands(*size)
        assert_same_values(program.run(values), expected(values), 1e-6)
    agree_with_interpreter(program, (35, 130, 50))
    agree_computed(Program(computed(40, 130, 70), "bf16", threads=1), (40, 130, 70))
    for sizes in [(20, 200, 48), (8, 24, 96), (31, 7, 33)]:
        fixed, values = Program(products(*sizes), "bf16", threads=1), operands(*sizes)
        assert_same_values(fixed.run(values), expected(values), 1e-6)


def bits(x: Array) -> bytes:
    """The very bits of an array."""
    return np.ascontiguousarray(x).tobytes()


@pytest.mark.parametrize("limit", PROCESSORS)
@pytest.mark.usefixtures("small_work")
def test_the_same_bits_again_and_again(limit: str) -> None:
    values = {name: np.sin(value * 7.0) for name, value in operands(70, 1100, 260).items()}
    program = Program(ANY, "bf16", 1, processor=limited(limit))
    alone = program.run(values)
    for threads in (1, 2, 4):
        program.threads = threads
        again = program.run(values)
        assert all(bits(again[name]) == bits(value) for name, value in alone.items())
