"""Counter-based random numbers: the authors' known answers, and what follows from being a function of the counter."""

from __future__ import annotations

import numpy as np
import pytest

import lexgrad as lg
from lexgrad import ops
from lexgrad.evaluate import Interpreter, evaluate
from lexgrad.graph import Dim, Graph, Type, input_node
from lexgrad.ops.random import philox, philox_words
from tests.running import run

# From the file kat_vectors of Random123, the authors' own implementation: philox2x32, 10 rounds.
KNOWN = [
    (0x00000000, 0x00000000, 0x00000000, 0xFF1DAE59, 0x6CD10DF2),
    (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0x2C3F628B, 0xAB4FD7AD),
    (0x243F6A88, 0x85A308D3, 0x13198A2E, 0xDD7CE038, 0xF62A4C12),
]


@pytest.mark.parametrize(("first", "second", "key", "left", "right"), KNOWN)
def test_known_answers(first: int, second: int, key: int, left: int, right: int) -> None:
    words = philox_words(key, np.array([first], np.uint64), np.array([second], np.uint64))
    assert [int(word[0]) for word in words] == [left, right]
    assert int(philox(key, second, np.array([first], np.uint64))[0]) == left


def uniform(key: int, step: int, shape: tuple[int, ...]) -> np.ndarray:
    return run(lambda key, step: lg.random_uniform(key, step, shape), key, step)


def test_numbers_come_from_key_step_and_position_alone() -> None:
    whole = uniform(7, 3, (6, 4))
    np.testing.assert_array_equal(uniform(7, 3, (24,)), whole.reshape(-1))
    np.testing.assert_array_equal(uniform(7, 3, (10,)), whole.reshape(-1)[:10])
    assert not np.any(uniform(8, 3, (6, 4)) == whole)
    assert not np.any(uniform(7, 4, (6, 4)) == whole)


def test_fp32_sees_the_same_numbers_all_below_1() -> None:
    graph = Graph({}, {"u": ops.random_uniform(1, 2, (1000,))})
    exact, rough = evaluate(graph, {})["u"], evaluate(graph, {}, "fp32")["u"]
    assert rough.dtype == np.float32
    np.testing.assert_array_equal(exact, rough)
    assert exact.min() >= 0.0
    assert rough.max() < 1.0


def test_numbers_are_spread_evenly() -> None:
    numbers = uniform(42, 0, (100_000,))
    counts, _ = np.histogram(numbers, 20, (0.0, 1.0))
    expected = 100_000 / 20
    # Pearson's statistic has 19 degrees of freedom; it lies below 43.8 in 999 of 1000 samples. The seed is fixed.
    assert np.sum((counts - expected) ** 2 / expected) < 43.8
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.01


def test_dropout_keeps_the_share_it_is_told_and_the_mean() -> None:
    x = np.ones((400, 250))
    dropped = run(lambda x: lg.dropout(x, 0.3, 5, 11), x)
    assert set(np.unique(dropped)) == {0.0, 1.0 / 0.7}
    kept = np.mean(dropped > 0)
    assert abs(kept - 0.7) < 4 * np.sqrt(0.21 / x.size)
    np.testing.assert_array_equal(dropped, run(lambda x: lg.dropout(x, 0.3, 5, 11), x))
    assert np.any(dropped != run(lambda x: lg.dropout(x, 0.3, 5, 12), x))


def test_the_gradient_of_dropout_has_the_same_mask() -> None:
    x = np.linspace(1.0, 2.0, 50)
    gradient = lg.grad(lambda x: lg.sum(lg.dropout(x, 0.5, 1, 1)))(x)
    np.testing.assert_array_equal(gradient * x, run(lambda x: lg.dropout(x, 0.5, 1, 1), x))


def test_one_graph_draws_for_every_step_and_size() -> None:
    x, step = input_node("x", Type("float", (Dim("n"),))), input_node("step", Type("int"))
    run_graph = Interpreter(Graph({"x": x, "step": step}, {"out": lg.dropout(x, 0.5, 9, step)}))
    first = run_graph(x=np.ones(40), step=1)["out"]
    np.testing.assert_array_equal(run_graph(x=np.ones(20), step=1)["out"], first[:20])
    assert np.any(run_graph(x=np.ones(40), step=2)["out"] != first)
    assert run_graph(x=np.ones(0), step=2)["out"].shape == (0,)


def test_a_rate_of_0_is_nothing_at_all() -> None:
    x = input_node("x", Type("float", (3,)))
    assert lg.dropout(x, 0.0, 1, 1) is x
