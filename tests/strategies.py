"""Hypothesis strategies that build random typed graphs, for every test that says "for any graph".

A graph is grown: some inputs, then steps, each of which applies an operation to nodes that are there. Shapes hold
0, 1, odd and named sizes; values stay small, so that neither overflow nor rounding hides a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.errors import ShapeError
from lexgrad.graph import Dim, Graph, Node, Shape, Size, Type, holds_dim, input_node, resolve
from lexgrad.ops.lifting import broadcast_shapes
from lexgrad.ops.scan import loop

Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]

N, M = Dim("n"), Dim("m")
LARGEST = 400  # entries of a node; larger results are not kept


@dataclass(frozen=True)
class RandomGraph:
    """A graph, values for its inputs, and what its named sizes are at these values."""

    graph: Graph
    values: dict[str, NDArray[Any]]
    sizes: dict[str, int]

    def with_numbers(self) -> Graph:
        """The same graph with its named sizes filled in."""
        return self.graph.with_sizes(self.sizes)

    def __repr__(self) -> str:
        shown = "\n".join(f"{name} = {value!r}" for name, value in self.values.items())
        return f"{self.graph}\nwith {self.sizes}\n{shown}"


@dataclass
class Growing:
    """A graph that is being grown."""

    draw: Draw
    sizes: dict[str, int]
    smooth: bool
    generator: np.random.Generator
    inputs: dict[str, Node] = field(default_factory=dict)
    values: dict[str, NDArray[Any]] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)

    def number(self, size: Size) -> int:
        """What a size is at the values of this graph."""
        return resolve(size, self.sizes)

    def shape(self, node: Node) -> tuple[int, ...]:
        """What the shape of a node is at the values of this graph."""
        return tuple(map(self.number, node.shape))

    def pick(self, dtype: str, fits: Callable[[Node], bool] = lambda node: True) -> Node | None:
        """One of the nodes of that dtype that fit, or None where there is none."""
        found = [node for node in self.nodes if node.type.dtype == dtype and fits(node)]
        node: Node | None = self.draw(st.sampled_from(found)) if found else None
        return node

    def choose(self, *options: Any) -> Any:
        """One of the options."""
        return self.draw(st.sampled_from(options))

    def apply(self, functions: Iterable[Callable[..., Node]], *operands: Any) -> Node:
        """One of the functions, applied."""
        return self.choose(*functions)(*operands)  # type: ignore[no-any-return]

    def given(self, type: Type, value: NDArray[Any]) -> Node:
        """A new input with this value."""
        name = f"x{len(self.inputs)}"
        self.inputs[name] = input_node(name, type)
        self.values[name] = value
        return self.inputs[name]

    def given_real(self, shape: Shape) -> Node:
        """A new float input."""
        return self.given(Type("float", shape), self.generator.uniform(-2.0, 2.0, [self.number(s) for s in shape]))

    def given_ids(self, shape: Shape, bound: Size) -> Node:
        """A new int input whose values are indices of ``bound`` rows, or -1."""
        drawn = self.generator.integers(-1, self.number(bound), [self.number(s) for s in shape])
        return self.given(Type("int", shape), drawn)

    def given_offsets(self, batch: Size, rows: Size) -> Node:
        """A new int input that cuts ``rows`` rows into ``batch`` texts, which may be empty."""
        cuts = np.sort(self.generator.integers(0, self.number(rows) + 1, self.number(batch) - 1))
        return self.given(Type("int", (batch + 1,)), np.array([0, *cuts, self.number(rows)]))

    def axis_of(self, node: Node) -> int:
        """One axis of a node."""
        axis: int = self.choose(*range(node.ndim))
        return axis

    def keep(self, node: Node | None) -> None:
        """Let later steps use a node, if it is not too large."""
        if node is not None and np.prod(self.shape(node), dtype=int) <= LARGEST:
            self.nodes.append(node)


def has_axis(node: Node) -> bool:
    """Whether the node is no scalar."""
    return node.ndim > 0


# --- steps: each gives a new node, or None where no node fits


def _function(g: Growing) -> Node | None:
    x = g.pick("float")
    if x is None:
        return None
    functions = [
        ops.tanh, ops.sigmoid, ops.sin, ops.cos, ops.softplus, ops.negative, ops.square, ops.log_sigmoid,
        lambda x: ops.exp(ops.tanh(x)),
        lambda x: ops.log(ops.softplus(x) + 0.5),
        lambda x: ops.sqrt(ops.square(ops.tanh(x)) + 1.0),
        lambda x: (ops.sigmoid(x) + 0.5) ** 2.5,
    ]  # fmt: skip
    kinked = [ops.relu, ops.absolute, ops.sign, ops.stop_gradient, lambda x: ops.dropout(x, 0.5, 3, 4)]
    return g.apply([*functions, *([] if g.smooth else kinked)], x)


def _pair(g: Growing, dtype: str) -> tuple[Node, Node] | None:
    """Two nodes that broadcast."""

    x = g.pick(dtype)
    y = None if x is None else g.pick(dtype, lambda y: _broadcast(x, y))
    return None if x is None or y is None else (x, y)


def _broadcast(x: Node, y: Node) -> bool:
    try:
        broadcast_shapes(x.shape, y.shape)
    except ShapeError:
        return False
    return True


def _arithmetic(g: Growing) -> Node | None:
    pair = _pair(g, "float")
    smooth: list[Callable[[Node, Node], Node]] = [
        ops.add,
        ops.subtract,
        lambda x, y: ops.multiply(ops.tanh(x), y),
        lambda x, y: ops.divide(x, ops.sin(y) + 2.0),
        lambda x, y: ops.power(ops.sigmoid(x) + 0.5, ops.tanh(y)),
    ]
    return g.apply([*smooth, *([] if g.smooth else [ops.maximum, ops.minimum])], *pair) if pair else None


def _matmul(g: Growing) -> Node | None:
    x = g.pick("float", has_axis)
    if x is None:
        return None
    y = g.given_real(g.choose((x.shape[-1],), (x.shape[-1], 3), (x.shape[-1], N), (x.shape[-1], 1)))
    return ops.matmul(ops.tanh(x), ops.tanh(y))


def _reduce(g: Growing) -> Node | None:
    x = g.pick("float", lambda node: has_axis(node) and 0 not in g.shape(node))
    if x is None:
        return None
    axis: Any = g.choose(None, g.axis_of(x), tuple(range(x.ndim)))
    smooth = [ops.sum, ops.mean, ops.logsumexp]
    return g.apply([*smooth, *([] if g.smooth else [ops.max, ops.min])], x, axis, g.choose(False, True))


def _sum_of_nothing(g: Growing) -> Node | None:
    x = g.pick("float", lambda node: 0 in g.shape(node))
    return None if x is None else ops.sum(x, g.axis_of(x))


def _softmax(g: Growing) -> Node | None:
    x = g.pick("float", lambda node: has_axis(node) and 0 not in g.shape(node))
    return None if x is None else g.apply([ops.softmax, ops.log_softmax], x, g.axis_of(x))


def _move(g: Growing) -> Node | None:
    x = g.pick(g.choose("float", "float", "int", "bool"), has_axis)
    if x is None:
        return None
    axis = g.axis_of(x)
    moves: list[Callable[[Node], Node]] = [
        lambda x: ops.reshape(x, -1) if 0 not in x.shape else ops.reshape(x, (0,)),
        ops.transpose,
        lambda x: ops.expand_dims(x, axis),
        lambda x: ops.reverse(x, axis),
        lambda x: ops.broadcast_to(x, (g.choose(2, N, M), *x.shape)),
        lambda x: ops.concatenate([x, x], axis),
        lambda x: ops.pad(x, [(1, 2) if i == axis else (0, N) for i in range(x.ndim)]),
    ]
    size = x.shape[axis]
    if g.number(size) > 0:
        moves += [lambda x: ops.take_slice(x, axis, 1, size), lambda x: ops.take_slice(x, axis, size - 1, size)]
    if isinstance(size, int) and size > 0:
        moves += [lambda x: x[(slice(None),) * axis + (slice(None, None, -2),)], lambda x: x[(..., None)]]
    return g.apply(moves, x)


def _take(g: Growing) -> Node | None:
    x = g.pick("float", has_axis)
    if x is None:
        return None
    axis, size = g.axis_of(x), g.choose(2, 1, N)
    along = (*x.shape[:axis], size, *x.shape[axis + 1 :])
    kinds: list[Callable[[], Node]] = [
        lambda: ops.take(x, g.given_ids(g.choose((), (3,), (N,), (2, M)), x.shape[0])),
        lambda: ops.scatter_add(x, g.given_ids(x.shape[:1], 3), 3),
        lambda: ops.scatter_add(x, g.given_ids(x.shape[:1], M), M),
        lambda: ops.take_along(x, g.given_ids(along, x.shape[axis]), axis),
        lambda: ops.put_along(x, g.given_ids(x.shape, 4), axis, 4),
        lambda: ops.add_along(x, g.given_real(along), g.given_ids(along, x.shape[axis]), axis),
        lambda: ops.add_rows(x, g.given_real((N, *x.shape[1:])), g.given_ids((N,), x.shape[0])),
        lambda: ops.set_rows(x, g.given_real((N, *x.shape[1:])), g.given_ids((N,), x.shape[0])),
        lambda: ops.set_rows(x, g.given_real((M, *x.shape[1:])), ops.distinct(g.given_ids((M,), x.shape[0]))),
        lambda: ops.combine_rows(x, g.given_ids(x.shape[:1], 3)),
    ]
    return g.apply(kinds)


def _segments(g: Growing) -> Node | None:
    x = g.pick("float", has_axis)
    if x is None:
        return None
    batches = [3, 1, *([M] if g.sizes["m"] else [])]
    offsets = g.given_offsets(g.choose(*batches), x.shape[0])
    smooth: list[Callable[[Node, Node], Node]] = [
        ops.segment_sum,
        ops.segment_mean,
        lambda x, offsets: ops.segment_repeat(ops.segment_sum(x, offsets), offsets, x.shape[0]),
    ]
    return g.apply([*smooth, *([] if g.smooth else [ops.segment_max])], x, offsets)


def _compare(g: Growing) -> Node | None:
    pair = _pair(g, g.choose("float", "int"))
    kinds = [ops.less, ops.less_equal, ops.greater, ops.greater_equal, ops.equal, ops.not_equal]
    return g.apply(kinds, *pair) if pair else None


def _logic(g: Growing) -> Node | None:
    pair = _pair(g, "bool")
    if pair is None:
        return None
    return g.apply([ops.logical_and, ops.logical_or, lambda x, y: ops.logical_not(x)], *pair)


def _where(g: Growing) -> Node | None:
    condition = g.pick("bool")
    x = None if condition is None else g.pick("float", lambda node: node.shape == condition.shape)
    return None if condition is None or x is None else ops.where(condition, x, g.choose(0.0, ops.tanh(x)))


def _whole(g: Growing) -> Node | None:
    pair = _pair(g, "int")
    if pair is None:
        return ops.arange(g.choose(3, N, N * M))
    x, y = pair
    kinds: list[Callable[[], Node]] = [
        lambda: x + y,
        lambda: ops.minimum(ops.maximum(x * y, -9), 9),
        lambda: ops.sum(x),
        lambda: ops.cast(x, "float"),
        lambda: ops.cast(ops.equal(x, y), "int"),
    ]
    return g.apply(kinds)


def _positions(g: Growing) -> Node | None:
    x = g.pick("float", lambda node: has_axis(node) and 0 not in g.shape(node))
    return None if x is None else ops.argmax(x, g.axis_of(x))


@dataclass
class GrowingBody(Growing):
    """The body of a loop that is being grown in a graph around it, which gives it what all its steps share."""

    around: Growing = field(kw_only=True)
    shared: list[Node] = field(default_factory=list)
    depth: int = 1

    def given(self, type: Type, value: NDArray[Any]) -> Node:
        """A new shared value."""
        return self.share(self.around.given(type, value))

    def share(self, outer: Node) -> Node:
        """A value of the graph around as a shared value."""
        self.shared.append(outer)
        return self.input(outer.type)

    def input(self, type: Type) -> Node:
        """A new input of the body."""
        name = f"x{len(self.inputs)}"
        self.inputs[name] = input_node(name, type)
        return self.inputs[name]


def _loop(g: Growing) -> Node | None:
    """One of the outputs of a scan over a body that is grown as well; the others are kept."""
    depth = g.depth + 1 if isinstance(g, GrowingBody) else 1
    carries = [g.choose(*g.nodes) for _ in range(g.choose(1, 2, 1, 3))]
    first = g.pick(g.choose("float", "float", "int", "bool"), has_axis)
    length: Size = g.choose(0, 1, 3, N) if first is None else first.shape[0]
    sequences = [node for node in g.nodes if node.shape[:1] == (length,)][-g.choose(1, 2) :]
    body = GrowingBody(g.draw, g.sizes, g.smooth, g.generator, around=g, depth=depth)
    old = [body.input(node.type) for node in carries]
    slices = [body.input(node.type.with_shape(node.shape[1:])) for node in sequences]
    body.nodes += [*old, *slices, *(body.share(g.choose(*g.nodes)) for _ in range(g.choose(0, 1)))]
    steps = [step for step in (SMOOTH if g.smooth else ALL) if step is not _loop or depth < 2]
    for _ in range(g.choose(1, 3, 5)):
        body.keep(g.choose(*steps)(body))
    new = [_next(body, carry) for carry in old]
    outputs = {f"out{i}": node for i, node in enumerate([*new, *body.nodes[-g.choose(1, 2) :]])}
    graph = Graph(body.inputs, outputs, f"body{depth}")
    inputs, reverse = [*carries, *sequences, *body.shared], g.choose(False, True)
    results = loop(inputs, graph, carries=len(old), sequences=len(slices), length=length, reverse=reverse)
    for node in results[1:]:
        g.keep(node)
    return results[0]


def _next(body: GrowingBody, carry: Node) -> Node:
    """What a carry becomes: any value of its type, or one that depends on the old one; floats stay small."""
    node = body.pick(carry.type.dtype, lambda node: node.type == carry.type)
    if node is None or carry.type.dtype != "float":
        return carry if node is None else node
    kinds: list[Callable[[], Node]] = [lambda: node, lambda: ops.tanh(node), lambda: ops.tanh(carry + node)]
    return body.apply(kinds)


Step: TypeAlias = Callable[[Growing], Node | None]
SMOOTH: tuple[Step, ...] = (
    _function, _arithmetic, _matmul, _reduce, _sum_of_nothing, _softmax, _move, _take, _segments,
)  # fmt: skip
ALL: tuple[Step, ...] = (*SMOOTH, _compare, _logic, _where, _whole, _positions, _loop)


@st.composite
def graphs(draw: Draw, smooth: bool = False, steps: int = 14) -> RandomGraph:
    """Random graphs with values for their inputs.

    Args:
        draw: given by Hypothesis.
        smooth: without kinks and jumps, so that finite differences apply.
        steps: at most so many operations (some make several nodes).

    Returns:
        a graph with one to three outputs of any dtype, and the scalar ``loss``, which depends on them smoothly.
    """
    sizes = {"n": draw(st.sampled_from([2, 0, 1, 3])), "m": draw(st.sampled_from([3, 1, 0, 5]))}
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    g = Growing(draw, sizes, smooth, generator)
    g.keep(g.given_real((N,)))
    g.keep(g.given_real((M, 3)))
    any_size = st.sampled_from([2, 3, 1, 0, 5, N, M, N + 1])
    g.keep(g.given_real(tuple(draw(st.lists(any_size, max_size=3)))))
    for _ in range(draw(st.integers(4, steps))):
        g.keep(draw(st.sampled_from(SMOOTH if smooth else ALL))(g))
    loss = ops.constant(0.0)
    kept = g.nodes[-3:]
    for node in kept:
        real = node if node.type.dtype == "float" else ops.cast(node, "float")
        loss = loss + ops.sum(ops.tanh(real) * ops.cos(real + 0.5))
    outputs = {**{f"out{i}": node for i, node in enumerate(kept)}, "loss": loss}
    assert not holds_dim(loss.shape)
    return RandomGraph(Graph(g.inputs, outputs, "random"), g.values, sizes)
