"""Whole training steps: every model and optimiser of the library, compiled, follows the interpreter step by step."""

from __future__ import annotations

import numpy as np
import pytest

from lexgrad.compile import Program
from lexgrad.compile.arrays import Precision
from lexgrad.compile.machine import limited
from lexgrad.compile.pseudocode import pseudocode
from lexgrad.evaluate import Interpreter
from lexgrad.graph import Graph
from tests.compile.running import Array, assert_same_bits
from tests.passes.steps import MODELS, convolution, language_model, model_step, small_network, step_values

STEPS = [
    "logistic", "logistic sparse l2", "softmax sparse", "ffnn deep x0", "ffnn relu", "mean l2", "mean dropout", "max",
    "concat", "frozen", "mean adagrad", "mean adadelta", "mean adam", "language model clipped", "small network",
    "many adagrad", "many adagrad l2", "many adam", "many clipped values", "many max adagrad", "many logistic adagrad",
    "lazy momentum", "lazy adagrad", "lazy adadelta", "lazy adam", "lazy adamw", "lazy concat", "lazy max",
    "lazy logistic", "lazy few", "lazy x0", "convolution", "lazy filters", "lazy filters twice", "filters pooled",
    "filters averaged",
]  # fmt: skip
ROUNDS = 4


@pytest.fixture(autouse=True)
def only_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The models are asked for graphs alone: what they would compile, nobody runs here."""
    monkeypatch.setenv("LEXGRAD_ENGINE", "interpreter")


def step_graph(name: str) -> Graph:
    """The graph of a training step."""
    if name in MODELS:
        return model_step(name)
    if name == "convolution":
        return convolution("tanh")
    return small_network() if name == "small network" else language_model(clip=0.1 if "clipped" in name else None)


def donations(graph: Graph) -> dict[str, str]:
    """New parameters and state take the place of old ones."""
    return {name: name for name in graph.outputs if name in graph.inputs}


def batches(graph: Graph) -> list[dict[str, Array]]:
    """The inputs of some steps; parameters and state only count in the first."""
    rounds = []
    for seed in range(ROUNDS):
        values = step_values(graph, seed)
        if "step" in values:
            values["step"] = np.array(seed)
        rounds.append(values)
    return rounds


def follow(program: Program, rounds: list[dict[str, Array]]) -> list[dict[str, Array]]:
    """Launch a program once a step, donated arrays being carried along; returns copies of each step's outputs."""
    state = {name: program.prepared(name, rounds[0][name], copy=True) for name in donations(program.graph)}
    results = []
    for values in rounds:
        arrays = {name: state.get(name, program.prepared(name, values[name])) for name in program.graph.inputs}
        results.append({name: value.copy() for name, value in program.launch([arrays])[0].items()})
    return results


@pytest.mark.parametrize("name", STEPS)
def test_compiled_steps_follow_the_interpreter(name: str) -> None:
    graph = step_graph(name)
    rounds = batches(graph)
    program = Program(graph, "fp64", donated=donations(graph))
    interpreter = Interpreter(graph)
    state: dict[str, Array] = {}
    for values, found in zip(rounds, follow(program, rounds), strict=True):
        expected = interpreter.run({**values, **state})
        for output, value in expected.items():
            scale = np.abs(value).max(initial=0.0)
            np.testing.assert_allclose(found[output], value, rtol=1e-10, atol=1e-10 * scale, err_msg=output)
        state = {output: expected[output] for output in donations(graph)}


@pytest.mark.parametrize("name", ["mean adam", "max", "language model", "ffnn deep x0", "logistic sparse l2"])
def test_fp32_stays_near_fp64(name: str) -> None:
    graph = step_graph(name)
    rounds = batches(graph)
    rough, exact = (follow(Program(graph, p, donated=donations(graph)), rounds)[-1] for p in ("fp32", "fp64"))
    for output, value in exact.items():
        scale = np.abs(value).max(initial=0.0)
        np.testing.assert_allclose(rough[output], value, rtol=1e-4, atol=1e-4 * scale, err_msg=output)


@pytest.mark.parametrize(
    ("name", "limit", "precision"),
    [
        ("mean dropout", "", "fp32"),
        ("mean adam", "avx2", "fp32"),
        ("max", "", "fp32"),
        ("concat", "portable", "fp32"),
        ("language model", "", "fp32"),
        ("logistic sparse", "", "fp32"),
        ("many adagrad", "avx2", "fp32"),
        ("lazy adam", "", "fp32"),
        ("lazy max", "portable", "fp32"),
        ("convolution", "", "fp32"),
        ("ffnn deep x0", "", "fp64"),
    ],
)
@pytest.mark.usefixtures("small_work")
def test_threads_launches_and_donation_change_no_bit(name: str, limit: str, precision: Precision) -> None:
    graph = step_graph(name)
    rounds = batches(graph)
    program = Program(graph, precision, threads=1, donated=donations(graph), processor=limited(limit))
    expected = follow(program, rounds)
    for threads in 2, 3, 4:
        program.threads = threads
        for found, value in zip(follow(program, rounds), expected, strict=True):
            assert_same_bits(found, value)
    state = {given: program.prepared(given, rounds[0][given], copy=True) for given in donations(graph)}
    steps = [
        {given: state.get(given, program.prepared(given, values[given])) for given in graph.inputs} for values in rounds
    ]
    assert_same_bits(program.launch(steps)[-1], expected[-1])
    plain = Program(graph, precision, threads=1, processor=limited(limit))
    assert_same_bits(plain.run(rounds[0]), expected[0])


def test_a_step_updates_its_parameters_in_place() -> None:
    for name in ("mean", "language model", "mean adam", "concat"):
        graph = step_graph(name)
        program = Program(graph, donated=donations(graph))
        assert not program.donation.copied, name
        tables = [line for line in program.memory_plan(batch=8, tokens=40).splitlines() if "[900, " in line]
        assert name == "mean adam" or not tables, tables


def test_dropout_masks_are_drawn_again_and_not_stored() -> None:
    graph = step_graph("mean dropout")
    program = Program(graph, donated=donations(graph))
    plan = program.memory_plan(batch=8, tokens=40)
    assert "bool" not in plan
    assert "random_uniform" not in plan
    drawn = [kernel for kernel in program.kernels if "random_uniform(" in pseudocode([kernel])]
    assert len(drawn) == 4  # two masks, each on the way forth and on the way back


@pytest.mark.parametrize("name", ["many adagrad", "many max adagrad", *(name for name in STEPS if "lazy" in name)])
def test_a_step_on_rows_is_done_in_place_and_keeps_no_table(name: str) -> None:
    graph = step_graph(name)
    program = Program(graph, donated=donations(graph))
    assert not program.donation.copied
    rows = next(iter(graph.inputs.values())).shape[0]
    tables = [line for line in program.memory_plan(batch=8, tokens=40).splitlines() if f"[{rows}" in line]
    assert name in ("lazy x0", "lazy few") or not tables, tables
