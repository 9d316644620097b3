"""Compiling and running graphs in tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.compile import Program
from lexgrad.compile.arrays import Precision
from lexgrad.compile.machine import limited
from lexgrad.evaluate import evaluate
from lexgrad.graph import Graph, Node, Type, input_node
from tests.comparing import assert_same_values

Array = NDArray[Any]
Arrays = Mapping[str, Array]
PROCESSORS = ["", "avx2", "portable"]
"""Limits of the processor: all that it has, nothing beyond AVX2, only what every one has."""

TOLERANCE: dict[Precision, float] = {"fp32": 1e-5, "fp64": 1e-12}
"""Samples and the values of random graphs are a few units large, and made of a few dozen roundings at most."""


def graph_of(function: Callable[..., Any], **types: Type) -> Graph:
    """The graph of a function of nodes that returns one, called ``out``, or several by name."""
    inputs = {name: input_node(name, type) for name, type in types.items()}
    result = function(*inputs.values())
    return Graph(inputs, {"out": result} if isinstance(result, Node) else result)


def reals(*shape: Any) -> Type:
    """The type of an array of floats."""
    return Type("float", shape)


def whole(*shape: Any) -> Type:
    """The type of an array of integers."""
    return Type("int", shape)


def truths(*shape: Any) -> Type:
    """The type of an array of booleans."""
    return Type("bool", shape)


def run(graph: Graph, values: Arrays, precision: Precision = "fp64", threads: int = 1, limit: str = "") -> Arrays:
    """The outputs of a graph, compiled."""
    return Program(graph, precision, threads, processor=limited(limit)).run(values)


def assert_on_any_threads(
    program: Program, graph: Graph, given: Arrays, threads: Sequence[int], tolerance: float = 1e-12
) -> None:
    """A program gives what the graph says, within a tolerance, and the same bits on so many threads as on one."""
    program.threads = 1
    alone = program.run(given)
    assert_same_values(alone, evaluate(graph, given), tolerance)
    for number in threads:
        program.threads = number
        assert_same_bits(program.run(given), alone)


def assert_same_bits(found: Arrays, expected: Arrays) -> None:
    """Every output is the same number, bit for bit; any NaN is as good as any other."""
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        same = found[name].tobytes() == value.tobytes()
        np.testing.assert_array_equal(found[name], value, err_msg=name)
        assert same or np.isnan(value).any(), name  # -0.0 is not 0.0
