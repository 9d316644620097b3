"""What a graph becomes: pseudocode that people can read, few kernels, and no work done over and over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile.fusion import DEEPEST, fuse
from lexgrad.compile.loops import Store, walk
from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Graph, Node
from tests.comparing import assert_same_values
from tests.compile.running import TOLERANCE, graph_of, reals, run, truths, whole

N = Dim("n")

PSEUDOCODE = """
kernel k0.segment_sum_3: texts shares  # segment_sum_3: float[texts, 4] = segment_sum
  for r1 in first … last:
    for i2 in 0 … 4:
      segment_sum_3[((r1 * 4) + i2)] = 0
    for t3 in maximum(0, minimum(offsets_1[r1], n)) … maximum(0, minimum(offsets_1[(r1 + 1)], n)):
      for i4 in 0 … 4:
        v5 = exp(x_0[((t3 * 4) + i4)])
        segment_sum_3[((r1 * 4) + i4)] = (segment_sum_3[((r1 * 4) + i4)] + v5)
kernel k1.out_4: texts shares  # out_4: float[texts, 4] = multiply
  for r1 in first … last:
    for i2 in 0 … 4:
      v3 = log(segment_sum_3[((r1 * 4) + i2)])
      out_4[((r1 * 4) + i2)] = (v3 * b_2[i2])
