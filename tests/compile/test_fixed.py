"""Programs some of whose inputs stay: what a run gives, for any shapes in any order, and what is refused."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program, fixed
from lexgrad.errors import InputError
from lexgrad.graph import Dim
from tests.compile.running import assert_same_bits, graph_of, reals, whole

TABLE = np.random.default_rng(0).normal(size=(20, 3))


def pooled(threads: int = 1, precision: Any = "fp64") -> Program:
    """The means of rows of a table over texts, the texts' squares, and outputs that nothing is computed for."""
    graph = graph_of(
        lambda table, ids, offsets, unused: {
            "means": ops.segment_mean(ops.take(table, ids), offsets),
            "ids": ids,
            "squares": ops.matmul(ops.take(table, ids), ops.take(table, ids).T),
            "two": ops.constant(2.0),
            "table": table,
        },
        table=reals(20, 3),
        ids=whole(Dim("tokens")),
        offsets=whole(Dim("batch") + 1),
        unused=reals(2),
    )
    return Program(graph, precision, threads)


def texts(*lengths: int) -> dict[str, Any]:
    ids = np.random.default_rng(sum(lengths)).integers(0, 20, sum(lengths))
    return {"ids": ids, "offsets": np.cumsum([0, *lengths])}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.usefixtures("small_work")
def test_a_call_gives_what_a_run_gives(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed, "REMEMBERED", 3)  # so that layouts are forgotten on the way
    program = pooled(threads)
    stays = {"table": TABLE, "unused": np.zeros(2)}
    call = program.fixed(stays)
    results = []
    for lengths in ((3, 2), (1,), (3, 2), (40, 0, 7), (), (2, 3), (1,), (0,), (3, 2)):
        given = texts(*lengths)
        found = call(given)
        assert_same_bits(found, program.run({**stays, **given}))
        results.append((found, {name: value.copy() for name, value in found.items()}))
    for found, copies in results:  # no later call has written to them
        assert_same_bits(found, copies)


@pytest.mark.parametrize("length", [5, 4000])
def test_inputs_may_lie_across_memory(length: int) -> None:
    call = pooled().fixed({"table": TABLE, "unused": np.zeros(2)})
    given = texts(length, 1)
    across = {name: np.repeat(array, 2)[::2] for name, array in given.items()}
    for _ in range(2):
        assert_same_bits(call(across), call(given))


def test_values_of_other_kinds_are_brought_to_the_right_one() -> None:
    call = pooled(precision="fp32").fixed({"table": TABLE, "unused": np.zeros(2)})
    given = texts(5, 2)
    right = call(given)
    for kind in (np.int32, np.uint8, np.asfortranarray, np.ndarray.tolist):
        for _ in range(2):
            other = {n: v.astype(kind) if isinstance(kind, type) else kind(v) for n, v in given.items()}
            assert_same_bits(call(other), right)


def test_what_is_lent_is_written_over_by_the_next_call() -> None:
    call = pooled().fixed({"table": TABLE, "unused": np.zeros(2)})
    expected = [call(texts(4)), call({**texts(4), "ids": np.arange(4)})]
    lent = call.lend(texts(4))
    assert_same_bits(dict(lent), expected[0])
    again = call.lend({**texts(4), "ids": np.arange(4)})
    assert_same_bits(dict(again), expected[1])
    assert again["means"] is lent["means"]


def test_what_is_written_to_a_fixed_array_counts() -> None:
    program, table = pooled(), TABLE.copy()
    call = program.fixed({"table": table, "unused": np.zeros(2)})
    assert call.inputs["table"] is table
    before = call(texts(4))["means"]
    table *= 2
    np.testing.assert_array_equal(call(texts(4))["means"], 2 * before)
    narrow = pooled(precision="fp32").fixed({"table": table, "unused": np.zeros(2)})
    assert narrow.inputs["table"] is not table  # another width has to be a copy


def test_calls_from_several_threads_do_not_disturb_each_other() -> None:
    program = pooled()
    call = program.fixed({"table": TABLE, "unused": np.zeros(2)})
    inputs = [texts(*range(1, size)) for size in range(2, 10)]
    expected = [program.run({"table": TABLE, "unused": np.zeros(2), **given})["means"] for given in inputs]
    wrong: list[int] = []

    def work(begin: int) -> None:
        for turn in range(80):
            which = (begin + turn) % len(inputs)
            if not np.array_equal(call(inputs[which])["means"], expected[which]):
                wrong.append(which)

    threads = [threading.Thread(target=work, args=(begin,)) for begin in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_does_not_fit_is_refused_and_the_next_call_is_right() -> None:
    call = pooled().fixed({"table": TABLE, "unused": np.zeros(2)})
    right = call(texts(4))["means"]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"ids": texts(4)["ids"]}, "needs a value for offsets"),
        ({**texts(4), "extra": np.zeros(1)}, "no input 'extra'"),
        ({**texts(4), "table": TABLE}, "'table' stays"),
        ({**texts(4), "ids": np.zeros(4)}, "'ids' should be int"),
        ({**texts(4), "ids": np.zeros((4, 1), int)}, "'ids' should be"),
        ({**texts(4), "ids": np.array([0, 1, 20, 3])}, "index 20 is out of range for 20 rows"),
        ({**texts(4), "offsets": np.array([0, 3])}, "offsets must rise from 0 to the number of rows, 4"),
    ]
    for given, message in cases:
        with pytest.raises(InputError, match=message):
            call(given)
        np.testing.assert_array_equal(call(texts(4))["means"], right)
    with pytest.raises(InputError, match="no input 'tabel'"):
        pooled().fixed({"tabel": TABLE})
    updating = Program(graph_of(lambda w: {"w": w + 1.0}, w=reals(3)), "fp64", 1, {"w": "w"})
    with pytest.raises(InputError, match="in place"):
        updating.fixed({})
