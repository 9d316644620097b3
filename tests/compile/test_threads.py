"""Threads: many programs, calls from several Python threads at once, forks and errors."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile import threads as pool
from lexgrad.compile.threads import processors, together
from lexgrad.graph import Dim
from tests.compile.running import graph_of, reals

pytestmark = pytest.mark.usefixtures("small_work")


def network(threads: int) -> Program:
    """A program of several kernels, between which its threads have to meet."""

    def outputs(x: Any, w: Any) -> Any:
        hidden = ops.tanh(x @ w)
        return {"out": ops.softmax(hidden @ w), "total": ops.sum(hidden, 0)}

    return Program(graph_of(outputs, x=reals(Dim("n"), 8), w=reals(8, 8)), "fp64", threads=threads)


def values(seed: int) -> dict[str, Any]:
    """Inputs of ``network``."""
    generator = np.random.default_rng(seed)
    return {"x": generator.normal(size=(20 + seed, 8)), "w": generator.normal(size=(8, 8))}


def test_a_program_may_be_called_from_several_threads_at_once() -> None:
    alone = [network(1).run(values(seed)) for seed in range(8)]
    programs = {threads: network(threads) for threads in (2, 3, 4)}

    def call(job: int) -> bool:
        found = programs[2 + job % 3].run(values(job % 8))
        return all(np.array_equal(found[name], alone[job % 8][name]) for name in found)

    with ThreadPoolExecutor(8) as callers:
        assert all(callers.map(call, range(200)))


def test_many_programs_live_side_by_side() -> None:
    programs = [network(2) for _ in range(20)]
    expected = programs[0].run(values(0))
    for program in programs[::-1]:
        np.testing.assert_array_equal(program.run(values(0))["out"], expected["out"])


def test_each_thread_takes_part_once() -> None:
    for threads in (1, 2, 5):
        seen: list[tuple[int, int]] = []
        together(lambda thread, of, meeting, seen=seen: seen.append((thread, of)), threads)  # type: ignore[misc]
        assert sorted(seen) == [(thread, threads) for thread in range(threads)]


def test_an_error_in_any_thread_comes_through() -> None:
    for bad in (0, 1, 2):

        def fails(thread: int, threads: int, meeting: int, bad: int = bad) -> None:
            if thread == bad:
                raise ZeroDivisionError(str(bad))

        with pytest.raises(ZeroDivisionError, match=str(bad)):
            together(fails, 3)
    assert network(3).run(values(1))


def test_those_who_wait_are_met_also_when_the_caller_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interruption while threads are being called must not leave those already called waiting for ever."""
    met = threading.Barrier(3)
    real = pool._pool(3)

    class Interrupted:
        calls = 0

        def submit(self, function: Any) -> Any:
            self.calls += 1
            if self.calls == 2:
                raise KeyboardInterrupt
            return real.submit(function)

    interrupted = Interrupted()
    monkeypatch.setattr(pool, "_pool", lambda threads: interrupted)

    def wait(thread: int, threads: int, meeting: int) -> None:
        met.wait(60)

    with pytest.raises(KeyboardInterrupt):
        together(wait, 3)
    assert met.n_waiting == 0
    assert not met.broken


def test_without_a_pool_one_thread_does_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = ThreadPoolExecutor(1)
    closed.shutdown()
    monkeypatch.setattr(pool, "_pool", lambda threads: closed)
    expected = network(1).run(values(2))
    np.testing.assert_array_equal(network(4).run(values(2))["out"], expected["out"])


def test_as_many_threads_as_this_process_may_use() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)
    assert network(1).threads == 1
    assert Program(graph_of(lambda x: x, x=reals(2))).threads == processors()


FORKING = """
import os
import sys
from tests.compile.test_threads import network, values
from lexgrad.compile import program as programs
programs._WORK_OF_A_THREAD = programs._WORK_OF_A_STEP = 1
program = network(3)
before = program.run(values(3))["out"]
child = os.fork()
after = program.run(values(3))["out"]
same = bool((before == after).all())
if child == 0:
    os._exit(0 if same else 1)
_, status = os.waitpid(child, 0)
sys.exit(0 if same and status == 0 else 1)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_makes_threads_of_its_own() -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING]
    assert subprocess.run(command, timeout=120, check=False).returncode == 0
