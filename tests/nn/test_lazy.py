"""Optimisers on the rows that a batch reads: against dense ones, NumPy's rows, and PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.graph import Dim, Node, Type, input_node
from lexgrad.nn.losses import l2_penalty
from lexgrad.nn.optimisers import NAMES, Adam, Optimiser, optimiser, rows_read
from lexgrad.train.step import Objective, TrainingStep, build_step, initial_state, step_input

Array = NDArray[Any]
WORDS, WIDTH, STEPS = 1200, 3, 6
RATES = [0.1, 0.05, 0.2, 0.1, 0.02, 0.1]
START = np.random.default_rng(0).normal(size=(WORDS, WIDTH))
SOME = [np.random.default_rng(step).integers(0, 12, 9) for step in range(STEPS)]
SOME[2][4:6] = -1
EVERY = [np.random.default_rng(step).permutation(np.concatenate([np.arange(WORDS)] * 2)) for step in range(STEPS)]


def squares_of(table: Node, ids: Node, other: Node) -> Node:
    """The sum of (rows read - other)²: each time that a row is read, its gradient is 2 (row - other)."""
    return ops.sum(ops.square(ops.take(table, ids) - other))


def steps(rule: Optimiser, l2: float = 0.0, **clipping: float) -> TrainingStep:
    """A training step on ``squares_of``."""
    table, step = input_node("E", Type("float", (WORDS, WIDTH))), step_input()
    ids = input_node("ids", Type("int", (Dim("n"),)))
    loss = squares_of(table, ids, ops.constant([1.0, -1.0, 0.5]))
    penalty = l2_penalty({"E": table}, l2, lambda name: True)
    objective = Objective(loss, penalty, {"ids": ids}, {"E": table}, ("E",), step)
    return TrainingStep(build_step(objective, rule, **clipping), ("E",), "fp64")  # type: ignore[arg-type]


def path(rule: Optimiser, batches: list[Array], l2: float = 0.0, **clipping: float) -> list[Array]:
    """The table after each step."""
    step = steps(rule, l2, **clipping)
    parameters: Any = {"E": START}
    state: Any = initial_state(rule, parameters, ("E",))
    found = []
    for update, ids in enumerate(batches):
        parameters, state, _ = step(parameters, state, {"ids": ids}, RATES[update], update)
        found.append(parameters["E"].copy())
    return found


def gradient(table: Array, ids: Array) -> Array:
    """The dense gradient of ``squares_of``."""
    result = np.zeros_like(table)
    read = ids[ids >= 0]
    np.add.at(result, read, 2 * (table[read] - [1.0, -1.0, 0.5]))
    return result


def by_rows(name: str, l2: float) -> list[Array]:
    """The formulas, applied to the rows that each batch reads and to no others."""
    table, a, b, found = START.copy(), np.zeros_like(START), np.zeros_like(START), []
    for update, ids in enumerate(SOME):
        rows, rate, t = np.unique(ids[ids >= 0]), RATES[update], update + 1
        theta = table[rows]
        g = gradient(table, ids)[rows] + (0.0 if name == "adamw" else l2) * theta
        if name in ("momentum", "nesterov"):
            a[rows] = 0.9 * a[rows] + g
            table[rows] = theta - rate * (g + 0.9 * a[rows] if name == "nesterov" else a[rows])
        elif name == "adagrad":
            a[rows] += g * g
            table[rows] = theta - rate * g / (np.sqrt(a[rows]) + 1e-10)
        elif name == "adadelta":
            a[rows] = 0.9 * a[rows] + 0.1 * g * g
            delta = np.sqrt(b[rows] + 1e-6) / np.sqrt(a[rows] + 1e-6) * g
            b[rows] = 0.9 * b[rows] + 0.1 * delta * delta
            table[rows] = theta - rate * delta
        elif name in ("adam", "adamw"):
            a[rows], b[rows] = 0.9 * a[rows] + 0.1 * g, 0.999 * b[rows] + 0.001 * g * g
            theta = theta * (1 - rate * l2) if name == "adamw" else theta
            table[rows] = theta - rate * (a[rows] / (1 - 0.9**t)) / (np.sqrt(b[rows] / (1 - 0.999**t)) + 1e-8)
        else:
            table[rows] = theta - rate * g
        found.append(table.copy())
    return found


@pytest.mark.parametrize("l2", [0.0, 0.03])
@pytest.mark.parametrize("name", NAMES)
def test_a_lazy_step_is_the_formula_in_the_rows_that_are_read(name: str, l2: float) -> None:
    rule = optimiser(name, weight_decay=l2, lazy=True)
    for found, expected in zip(path(rule, SOME, 0.0 if name == "adamw" else l2), by_rows(name, l2), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_where_every_row_is_read_lazy_is_dense(name: str) -> None:
    lazy, dense = (
        path(optimiser(name, weight_decay=0.03, lazy=lazy), EVERY, 0.03, clip_norm=1.0) for lazy in (True, False)
    )
    np.testing.assert_allclose(lazy, dense, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    "clipping", [{}, {"clip_norm": 1.5}, {"clip_value": 0.7}, {"clip_value": 0.7, "clip_norm": 1.0}]
)
@pytest.mark.parametrize("name", ["sgd", "adagrad"])
def test_where_rows_that_are_not_read_do_not_move_lazy_is_dense(name: str, clipping: dict[str, float]) -> None:
    lazy, dense = (path(optimiser(name, lazy=lazy), SOME, **clipping) for lazy in (True, False))
    np.testing.assert_allclose(lazy, dense, rtol=1e-12, atol=1e-14)


def test_lazy_adam_is_not_adam() -> None:
    lazy, dense = (path(optimiser("adam", lazy=lazy), SOME) for lazy in (True, False))
    assert np.abs(lazy[0] - dense[0]).max() < 1e-12  # the first step is the same
    moved = np.abs(dense[-1] - dense[-2]).max(1) > 0
    assert set(np.flatnonzero(moved)) > set(SOME[-1].tolist())  # dense: rows that were read before go on moving
    moved = np.abs(lazy[-1] - lazy[-2]).max(1) > 0
    assert set(np.flatnonzero(moved)) == set(SOME[-1].tolist())


def test_rows_looked_up_in_two_places_are_one_table() -> None:
    lazy: list[Array] = []
    dense: list[Array] = []
    for found, flag in ((lazy, True), (dense, False)):
        step = two_lookups(optimiser("adagrad", lazy=flag))
        parameters: Any = {"E": START}
        state: Any = initial_state(optimiser("adagrad"), parameters, ("E",))
        for update, ids in enumerate(SOME):
            batch = {"ids": ids, "pairs": SOME[update - 1][:8].reshape(4, 2)}
            parameters, state, _ = step(parameters, state, batch, RATES[update], update)
            found.append(parameters["E"].copy())
    np.testing.assert_allclose(lazy, dense, rtol=1e-12, atol=1e-14)


def two_lookups(rule: Optimiser) -> TrainingStep:
    """Rows looked up by two batches of ids of different shapes."""
    table, step = input_node("E", Type("float", (WORDS, WIDTH))), step_input()
    ids, pairs = input_node("ids", Type("int", (Dim("n"),))), input_node("pairs", Type("int", (Dim("m"), 2)))
    loss = squares_of(table, ids, ops.constant([1.0, 0.0, 0.5])) + squares_of(
        table, pairs, ops.constant([0.0, 2.0, 0.0])
    )
    objective = Objective(loss, None, {"ids": ids, "pairs": pairs}, {"E": table}, ("E",), step)
    return TrainingStep(build_step(objective, rule, clip_norm=3.0), ("E",), "fp64")


def test_what_is_read_otherwise_has_no_rows() -> None:
    table, ids = input_node("E", Type("float", (9, 2))), input_node("ids", Type("int", (4,)))
    assert rows_read(ops.sum(ops.take(table, ids)), table) is ids
    assert rows_read(ops.sum(ops.take(table, ids)) + ops.sum(table[-1]), table) is None
    assert rows_read(ops.sum(ops.take(table, ids)), ids) is None
    assert rows_read(ops.sum(ids), table) is None


TORCH: dict[str, tuple[Callable[[Any, Any], Any], Optimiser]] = {
    "sgd": (lambda torch, p: torch.optim.SGD(p, lr=1.0), optimiser("sgd", lazy=True)),
    "adagrad": (lambda torch, p: torch.optim.Adagrad(p, lr=1.0), optimiser("adagrad", lazy=True)),
    # PyTorch adds ε before the correction of the second moment, we behind it: with hardly any ε they agree.
    "adam": (lambda torch, p: torch.optim.SparseAdam(p, lr=1.0, eps=1e-30), Adam(epsilon=1e-30, lazy=True)),
}


@pytest.mark.parametrize("name", TORCH)
@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_against_the_sparse_optimisers_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    make, rule = TORCH[name]
    embedding = torch.nn.Embedding.from_pretrained(torch.tensor(START), freeze=False, sparse=True)
    theirs = make(torch, list(embedding.parameters()))
    batches = [ids[ids >= 0] for ids in SOME]
    for update, found in enumerate(path(rule, batches)):
        theirs.param_groups[0]["lr"] = RATES[update]
        theirs.zero_grad()
        ((embedding(torch.tensor(batches[update])) - torch.tensor([1.0, -1.0, 0.5])) ** 2).sum().backward()
        theirs.step()
        np.testing.assert_allclose(found, embedding.weight.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_clipping_against_torch() -> None:
    torch = pytest.importorskip("torch")
    table = torch.tensor(START, requires_grad=True)
    theirs = torch.optim.Adagrad([table], lr=1.0)
    batches = [ids[ids >= 0] for ids in SOME]
    for update, found in enumerate(path(optimiser("adagrad"), batches, clip_norm=1.5)):
        theirs.param_groups[0]["lr"] = RATES[update]
        theirs.zero_grad()
        ((table[torch.tensor(batches[update])] - torch.tensor([1.0, -1.0, 0.5])) ** 2).sum().backward()
        torch.nn.utils.clip_grad_norm_([table], 1.5)
        theirs.step()
        np.testing.assert_allclose(found, table.detach().numpy(), rtol=1e-9, atol=1e-12)
