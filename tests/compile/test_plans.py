"""Programs whose plan is in the cache: the same bits and the same errors, without a look at the graph's insides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile import plan as plans
from lexgrad.compile import program as programs
from lexgrad.errors import LexgradError
from lexgrad.graph import Dim, Graph
from tests.compile.running import Arrays, assert_same_bits, graph_of, reals, whole
from tests.compile.test_packed_scans import lstm, packed
from tests.compile.test_steps import batches, donations, follow, step_graph

N = Dim("n")
STEPS = ("mean adam", "language model clipped", "lazy max", "convolution", "many adagrad")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, in which plans are kept; models are asked for graphs alone."""
    monkeypatch.setenv("LEXGRAD_CACHE", str(tmp_path / "objects"))
    monkeypatch.setenv("LEXGRAD_ENGINE", "interpreter")
    monkeypatch.setattr(programs, "PLANS_KEPT", True)
    return tmp_path / "objects"


def made(program: Program) -> bool:
    """Whether the compiler had to look at the graph."""
    return "making" in vars(program)


def twice(graph: Graph, *arguments: Any, **options: Any) -> tuple[Program, Program]:
    """A program that was made, and the same from the cache."""
    first, second = Program(graph, *arguments, **options), Program(graph, *arguments, **options)
    assert made(first)
    assert not made(second)
    return first, second


@pytest.mark.parametrize("name", STEPS)
def test_training_steps(name: str) -> None:
    graph = step_graph(name)
    first, second = twice(graph, donated=donations(graph))
    rounds = batches(graph)
    for found, expected in zip(follow(second, rounds), follow(first, rounds), strict=True):
        assert_same_bits(found, expected)
    assert not made(second)


def test_loops_of_any_length() -> None:
    first, second = twice(lstm(False), "fp64", 2)
    for lengths in ([5, 4, 4, 1, 0], [1], [], [9] * 7):
        values = packed(lengths)
        assert_same_bits(second.run(values), first.run(values))
    assert not made(second)


def test_many_steps_and_fixed_inputs() -> None:
    graph = graph_of(
        lambda x, w: {"y": ops.tanh(x) @ w, "c": ops.constant([1.5, -2.0]), "w": w}, x=reals(N, 3), w=reals(3, 2)
    )
    first, second = twice(graph)
    x, w = np.arange(12.0, dtype=np.float32).reshape(4, 3), np.ones((3, 2), np.float32)
    for program in (first, second):
        assert_same_bits(program.fixed({"w": w})({"x": x}), first.run({"x": x, "w": w}))
    steps = [{name: second.prepared(name, value) for name, value in {"x": x[:n], "w": w}.items()} for n in (1, 4, 0)]
    for found, n in zip(second.launch(steps), (1, 4, 0), strict=True):
        assert_same_bits(found, first.run({"x": x[:n], "w": w}))
    assert not made(second)


@pytest.mark.parametrize("name", ["Dim", "array", "Memory"])
def test_inputs_may_have_any_name(name: str) -> None:
    first, second = twice(graph_of(ops.tanh, **{name: reals(N)}))
    assert_same_bits(second.run({name: np.ones(3)}), first.run({name: np.ones(3)}))


@pytest.mark.parametrize(
    ("graph", "values"),
    [
        (
            graph_of(ops.take, x=reals(N, 2), i=whole(3)),
            {"x": np.ones((4, 2)), "i": np.array([0, 9, 1])},
        ),
        (graph_of(lambda x: ops.max(x, 0), x=reals(N, 2)), {"x": np.ones((0, 2))}),
        (graph_of(lambda x: x[3:], x=reals(N)), {"x": np.ones(2)}),
        (graph_of(lambda x, y: x + y, x=reals(N), y=reals(N)), {"x": np.ones(2), "y": np.ones(3)}),
        (graph_of(lambda x: x + 1.0, x=reals(N)), {}),
    ],
)
def test_mistakes_are_told_alike(graph: Graph, values: Arrays) -> None:
    said = []
    for program in twice(graph):
        with pytest.raises(LexgradError) as caught:
            program.run(values)
        said.append((type(caught.value), str(caught.value)))
    assert said[0] == said[1]


def test_another_question_is_another_plan(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(lambda x: {"y": x * 2.0}, x=reals(N, 3))
    assert made(Program(graph))
    assert made(Program(graph, "fp64"))
    assert made(Program(graph, donated={"y": "x"}))
    assert made(Program(graph, halved=["x"]))
    assert made(Program(graph_of(lambda x: {"y": x * 2.5}, x=reals(N, 3))))
    assert not made(Program(graph, threads=1))
    monkeypatch.setenv("LEXGRAD_CPU", "portable")
    assert made(Program(graph))
    monkeypatch.delenv("LEXGRAD_CPU")
    monkeypatch.setattr(programs, "sources", lambda: "others")  # the compiler itself was changed
    assert made(Program(graph))
    assert len(list(place.glob("*.plan"))) == 7


def _remove(path: Path) -> None:
    path.unlink()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("suffix", [".plan", ".o"])
def test_what_is_missing_or_damaged_is_made_again(place: Path, suffix: str) -> None:
    graph = graph_of(ops.tanh, x=reals(N))
    expected = Program(graph).run({"x": np.ones(3)})
    for harm in (_remove, _cut):
        (path,) = place.glob(f"*{suffix}")
        harm(path)
        again = Program(graph)
        assert made(again)
        assert_same_bits(again.run({"x": np.ones(3)}), expected)
        assert not made(Program(graph))


def test_who_looks_sees_what_was_made() -> None:
    first, second = twice(graph_of(lambda x: ops.sum(ops.tanh(x), 0), x=reals(N, 3)))
    assert second.llvm == first.llvm
    assert second.pseudocode == first.pseudocode
    assert second.memory_plan(n=5) == first.memory_plan(n=5)
    assert [kernel.name for kernel in second.kernels] == [kernel.name for kernel in first.kernels]


def test_a_plan_is_read_back_as_it_was_written() -> None:
    program = Program(lstm(False), "fp64")
    again = plans.Plan.from_json(program.plan.to_json())
    assert again.to_json() == program.plan.to_json()
    assert again.memory.layout({"batch": 3, "tokens": 7, "time": 2, **{name: 3 for name, _ in again.rows}}) == (
        program.plan.memory.layout({"batch": 3, "tokens": 7, "time": 2, **{name: 3 for name, _ in again.rows}})
    )
