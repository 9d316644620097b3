"""Loops over packed texts: compiled as interpreted, the same bits on any number of threads, steps of every size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import lexgrad as lg
from lexgrad.compile import Program, Rows
from lexgrad.evaluate import Interpreter
from lexgrad.grad import differentiate
from lexgrad.graph import Dim, Graph, Node, Type

UNITS = 24
BATCH, TOKENS = Dim("batch"), Dim("tokens")
TYPES = {
    "z": Type("float", (TOKENS, 4 * UNITS)),
    "W": Type("float", (UNITS, 4 * UNITS)),
    "h": Type("float", (BATCH, UNITS)),
    "offsets": Type("int", (Dim("time") + 1,)),
}


def lstm(reverse: bool) -> Graph:
    """The loss of an LSTM whose states and last states count, and its gradients."""

    def loss(z: Node, W: Node, h: Node, offsets: Node) -> Node:
        def step(state: tuple[Node, Node], x: Node) -> tuple[tuple[Node, Node], Node]:
            new = lg.lstm_cell(state, x, np.eye(4 * UNITS), W)
            return new, new[0]

        (last, cell), states = lg.packed_scan(step, (h, lg.tanh(h)), z, offsets, reverse=reverse)
        return lg.sum(lg.sin(last)) + lg.sum(cell * 0.1) + lg.sum(lg.cos(states) * states)

    return differentiate(lg.trace(loss, *TYPES.values()))


def packed(lengths: list[int], seed: int = 0) -> dict[str, NDArray[Any]]:
    generator = np.random.default_rng(seed)
    counts = [sum(length > t for length in lengths) for t in range(max(lengths, default=0))]
    return {
        "z": generator.normal(size=(sum(lengths), 4 * UNITS)),
        "W": generator.normal(size=(UNITS, 4 * UNITS)) * 0.3,
        "h": generator.normal(size=(len(lengths), UNITS)),
        "offsets": np.cumsum([0, *counts]),
    }


TEXTS = [[5, 4, 4, 1, 0], [1], [0, 0], [], [9] * 7, list(range(40, 0, -1))]


@pytest.mark.parametrize("reverse", [False, True])
def test_compiled_is_interpreted_and_threads_change_no_bit(reverse: bool) -> None:
    graph = lstm(reverse)
    exact, programs = Interpreter(graph), {threads: Program(graph, "fp64", threads) for threads in (1, 2, 3)}
    for lengths in TEXTS:
        values = packed(lengths)
        expected, alone = exact.run(values), programs[1].run(values)
        for name, array in expected.items():
            np.testing.assert_allclose(alone[name], array, rtol=1e-9, atol=1e-11, err_msg=f"{name} {lengths}")
            for threads in (2, 3):
                np.testing.assert_array_equal(programs[threads].run(values)[name], alone[name], err_msg=name)


def test_many_steps_in_one_go() -> None:
    graph = lstm(False)
    program = Program(graph, "fp64", 2)
    texts = [[3, 2, 2], [6, 5, 1], [1, 1, 0]]
    given = [packed(lengths, seed) for seed, lengths in enumerate(texts)]
    cuts = {name: np.cumsum([0, *(len(values[name]) for values in given)]) for name in TYPES}
    rows: dict[str, Any] = {
        name: Rows(np.concatenate([values[name] for values in given]), cuts[name][:-1], cuts[name][1:])
        for name in ("z", "h", "offsets")
    }
    scalar = Graph(graph.inputs, {"loss": next(iter(graph.outputs.values()))}, "loss")
    program = Program(scalar, "fp64", 2)
    found = program.bind({**rows, "W": program.prepared("W", given[0]["W"])}, len(texts))()["loss"]
    for values, loss in zip(given, found, strict=True):
        assert loss == pytest.approx(program.run({**values, "W": given[0]["W"]})["loss"], rel=1e-13)


@pytest.mark.parametrize("offsets", [[1, 3, 5], [0, 3, 4], [0, 2, 5], [0, 4, 5], [0, 6, 5], [0, -1, 5]], ids=str)
def test_offsets_that_are_none_are_refused(offsets: list[int]) -> None:
    graph, values = lstm(False), packed([2, 2, 1])
    values["offsets"] = np.array(offsets)
    for runner in (Interpreter(graph), Program(graph, "fp64", 2)):
        with pytest.raises(lg.InputError, match="no more rows than the one before"):
            runner.run(values)


def test_texts_know_nothing_of_each_other() -> None:
    graph = lstm(False)
    together = Interpreter(graph).run(packed([4, 2]))
    values = packed([4, 2])
    first = {"z": values["z"][[0, 2, 4, 5]], "W": values["W"], "h": values["h"][:1], "offsets": np.arange(5)}
    second = {"z": values["z"][[1, 3]], "W": values["W"], "h": values["h"][1:], "offsets": np.arange(3)}
    apart = [Interpreter(graph).run(one) for one in (first, second)]
    np.testing.assert_allclose(together["d_W"], apart[0]["d_W"] + apart[1]["d_W"], rtol=1e-12)
    np.testing.assert_allclose(together["d_h"], np.concatenate([one["d_h"] for one in apart]), rtol=1e-12)


def test_the_memory_plan_asks_for_no_size_that_only_a_body_has() -> None:
    assert "scratch memory" in Program(lstm(False), "fp64", 1).memory_plan(batch=3, tokens=5, time=2)
