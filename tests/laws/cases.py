"""The table that every law runs over: each sample of each primitive, as a graph with the values of its inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lexgrad.graph import PRIMITIVES, Graph, Node, Primitive, apply, input_node
from lexgrad.ops import constant, type_of
from lexgrad.ops import sum as total
from lexgrad.ops.samples import Sample

WITHOUT_SAMPLES = {"constant"}
"""A constant is not computed from anything; tests/graph has its own tests of it."""


@dataclass(frozen=True)
class Case:
    """One primitive with one of its samples."""

    primitive: Primitive
    sample: Sample
    number: int

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """The values of the inputs."""
        return self.sample.draw(self.number)

    @property
    def values(self) -> dict[str, NDArray[Any]]:
        """The values of the inputs by the names that they have in ``graph``."""
        return {f"x{i}": array for i, array in enumerate(self.arrays)}

    def apply(self, *inputs: Node) -> Node:
        """The primitive applied to nodes with the sample's attributes."""
        return apply(self.primitive, *inputs, **self.sample.attributes)

    def graph(self) -> Graph:
        """The primitive applied to one input node for each of its inputs."""
        inputs = {name: input_node(name, type_of(array)) for name, array in self.values.items()}
        return Graph(inputs, {"out": self.apply(*inputs.values())}, self.primitive.name)

    def scalar_graph(self) -> Graph:
        """Σ weights · output: a scalar that a symmetric or constant-sum derivative cannot hide behind."""
        graph = self.graph()
        out = graph.outputs["out"]
        shape = [size for size in out.shape if isinstance(size, int)]
        weights = np.random.default_rng(100 + self.number).normal(size=shape)
        return Graph(graph.inputs, {"out": total(out * constant(weights))}, self.primitive.name)

    @property
    def float_inputs(self) -> list[str]:
        """The names of the inputs that have a derivative."""
        return [name for name, type in self.graph().input_types.items() if type.dtype == "float"]

    @property
    def differentiable(self) -> bool:
        """Whether there is a float to differentiate, and one to differentiate in."""
        return bool(self.float_inputs) and self.graph().outputs["out"].type.dtype == "float"


def cases() -> Iterator[Case]:
    """Every sample of every primitive."""
    for primitive in PRIMITIVES.values():
        for number, sample in enumerate(primitive.samples):
            yield Case(primitive, sample, number)


ALL = [pytest.param(case, id=f"{case.primitive.name}-{case.number}") for case in cases()]
DIFFERENTIABLE = [
    pytest.param(case, id=f"{case.primitive.name}-{case.number}") for case in cases() if case.differentiable
]
