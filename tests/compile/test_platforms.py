"""Code for other platforms is generated and verified here, though it cannot run here; and limits of this one."""

from __future__ import annotations

import llvmlite.binding as llvm
import numpy as np
import pytest

from lexgrad.compile import Program
from lexgrad.compile.arrays import Precision
from lexgrad.compile.machine import PLATFORMS, elsewhere, host, limited
from lexgrad.errors import InputError
from lexgrad.graph import Dim, Graph
from tests.compile.running import graph_of, reals
from tests.compile.test_matrices import products
from tests.compile.test_primitives import together
from tests.laws.cases import cases
from tests.passes.steps import model_step

FORMATS = {"apple-darwin": b"\xcf\xfa\xed\xfe", "linux-gnu": b"\x7fELF", "windows-msvc": b"\x64\x86"}
"""How an object file of each system begins."""


def check_code(graph: Graph, triple: str, precision: Precision) -> None:
    """Compile for a platform: the text is verified, and an object of the platform's format comes out."""
    program = Program(graph, precision, processor=elsewhere(triple))
    begins = next(magic for system, magic in FORMATS.items() if system in triple)
    assert program.object.startswith(begins)
    assert len(program.object) > 1000
    with pytest.raises(InputError, match=f"made for {triple}; it cannot run here"):
        program.run({})


@pytest.mark.parametrize("triple", ["aarch64-apple-darwin", "aarch64-unknown-linux-gnu", "x86_64-pc-windows-msvc"])
def test_code_for_other_platforms(triple: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXGRAD_ENGINE", "interpreter")  # a model is asked for its graph alone
    if elsewhere(triple).here:
        pytest.skip("this is that platform")
    check_code(together(list(cases()))[0], triple, "fp32")
    check_code(products(Dim("rows"), Dim("depth"), Dim("columns")), triple, "fp64")
    check_code(model_step("mean dropout"), triple, "fp32")


def test_neon_has_vectors_of_four_floats() -> None:
    graph = graph_of(lambda x, y: x @ y, x=reals(Dim("n"), 64), y=reals(64, 64))
    program = Program(graph, processor=elsewhere("aarch64-unknown-linux-gnu"))
    assert "<4 x float>" in program.llvm
    assert "fmla" in program.assembly
    assert program.processor.registers == 32


def test_a_platform_that_there_is_not() -> None:
    with pytest.raises(InputError, match="aarch64-apple-darwin"):
        elsewhere("aarch64-apple-drawin")
    for triple in PLATFORMS:
        assert llvm.Target.from_triple(elsewhere(triple).triple).name


def test_limits_of_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="LEXGRAD_CPU is one of avx2, portable; got 'fast'"):
        limited("fast")
    monkeypatch.setenv("LEXGRAD_CPU", "portable")
    assert host() is limited("portable")
    assert host().features == ""
    monkeypatch.setenv("LEXGRAD_CPU", "fastest")
    with pytest.raises(InputError, match="fastest"):
        host()
    monkeypatch.delenv("LEXGRAD_CPU")
    assert host() is limited("")
    assert "+avx512" not in limited("avx2").features
    assert limited("portable").vector_bits == 128


def test_lesser_processors_get_smaller_vectors() -> None:
    graph = graph_of(lambda x: x * 2.0, x=reals(64))
    if not limited("").triple.startswith("x86_64"):
        pytest.skip("vectors of several widths are a matter of x86-64")
    assert "zmm" not in Program(graph, processor=limited("avx2")).assembly
    assert "ymm" not in Program(graph, processor=limited("portable")).assembly
    for limit in ("", "avx2", "portable"):
        assert Program(graph, processor=limited(limit))(x=np.ones(64))["out"].tolist() == [2.0] * 64
