"""What holds for any graph, on graphs that Hypothesis grows: sizes of 0, 1 and primes, empty texts, any dtype."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings

from lexgrad.compile import Program, making
from lexgrad.compile import program as programs
from lexgrad.compile.arrays import Array, aligned_empty
from lexgrad.compile.loops import Kernel
from lexgrad.compile.machine import limited
from lexgrad.compile.plan import Memory
from lexgrad.evaluate import evaluate
from lexgrad.grad import differentiate
from lexgrad.graph import Node
from tests.comparing import assert_same_values
from tests.compile.running import assert_same_bits
from tests.strategies import RandomGraph, graphs


@given(graphs())
@settings(max_examples=30)
def test_compiled_is_evaluated(case: RandomGraph) -> None:
    assert_same_values(
        Program(case.graph, "fp64", threads=1).run(case.values), evaluate(case.graph, case.values), 1e-10
    )


@given(graphs(steps=10))
@settings(max_examples=20)
def test_compiled_gradients_are_evaluated_ones(case: RandomGraph) -> None:
    graph = differentiate(case.graph, output="loss")
    assert_same_values(Program(graph, "fp64", threads=1).run(case.values), evaluate(graph, case.values), 1e-9)


@pytest.mark.parametrize("limit", ["avx2", "portable"])
def test_lesser_processors_compute_the_same(limit: str) -> None:
    @given(graphs(steps=8))
    @settings(max_examples=12)
    def law(case: RandomGraph) -> None:
        program = Program(case.graph, "fp64", threads=1, processor=limited(limit))
        assert_same_values(program.run(case.values), evaluate(case.graph, case.values), 1e-10)

    law()


def apart(kernels: Sequence[Kernel], scratch: Mapping[str, Node], widths: Mapping[str, int]) -> Memory:
    """A memory plan in which no two buffers share a place."""
    slots = {name: i for i, name in enumerate(scratch)}
    return Memory(slots, [[(node.type.size, widths[name])] for name, node in scratch.items()])


def poisoned(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Array:
    """Fresh memory full of NaN, true and -1, so that what is read before it is written shows."""
    array = aligned_empty(shape, dtype)
    array.reshape(-1).view(np.uint8)[:] = 0xFF
    return array


@pytest.mark.usefixtures("small_work")
def test_neither_threads_nor_shared_memory_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    @given(graphs())
    @settings(max_examples=18)
    def law(case: RandomGraph) -> None:
        program = Program(case.graph, "fp32", threads=1)
        alone = program.run(case.values)
        with monkeypatch.context() as patch:
            patch.setattr(programs, "aligned_empty", poisoned)
            for threads in 1, 2, 3, 4:
                program.threads = threads
                assert_same_bits(program.run(case.values), alone)
            patch.setattr(making, "plan", apart)
            assert_same_bits(Program(case.graph, "fp32", threads=1).run(case.values), alone)

    law()