""".strip()


def test_pseudocode() -> None:
    def outputs(x: Node, offsets: Node, b: Node) -> Node:
        return (ops.log(ops.segment_sum(ops.exp(x), offsets)) * b).named("out")

    program = Program(graph_of(outputs, x=reals(N, 4), offsets=whole(Dim("texts") + 1), b=reals(4)))
    kernels = program.pseudocode.split("kernel ")
    shown = "kernel ".join(kernel for kernel in kernels if "check" not in kernel)
    numbered = shown.replace("k1.segment", "k0.segment").replace("k2.out", "k1.out")
    assert numbered.strip() == PSEUDOCODE
    (check,) = (kernel for kernel in kernels if "check" in kernel)
    assert check.startswith("k0.check_1: 1 shares  # check the indices of segment_sum\n")


def test_a_layer_is_one_kernel() -> None:
    program = Program(graph_of(lambda x, w, b: ops.tanh(x @ w + b), x=reals(N, 3), w=reals(3, 2), b=reals(2)))
    assert len(program.kernels) == 1
    assert "in register tiles of" in program.pseudocode
    assert "tanh(" in program.pseudocode


def chain(x: Any, links: int) -> Any:
    """Many operations, one behind the other."""
    for i in range(links):
        x = ops.sin(x) * 1.5 if i % 2 else x + 0.1
    return x


def stores(graph: Graph) -> int:
    """How many values the kernels of a graph write, counting statements."""
    return sum(isinstance(statement, Store) for kernel in Program(graph).kernels for statement in walk(kernel.body))


def test_long_chains_are_cut_so_that_nothing_recurses_without_end() -> None:
    graph = graph_of(lambda x: chain(x, 1500), x=reals(N))
    x = np.linspace(-1, 1, 5)
    assert_same_values(run(graph, {"x": x}), evaluate(graph, {"x": x}), 1e-9)
    links = sum(node.primitive.name not in ("constant", "broadcast", "input") for node in graph.nodes)
    assert links / DEEPEST <= len(fuse(graph).kept) <= links / DEEPEST + 2


def test_a_sum_of_many_terms() -> None:
    def outputs(x: Node) -> Node:
        total = ops.constant(0.0)
        for i in range(400):
            total = total + ops.sum(x * float(i))
        return total

    graph = graph_of(outputs, x=reals(3))
    assert_same_values(run(graph, {"x": np.ones(3)}), evaluate(graph, {"x": np.ones(3)}), 1e-10)


@pytest.mark.parametrize("moved", ["reversed", "shifted", "turned"])
def test_what_is_read_in_two_places_is_not_computed_ever_more_often(moved: str) -> None:
    """Each level reads the one below twice: computed where it is read, thirty levels would be 2³⁰ operations."""
    ways: dict[str, Callable[[Node], Node]] = {
        "reversed": lambda x: ops.reverse(x, 0) + ops.reverse(x, 1),
        "shifted": lambda x: ops.pad(x[1:], [(0, 1), (0, 0)]) + ops.pad(x[:, 1:], [(0, 0), (1, 0)]),
        "turned": lambda x: x.T + ops.reverse(x, 0),
    }

    def outputs(x: Node) -> Node:
        for _ in range(30):
            x = ways[moved](x) * 0.5
        return x

    graph = graph_of(outputs, x=reals(4, 4))
    x = np.arange(16.0).reshape(4, 4)
    assert_same_values(run(graph, {"x": x}), evaluate(graph, {"x": x}), 1e-12)
    assert len(Program(graph).llvm) < 1_000_000


def test_an_optimiser_over_many_parameters_is_few_kernels() -> None:
    def outputs(**nodes: Node) -> dict[str, Node]:
        return {f"{name}": node - 0.1 * ops.sign(node) for name, node in nodes.items()}

    types = {f"p{i}": reals(5, 3) for i in range(12)}
    inputs = graph_of(lambda *nodes: {f"p{i}": node for i, node in enumerate(nodes)}, **types).inputs
    graph = Graph(inputs, outputs(**inputs))
    program = Program(graph, donated={name: name for name in inputs})
    assert len(program.kernels) == 1
    assert stores(graph) == 12
    assert not program.donation.copied


def test_a_graph_without_inputs_or_kernels() -> None:
    constants = {"a": ops.constant(2.0) + 1.0, "b": ops.arange(3), "c": ops.constant(True)}
    graph = Graph({}, constants)
    assert_same_values(run(graph, {}), evaluate(graph, {}))
    passing = graph_of(lambda x: {"x": x}, x=reals(N))
    assert Program(passing).kernels == []
    assert run(passing, {"x": np.ones(2)})["x"].tolist() == [1.0, 1.0]


def test_reductions_of_nothing_and_of_special_numbers() -> None:
    nan, inf = np.nan, np.inf
    x = np.array([[1, nan, 3], [nan, inf, -inf], [-inf, -inf, -inf], [inf, 2, inf], [0, -0.0, 5]])

    def outputs(x: Node) -> dict[str, Node]:
        result: dict[str, Node] = {"relu": ops.relu(x), "sign": ops.sign(x), "softmax": ops.softmax(x)}
        for axis in (0, 1):
            for function in (ops.sum, ops.max, ops.min, ops.argmax, ops.logsumexp):
                result[f"{function.__name__}{axis}"] = function(x, axis)
        turned = ops.reverse(x, 0)
        pairs = {"maximum": ops.maximum, "minimum": ops.minimum, "equal": ops.equal, "not_equal": ops.not_equal}
        compared = {"less": ops.less, "greater_equal": ops.greater_equal}
        return result | {name: function(x, turned) for name, function in (pairs | compared).items()}

    graph = graph_of(outputs, x=reals(N, 3))
    program = Program(graph, "fp64")
    assert_same_values(program.run({"x": x}), evaluate(graph, {"x": x}), 1e-12)
    sums = graph_of(lambda x: {"sum": ops.sum(x, 0), "log": ops.logsumexp(x, 0), "mean": ops.mean(x, 0)}, x=reals(N, 3))
    assert_same_values(run(sums, {"x": x[:0]}), evaluate(sums, {"x": x[:0]}))


def test_texts_of_special_numbers() -> None:
    from lexgrad.ops.segment import segment_argmax

    nan, inf = np.nan, np.inf
    x = np.array([[1, nan], [2, -inf], [-inf, 4], [-inf, 4], [nan, nan]])

    def outputs(x: Node, offsets: Node) -> dict[str, Node]:
        functions = {"sum": ops.segment_sum, "max": ops.segment_max, "argmax": segment_argmax}
        return {name: function(x, offsets) for name, function in functions.items()}

    graph = graph_of(outputs, x=reals(N, 2), offsets=whole(Dim("m") + 1))
    assert_same_values(
        run(graph, {"x": x, "offsets": np.array([0, 2, 2, 4, 5])}),
        evaluate(graph, {"x": x, "offsets": np.array([0, 2, 2, 4, 5])}),
    )


def test_booleans_and_whole_numbers_everywhere() -> None:
    types = {"b": truths(N, 2), "i": whole(N, 2), "ids": whole(N)}

    def outputs(b: Node, i: Node, ids: Node) -> dict[str, Node]:
        wide = ops.broadcast_to(ops.expand_dims(ids, 1), (N, 2))
        result: dict[str, Node] = {}
        for name, x in {"b": b, "i": i}.items():
            result |= {
                f"{name} max": ops.max(x, 1),
                f"{name} argmax": ops.argmax(x, 1),
                f"{name} sum": ops.sum(x, 0),
                f"{name} scattered": ops.scatter_add(x, ids, 3),
                f"{name} put": ops.put_along(x, wide, 1, 3),
                f"{name} taken": ops.take(x, ids),
                f"{name} joined": ops.concatenate([x, ops.reverse(x, 0)], 0),
                f"{name} padded": ops.pad(x, [(1, 0), (0, 1)]),
                f"{name} chosen": ops.where(ops.equal(ids, 0)[:, None], x, ops.reverse(x, 1)),
                f"{name} less": x < ops.reverse(x, 1),
                f"{name} float": ops.cast(x, "float"),
            }
        return result | {"rows": ops.add_rows(i, i, ids)}

    graph = graph_of(outputs, **types)
    b = np.array([[True, False], [False, False], [True, True]])
    values = {"b": b, "i": np.array([[5, -2], [0, 7], [3, 3]]), "ids": np.array([2, -1, 2])}
    assert_same_values(run(graph, values), evaluate(graph, values))


@pytest.mark.parametrize("axes", [0, 1])
@pytest.mark.parametrize("width", [64, 65, 200])
def test_sums_of_wide_rows_stay_in_registers(axes: int, width: int) -> None:
    graph = graph_of(lambda x: ops.sum(x * x, axes), x=reals(3, N, width))
    assert "in 64 registers" in Program(graph).pseudocode
    x = np.random.default_rng(0).normal(size=(3, 7, width))
    for count in 0, 1, 7:
        assert_same_values(run(graph, {"x": x[:, :count]}), evaluate(graph, {"x": x[:, :count]}), TOLERANCE["fp64"])
