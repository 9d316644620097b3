"""Law: compiled means what evaluated means, for every sample of every primitive."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lexgrad.compile import Program
from lexgrad.compile.arrays import Precision
from lexgrad.compile.entries import ENTRIES
from lexgrad.compile.fusion import ELEMENTWISE
from lexgrad.compile.lower import KERNELS
from lexgrad.compile.machine import limited
from lexgrad.evaluate import evaluate
from lexgrad.grad import differentiate
from lexgrad.graph import PRIMITIVES, Graph, Node, input_node
from lexgrad.ops import type_of
from tests.comparing import assert_same_values
from tests.compile.running import PROCESSORS, TOLERANCE, Array, assert_same_bits, run
from tests.laws.cases import DIFFERENTIABLE, Case, cases


def together(samples: Sequence[Case]) -> tuple[Graph, dict[str, Array]]:
    """Samples as the outputs of one graph, and the values of its inputs."""
    inputs: dict[str, Node] = {}
    outputs: dict[str, Node] = {}
    values: dict[str, Array] = {}
    for case in samples:
        label = f"{case.primitive.name}_{case.number}"
        own = {f"{label}_{name}": value for name, value in case.values.items()}
        nodes = {name: input_node(name, type_of(value)) for name, value in own.items()}
        outputs[label] = case.apply(*nodes.values())
        inputs |= nodes
        values |= own
    return Graph(inputs, outputs, "samples"), values


def test_every_primitive_has_a_lowering() -> None:
    lowered = {*ELEMENTWISE, *ENTRIES, *KERNELS, "matmul", "packed_scan", "scan", "constant"}
    assert set(PRIMITIVES) - lowered == set()


@pytest.mark.parametrize("precision", ["fp32", "fp64"])
@pytest.mark.parametrize("limit", PROCESSORS)
@pytest.mark.usefixtures("small_work")
def test_all_samples_agree_on_every_processor_and_any_number_of_threads(limit: str, precision: Precision) -> None:
    graph, values = together(list(cases()))
    program = Program(graph, precision, threads=1, processor=limited(limit))
    alone = program.run(values)
    assert_same_values(alone, evaluate(graph, values), TOLERANCE[precision])
    for threads in 2, 3, 4:
        program.threads = threads
        assert_same_bits(program.run(values), alone)


def test_gradients_of_all_samples_agree() -> None:
    inputs: dict[str, Node] = {}
    outputs: dict[str, Node] = {}
    values: dict[str, Array] = {}
    for parameter in DIFFERENTIABLE:
        case: Case = parameter.values[0]  # type: ignore[assignment]
        label = f"{case.primitive.name}_{case.number}"
        gradient = differentiate(case.scalar_graph())
        own = {f"{label}_{name}": input_node(f"{label}_{name}", type) for name, type in gradient.input_types.items()}
        inputs |= own
        outputs |= {f"{label}_{name}": node for name, node in gradient.inline(*own.values()).items()}
        values |= {f"{label}_{name}": value for name, value in case.values.items()}
    graph = Graph(inputs, outputs, "gradients")
    assert_same_values(run(graph, values), evaluate(graph, values), 1e-11)
