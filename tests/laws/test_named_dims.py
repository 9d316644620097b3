"""Law: a graph typed with named sizes means what the same graph typed with numbers means, at every size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lexgrad.evaluate import evaluate
from lexgrad.grad import differentiate
from lexgrad.graph import PRIMITIVES, Dim, Graph, Shape, Size, Type, apply, check, filled, input_node, parse
from lexgrad.ops import broadcast_to, size, tanh
from lexgrad.ops import sum as total
from tests.comparing import assert_same_values
from tests.laws.cases import WITHOUT_SAMPLES

N, M = Dim("n"), Dim("m")
SIZES = [(2, 3), (1, 1), (0, 3), (3, 0), (0, 0), (1, 0), (5, 4)]

Draw = Callable[[np.random.Generator, tuple[int, ...]], NDArray[Any]]


def reals(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    return generator.uniform(0.5, 2.0, shape)


def truths(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    return generator.uniform(size=shape) < 0.5


def below(bound: int) -> Draw:
    """Indices from -1, which stands for nothing, up to and without ``bound``."""
    return lambda generator, shape: generator.integers(-1, bound, shape)


def cuts(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    """Offsets of ``shape[0] - 1`` texts that hold 6 rows; without texts, the one 0."""
    inner = np.sort(generator.integers(0, 7, max(shape[0] - 2, 0)))
    return np.array([0, *inner, 6] if shape[0] > 1 else [0])


@dataclass(frozen=True)
class Named:
    """A call of a primitive with named sizes: the types and values of the inputs, and the attributes."""

    inputs: tuple[tuple[Type, Draw], ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    least: tuple[int, int] = (0, 0)
    """The smallest n and m for which it is defined."""


def real(*shape: Size) -> tuple[Type, Draw]:
    return Type("float", shape), reals


def truth(*shape: Size) -> tuple[Type, Draw]:
    return Type("bool", shape), truths


def ids(bound: int, *shape: Size) -> tuple[Type, Draw]:
    return Type("int", shape), below(bound)


def call(*inputs: tuple[Type, Draw], least: tuple[int, int] = (0, 0), **attributes: Any) -> Named:
    return Named(inputs, attributes, least)


STEPS = (Type("int", (N + 1,)), lambda generator, shape: 2 * np.arange(shape[0]))
OFFSETS = (Type("int", (N + 1,)), cuts)
SCALAR = (Type("int"), lambda generator, shape: generator.integers(0, 9, shape))
UNARY = "negative exp log sqrt sin cos tanh sigmoid softplus relu absolute sign stop_gradient"
BINARY = "add subtract multiply divide power maximum minimum"
COMPARISONS = "equal not_equal less less_equal greater greater_equal"


def body() -> Graph:
    """A loop's body that speaks of a size that it sees nowhere among its inputs."""
    h, x, W = (input_node(name, Type("float", shape)) for name, shape in (("h", (M,)), ("x", (M,)), ("W", (M, M))))
    new = tanh(x + h @ W) * size(N)
    return Graph({"h": h, "x": x, "W": W}, {"h": new, "row": broadcast_to(h, (N, M)), "old": h}, "body")


def packed_body() -> Graph:
    """A packed loop's body that speaks of a size that it sees nowhere among its inputs."""
    rows = Dim("rows")
    shapes: dict[str, Shape] = {"h": (rows, 2), "x": (rows, 2), "W": (2, 2)}
    h, x, W = (input_node(name, Type("float", shape)) for name, shape in shapes.items())
    return Graph({"h": h, "x": x, "W": W}, {"h": tanh(x + h @ W) * size(N), "old": h}, "body")


