"""Objects on disk: found again, remade when damaged, safe with several writers, and never needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lexgrad import cache, ops
from lexgrad.compile import Program, machine
from lexgrad.compile import program as programs
from lexgrad.compile.machine import Processor, limited, object_code
from lexgrad.graph import Dim, Graph
from tests.compile.running import graph_of, reals


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the test's own."""
    folder = tmp_path / "objects"
    monkeypatch.setenv("LEXGRAD_CACHE", str(folder))
    return folder


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that have been compiled."""
    texts: list[str] = []
    compile_text = object_code

    def counting(text: str, processor: Processor) -> bytes:
        texts.append(text)
        return compile_text(text, processor)

    monkeypatch.setattr(programs, "object_code", counting)
    return texts


def a_graph(factor: float = 2.0) -> Graph:
    """A small graph."""
    return graph_of(lambda x: ops.tanh(x) * factor, x=reals(Dim("n")))


def objects(place: Path) -> list[Path]:
    """The files of machine code."""
    return list(place.glob("*.o"))


def works(program: Program) -> bool:
    """Whether it computes what ``a_graph`` means."""
    x = np.linspace(-1, 1, 5)
    return bool(np.allclose(program(x=x)["out"], np.tanh(x) * 2.0))


def test_the_second_time_nothing_is_compiled(place: Path, compilations: list[str]) -> None:
    first = Program(a_graph())
    second = Program(a_graph(), threads=1)  # threads and donation are no part of the code
    assert len(compilations) == 1
    assert first.object == second.object
    assert works(first)
    assert works(second)
    assert len(objects(place)) == 1


def test_another_graph_precision_processor_or_version_is_another_object(
    place: Path, compilations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Program(a_graph())
    Program(a_graph(3.0))
    Program(a_graph(), "fp64")
    Program(a_graph(), processor=limited("portable"))
    assert len(compilations) == 4
    monkeypatch.setattr(machine, "__version__", "0.0.0+another")
    Program(a_graph())
    monkeypatch.setattr(machine, "llvm_version", lambda: "99.0")
    Program(a_graph())
    assert len(compilations) == 6
    assert len(objects(place)) == 6


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "other"])
def test_a_damaged_object_is_made_again(place: Path, compilations: list[str], harm: str) -> None:
    Program(a_graph())
    (path,) = objects(place)
    whole = path.read_bytes()
    middle = len(whole) // 2
    damaged = {
        "cut": whole[:middle],
        "flip": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "empty": b"",
        "other": b"something else altogether",
    }
    path.write_bytes(damaged[harm])
    assert works(Program(a_graph()))
    assert len(compilations) == 2
    assert path.read_bytes() == whole


def test_off_means_off(compilations: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for word in ("off", "0", ""):
        monkeypatch.setenv("LEXGRAD_CACHE", word)
        assert cache.folder() is None
        assert works(Program(a_graph()))
        assert cache.clear() == (0, 0)
    assert len(compilations) == 3


def test_a_folder_that_cannot_be_written_to_is_no_error(
    tmp_path: Path, compilations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a file"
    file.write_text("no folder")
    monkeypatch.setenv("LEXGRAD_CACHE", str(file / "objects"))
    assert works(Program(a_graph()))
    monkeypatch.setenv("LEXGRAD_CACHE", str(file))
    assert works(Program(a_graph()))
    assert len(compilations) == 2
    assert cache.clear() == (0, 0)
    assert file.read_text() == "no folder"


WRITER = """
import sys
import numpy as np
from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.graph import Dim, Graph, Type, input_node
x = input_node("x", Type("float", (Dim("n"),)))
for factor in range(1, 6):
    program = Program(Graph({"x": x}, {"out": ops.tanh(x) * float(factor)}))
    np.testing.assert_allclose(program(x=np.ones(3))["out"], np.tanh(np.ones(3)) * factor, rtol=1e-6)
"""


def test_two_processes_may_write_at_once(place: Path, compilations: list[str]) -> None:
    environment = {**os.environ, "LEXGRAD_CACHE": str(place)}
    writers = [subprocess.Popen([sys.executable, "-c", WRITER], env=environment) for _ in range(2)]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    assert len(objects(place)) == 5
    for factor in range(1, 6):
        Program(a_graph(float(factor)))
    assert compilations == []


def test_clearing_removes_objects_and_nothing_else(place: Path, compilations: list[str]) -> None:
    Program(a_graph())
    Program(a_graph(3.0))
    size = sum(path.stat().st_size for path in place.iterdir())
    (place / "mine.o").write_bytes(b"not yours")
    assert cache.clear() == (2, size)
    assert [path.name for path in place.iterdir()] == ["mine.o"]
    assert cache.clear() == (0, 0)
    assert works(Program(a_graph()))
    assert len(compilations) == 3


def test_where_objects_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEXGRAD_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache.folder() == Path("/somewhere/lexgrad")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache.folder() == Path.home() / "Library" / "Caches" / "lexgrad"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert cache.folder() == Path("/local/lexgrad")


def test_what_was_not_used_for_long_makes_room(
    place: Path, compilations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        Program(a_graph(number + 2.0))
    for age, path in enumerate(sorted(objects(place), key=lambda path: path.stat().st_mtime_ns)):
        os.utime(path, (age, age))
    Program(a_graph(2.0))  # the oldest is used again
    size = max(path.stat().st_size for path in objects(place))
    monkeypatch.setattr(cache, "LIMIT", 3 * size + size // 2)
    Program(a_graph(5.0))
    assert len(compilations) == 4
    assert cache.held()[0] == 3
    for factor in (2.0, 4.0, 5.0):
        Program(a_graph(factor))
    assert len(compilations) == 4
    Program(a_graph(3.0))
    assert len(compilations) == 5
