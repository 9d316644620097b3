"""Hypothesis strategies for graphs with loops: random bodies, any number of steps, both directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from lexgrad import ops
from lexgrad.graph import Dim, Graph, Node, Size, Type, input_node
from lexgrad.trace import scan
from tests.strategies import RandomGraph

ROWS = 4
WIDTH = 3

Draw = Callable[[st.SearchStrategy[Any]], Any]
Maker = Callable[[Draw, list[Node], dict[str, Node]], Node]


def _pick(draw: Draw, nodes: list[Node], *ranks: int) -> Node:
    """One of the float nodes of these ranks; there is always one of rank 1."""
    found = [node for node in nodes if node.type.dtype == "float" and node.ndim in ranks]
    node: Node = draw(st.sampled_from(found or [node for node in nodes if node.ndim == 1]))
    return node


def _function(draw: Draw, nodes: list[Node], shared: dict[str, Node]) -> Node:
    functions = [ops.tanh, ops.sigmoid, ops.sin, ops.negative, lambda x: 1.0 - x * x, lambda x: 0.5 * x]
    return draw(st.sampled_from(functions))(_pick(draw, nodes, 0, 1, 2))  # type: ignore[no-any-return]


def _pair(draw: Draw, nodes: list[Node], shared: dict[str, Node]) -> Node:
    x, y = _pick(draw, nodes, 0, 1, 2), _pick(draw, nodes, 0, 1)
    return draw(st.sampled_from([ops.add, ops.subtract, lambda x, y: ops.tanh(x) * y]))(x, y)  # type: ignore[no-any-return]


def _product(draw: Draw, nodes: list[Node], shared: dict[str, Node]) -> Node:
    x = ops.tanh(_pick(draw, nodes, 1, 2))
    kinds: list[Callable[[], Node]] = [
        lambda: x @ shared["W"],
        lambda: x @ ops.exp(ops.tanh(shared["W"])).T,
        lambda: x @ shared["V"],
        lambda: x.T @ ops.tanh(draw(st.sampled_from([node for node in nodes if node.type == x.type]))),
    ]
    return draw(st.sampled_from(kinds))()  # type: ignore[no-any-return]


def _gather(draw: Draw, nodes: list[Node], shared: dict[str, Node]) -> Node:
    ids = draw(st.sampled_from([node for node in nodes if node.type.dtype == "int"]))
    if draw(st.booleans()):
        return ops.take(shared["E"], ids)
    rows = ops.broadcast_to(ops.tanh(_pick(draw, nodes, 1)), (*ids.shape, WIDTH))
    return ops.sum(ops.scatter_add(rows, ids, ROWS) * shared["E"], 0)


def _reduce(draw: Draw, nodes: list[Node], shared: dict[str, Node]) -> Node:
    x = _pick(draw, nodes, 1, 2)
    return draw(st.sampled_from([ops.sum, ops.mean, ops.logsumexp]))(x, draw(st.sampled_from([0, -1, None])))  # type: ignore[no-any-return]


def _gates(draw: Draw, nodes: list[Node], shared: dict[str, Node]) -> Node:
    x = _pick(draw, nodes, 1)
    first, rest = x[:1], x[1:]
    return ops.concatenate([rest, ops.sigmoid(first) * ops.sum(rest)])


MAKERS: list[Maker] = [_function, _function, _pair, _pair, _product, _product, _gather, _reduce, _gates]


def _fitted(node: Node, type: Type) -> Node:
    """A float node in the shape of a carry."""
    if node.type == type:
        return node
    return ops.broadcast_to(ops.sum(ops.tanh(node)), type.shape)


@st.composite
def recurrences(draw: Draw, depth: int = 6) -> RandomGraph:
    """Graphs with two loops, the second over results of the first, and a scalar output ``loss``.

    Args:
        draw: given by Hypothesis.
        depth: at most so many operations in a body.
    """
    number = draw(st.sampled_from([0, 1, 2, 3, 5, 7]))
    named = draw(st.booleans())
    time: Size = Dim("time") if named else number
    batch: Size = Dim("batch") if draw(st.booleans()) else 2
    sizes = {"time": number, "batch": draw(st.sampled_from([0, 1, 2, 3])) if isinstance(batch, Dim) else 2}
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    types = {
        "h": Type("float", (WIDTH,)),
        "H": Type("float", (batch, WIDTH)),
        "x": Type("float", (time, WIDTH)),
        "X": Type("float", (time, batch, WIDTH)),
        "W": Type("float", (WIDTH, WIDTH)),
        "V": Type("float", (WIDTH,)),
        "E": Type("float", (ROWS, WIDTH)),
        "words": Type("int", (time, batch)),
        "word": Type("int", (time,)),
    }
    inputs = {name: input_node(name, type) for name, type in types.items()}
    shared = {name: inputs[name] for name in "WVE"}

    def loop(carry: Any, sequences: Any) -> Any:
        kept = draw(st.lists(st.sampled_from(MAKERS), min_size=1, max_size=depth))
        adds = draw(st.booleans())

        def step(carry: Any, given: Any) -> Any:
            state, total, count = carry
            nodes = [*state, *given]
            for make in kept:
                node = make(draw, nodes, shared)
                if not node.ndim or node.shape[-1] == WIDTH:
                    nodes.append(node)
            made = [node for node in nodes[len(state) :] if node.type.dtype == "float"]
            new = [_fitted(draw(st.sampled_from(made)), node.type) for node in state]
            change = _fitted(draw(st.sampled_from(made)), total.type)
            grown = total + change if adds else total - ops.tanh(change) * ops.sum(new[0])
            return (new, grown, count + 1), [draw(st.sampled_from(made)), draw(st.sampled_from(made)), count]

        return scan(step, carry, sequences, reverse=draw(st.booleans()))

    start = [inputs["h"], inputs["H"]]
    total = ops.broadcast_to(0.0, (WIDTH, WIDTH)) if draw(st.booleans()) else ops.tanh(inputs["V"])
    along = [inputs[name] for name in ("x", "X", "words", "word")]
    (state, total, _), results = loop((start, total, 0), along)
    stacked = [ops.sum(node, tuple(range(1, node.ndim))) if node.ndim > 1 else node for node in results[:2]]
    wide = [ops.broadcast_to(ops.expand_dims(node, 1), (time, WIDTH)) for node in stacked]
    second, results = loop((state, total, 0), [ops.tanh(wide[0]), inputs["X"], inputs["words"], inputs["word"]])
    loss = ops.constant(0.0)
    for node in (*second[0], second[1], wide[1], *results[:2]):
        loss = loss + ops.sum(ops.tanh(node) * ops.cos(node + 0.5))
    values: dict[str, Any] = {}
    graph = Graph(inputs, {"loss": loss, "result": results[0], "count": second[2]}, "recurrence")
    for name, type in graph.with_sizes(sizes).input_types.items():
        shape = [int(str(size)) for size in type.shape]
        ids = generator.integers(-1, ROWS, shape)
        values[name] = ids if type.dtype == "int" else generator.uniform(-1.5, 1.5, shape)
    return RandomGraph(graph, values, sizes)