TABLE: dict[str, tuple[Named, ...]] = {
    **{name: (call(real(N, M)),) for name in UNARY.split()},
    **{name: (call(real(N, M), real(N, M)),) for name in (BINARY + " " + COMPARISONS).split()},
    "logical_and": (call(truth(N), truth(N)),),
    "logical_or": (call(truth(N), truth(N)),),
    "logical_not": (call(truth(N, M)),),
    "cast": (call(truth(N, M), dtype="float"), call(real(N, M), dtype="int")),
    "select": (call(truth(N, M), real(N, M), real(N, M)),),
    "reshape": (call(real(N, M), shape=(N * M,)), call(real(N, M, 2), shape=(N, 2 * M))),
    "transpose": (call(real(N, M), axes=(1, 0)),),
    "broadcast": (call(real(N), shape=(N, M), axes=(0,)), call(real(), shape=(N, M + 1), axes=())),
    "concatenate": (call(real(N, 2), real(M, 2), real(1, 2), axis=0),),
    "slice": (
        call(real(N + 1, M), starts=(1, 0), stops=(N + 1, M), steps=(1, 1)),
        call(real(N + M), starts=(N,), stops=(N + M,), steps=(1,)),
    ),
    "pad": (
        call(real(N, M), low=(1, 0), high=(0, 2), interior=(0, 0)),
        call(real(3), low=(N,), high=(M,), interior=(1,)),
    ),
    "reverse": (call(real(N, M), axes=(0, 1)),),
    "sum": (call(real(N, M), axes=(0,)), call(real(N, M), axes=(0, 1))),
    "logsumexp": (call(real(N, M), axes=(1,)),),
    "max": (call(real(N, M), axis=1, least=(0, 1)),),
    "argmax": (call(real(N, M), axis=1, least=(0, 1)),),
    "size": (call(of=N * M + 1),),
    "matmul": (call(real(N, M), real(M, 2)), call(real(M), real(M, N)), call(real(N, M), real(M))),
    "take": (call(real(4, M), ids(4, N)), call(real(4, 2), ids(4, N, M))),
    "scatter_add": (call(real(N, 2), ids(4, N), size=M + 4), call(real(N, M), ids(4, N), size=4)),
    "add_rows": (call(real(4, M), real(N, M), ids(4, N)),),
    "add_along": (
        call(real(3, M), real(N, M), ids(3, N, M), axis=0),
        call(real(N, 3), real(N, M), ids(3, N, M), axis=1),
    ),
    "set_rows": (call(real(4, M), real(N, M), ids(4, N)),),
    "order_met": (call(ids(4, N)), call(ids(4, N * M + 2))),
    "take_along": (call(real(3, M), ids(3, N, M), axis=0),),
    "put_along": (call(real(N, M), ids(3, N, M), axis=0, size=N + 3),),
    "segment_sum": (call(real(6, M), OFFSETS, least=(1, 0)),),
    "segment_max": (call(real(6, M), OFFSETS, least=(1, 0)),),
    "segment_argmax": (call(real(6, M), OFFSETS, least=(1, 0)),),
    "segment_repeat": (call(real(N, M), OFFSETS, length=6, least=(1, 0)),),
    "random_uniform": (call(SCALAR, SCALAR, shape=(N, M)),),
    "iota": (call(length=N * M),),
    "scan": tuple(
        call(
            real(M),
            real(N, M),
            real(M, M),
            body=body(),
            carries=1,
            sequences=1,
            length=N,
            reverse=reverse,
            output=output,
        )
        for output in (0, 1, 2)
        for reverse in (False, True)
    ),
    "packed_scan": tuple(
        call(
            STEPS,
            real(M + 2, 2),
            real(2 * N, 2),
            real(2, 2),
            body=packed_body(),
            carries=1,
            sequences=1,
            tokens=2 * N,
            reverse=reverse,
            output=output,
        )
        for output in (0, 1)
        for reverse in (False, True)
    ),
}
CALLS = [
    pytest.param(name, named, id=f"{name}-{number}")
    for name, calls in TABLE.items()
    for number, named in enumerate(calls)
]


def test_no_primitive_is_missing() -> None:
    assert set(TABLE) == set(PRIMITIVES) - WITHOUT_SAMPLES


def resolved(value: Any, sizes: Mapping[str, int]) -> Any:
    """The value with its sizes filled in; as it is, where there are none to fill in."""
    return filled(value, sizes) if sizes else value


def graph_of(name: str, named: Named, sizes: Mapping[str, int]) -> Graph:
    """The call as a graph with the sizes that are given filled in, and one more input that binds n and m."""
    inputs = {
        f"x{i}": input_node(f"x{i}", Type(type.dtype, resolved(type.shape, sizes)))
        for i, (type, _) in enumerate(named.inputs)
    }
    attributes = {key: resolved(value, sizes) for key, value in named.attributes.items()}
    out = apply(PRIMITIVES[name], *inputs.values(), **attributes)
    binding = input_node("binding", Type("bool", resolved((N, M), sizes)))
    return Graph({**inputs, "binding": binding}, {"out": out}, name)


def values_of(named: Named, sizes: Mapping[str, int]) -> dict[str, NDArray[Any]]:
    generator = np.random.default_rng(5)
    drawn = {}
    for i, (type, draw) in enumerate(named.inputs):
        shape: tuple[int, ...] = resolved(type.shape, sizes)
        drawn[f"x{i}"] = np.asarray(draw(generator, shape)).reshape(shape)
    return {**drawn, "binding": np.zeros((sizes["n"], sizes["m"]), dtype=np.bool_)}


def with_derivatives(graph: Graph) -> Graph:
    """The graph of Σ tanh(output), differentiated in every float input; the graph itself where it is not of floats."""
    out = graph.outputs["out"]
    real_inputs = [name for name, type in graph.input_types.items() if type.dtype == "float"]
    if out.type.dtype != "float" or not real_inputs:
        return graph
    return differentiate(Graph(graph.inputs, {"out": out, "sum": total(tanh(out))}, graph.name), real_inputs, "sum")


@pytest.mark.parametrize(("name", "named"), CALLS)
def test_named_sizes_mean_what_numbers_mean(name: str, named: Named) -> None:
    general = check(with_derivatives(graph_of(name, named, {})))
    assert str(parse(str(general))) == str(general)
    for n, m in SIZES:
        if n < named.least[0] or m < named.least[1]:
            continue
        sizes = {"n": n, "m": m}
        particular = check(with_derivatives(graph_of(name, named, sizes)))
        values = values_of(named, sizes)
        assert_same_values(evaluate(general, values), evaluate(particular, values), 1e-12)


@pytest.mark.parametrize(("name", "named"), CALLS)
def test_the_typing_rule_goes_with_filling_in_the_sizes(name: str, named: Named) -> None:
    general = graph_of(name, named, {}).outputs["out"].type
    for n, m in SIZES:
        if n < named.least[0] or m < named.least[1]:
            continue
        sizes = {"n": n, "m": m}
        shape: Shape = resolved(general.shape, sizes)
        assert graph_of(name, named, sizes).outputs["out"].type == Type(general.dtype, shape)
