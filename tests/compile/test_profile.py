"""Profiles: what is counted, what it costs those who do not ask, and what a processor without a counter is told."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile.machine import elsewhere, host
from lexgrad.errors import InputError
from lexgrad.graph import Dim, Graph, Node
from tests.compile.running import assert_same_bits, graph_of, reals, whole

N = Dim("n")


def layer() -> Graph:
    def outputs(table: Node, ids: Node, w: Node) -> dict[str, Node]:
        hidden = ops.take(table, ids) @ w
        return {"hidden": hidden, "largest": ops.max(ops.exp(hidden), 1)}

    return graph_of(outputs, table=reals(1000, 8), ids=whole(N), w=reals(8, 4))


def values(n: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        "table": generator.normal(size=(1000, 8)),
        "ids": generator.integers(0, 1000, n),
        "w": generator.normal(size=(8, 4)),
    }


@pytest.mark.usefixtures("small_work")
@pytest.mark.parametrize("threads", [1, 3])
def test_every_kernel_is_counted(threads: int) -> None:
    program = Program(layer(), threads=threads, profiled=True)
    assert_same_bits(program.run(values(50)), Program(layer(), threads=threads).run(values(50)))
    program.launch([{name: program.prepared(name, value) for name, value in values(70).items()}] * 9)
    profile = program.profile
    assert profile.steps == 10
    assert [row.kernel for row in profile.rows] == [kernel.name for kernel in program.kernels]
    assert all(len(row.seconds) == len(row.waiting) == threads for row in profile.rows)
    assert all(min(*row.seconds, *row.waiting, 0.0) == 0.0 for row in profile.rows)
    assert profile.seconds > 0
    assert sum(row.share for row in profile.rows) >= 1.0 - 1e-9
    assert len(str(profile).splitlines()) == 2 + len(program.kernels)


def test_what_is_moved_and_multiplied() -> None:
    program = Program(layer(), "fp32", 1, profiled=True)
    program.run(values(70))
    rows = {row.kernel.split(".")[1].split("_")[0]: row for row in program.profile.rows}
    assert rows["take"].bytes == 70 * 8 + 2 * 70 * 8 * 4  # the ids, and of the table only rows that are asked for
    assert rows["matmul"].bytes == (70 * 8 + 8 * 4 + 70 * 4) * 4
    assert rows["matmul"].flops == 2 * 70 * 8 * 4
    assert {name for name, row in rows.items() if row.flops} == {"matmul"}


def test_texts_are_counted_once() -> None:
    types = {"table": reals(1000, 4), "ids": whole(N), "offsets": whole(Dim("texts") + 1)}
    graph = graph_of(lambda table, ids, offsets: ops.segment_sum(ops.take(table, ids), offsets), **types)
    program = Program(graph, "fp32", 1, profiled=True)
    offsets = np.array([0, 3, 3, 90, 100])
    program.run({"table": np.ones((1000, 4)), "ids": np.arange(100), "offsets": offsets})
    row = program.profile.rows[-1]
    assert row.bytes == 100 * 8 + 5 * 8 + 100 * 4 * 4 + 2 * 4 * 4 * 4


def test_nobody_pays_who_does_not_ask() -> None:
    program = Program(layer())
    assert "counter" not in program.llvm
    assert "counter" in Program(layer(), profiled=True).llvm
    with pytest.raises(InputError, match="profiled=True"):
        _ = program.profile


def test_other_processors() -> None:
    assert "readsteadycounter" in Program(layer(), processor=elsewhere("aarch64-apple-darwin"), profiled=True).llvm
    with pytest.raises(InputError, match="needs a processor with a counter"):
        Program(layer(), processor=replace(host(), triple="sparc-sun-solaris"), profiled=True)


def test_profiles_are_printed_when_the_process_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_exit: list[Callable[[], None]] = []
    monkeypatch.setattr("atexit.register", at_exit.append)
    monkeypatch.setenv("LEXGRAD_DEBUG", "passes,profile")
    ran, idle = Program(layer(), threads=1), Program(layer(), threads=1)
    ran.run(values(5))
    assert "counter" in idle.llvm
    capsys.readouterr()
    for function in at_exit:
        function()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 + len(ran.kernels)


def test_a_program_that_is_gone_still_tells_its_profile(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_exit: list[Callable[[], None]] = []
    monkeypatch.setattr("atexit.register", at_exit.append)
    monkeypatch.setenv("LEXGRAD_DEBUG", "profile")
    program = Program(layer(), threads=1)
    program.run(values(5))
    code = weakref.ref(program._loaded)
    del program
    gc.collect()
    assert code() is not None  # the counter is read once more, by machine code
    at_exit[0]()
    assert "mean of 1" in capsys.readouterr().err
