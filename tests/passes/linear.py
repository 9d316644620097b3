"""Random graphs of what the rules look for: signs, constants, scalars and repeated rows in all kinds of places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.errors import ShapeError
from lexgrad.graph import Dim, Graph, Node, Type, input_node
from lexgrad.ops.movement import broadcast

Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]
Step: TypeAlias = Callable[[Node, Node, dict[str, Node]], Node]
N, K = Dim("n"), 4  # every matrix is (n, 4), (4, 4), (tokens, 4) or the table (9, 4), and n is 3


def _words(x: Node, g: dict[str, Node]) -> Node:
    """Each text's row once for every word."""
    return ops.segment_repeat(x, g["offsets"], Dim("tokens"))


def _winners(x: Node, g: dict[str, Node]) -> Node:
    """What the gradient of a maximum over each text is."""
    return ops.put_along(x, ops.segment_argmax(g["rows"], g["offsets"]), 0, Dim("tokens"))


def _table(rows: Node, g: dict[str, Node]) -> Node:
    """Rows of words scattered into the table."""
    return ops.scatter_add(rows, g["ids"], 9)


def _adagrad(gradient: Node, g: dict[str, Node]) -> Node:
    """What moves where a gradient is not 0, by its own size."""
    return g["table"] - g["s"] * gradient / (ops.sqrt(ops.square(g["table"]) + ops.square(gradient)) + 0.5)


def _asked(table: Node, g: dict[str, Node]) -> Node:
    """Distinct rows of a table, summed by text."""
    return ops.segment_sum(ops.take(table, ops.distinct(g["ids"])), g["offsets"])


STEPS: dict[str, Step] = {
    "adagrad": lambda x, y, g: _adagrad(_table(_words(x, g), g), g),
    "limited": lambda x, y, g: ops.maximum(ops.minimum(_table(_words(x, g), g), 0.3), -0.4) - g["table"],
    "rows asked for": lambda x, y, g: _asked(g["s"] * (_table(_words(x, g), g) - 0.1 * g["table"]), g) * y,
    "rows of two": lambda x, y, g: _asked(_table(_words(-x, g), g) * g["table"] + _table(g["rows"], g), g),
    "rows replaced": lambda x, y, g: ops.set_rows(g["table"], _words(x, g), ops.distinct(g["ids"])),
    "winning rows": lambda x, y, g: ops.matmul(g["rows"].T, _winners(x, g) * ops.tanh(g["rows"])),
    "winning weights": lambda x, y, g: ops.segment_sum(ops.matmul(_winners(-x, g), g["w"]), g["offsets"]) + x,
    "winning sums": lambda x, y, g: x * ops.sum(ops.where(g["rows"] > 0.0, _winners(y, g), 0.0), 0),
    "add": lambda x, y, g: x + y,
    "subtract": lambda x, y, g: x - y,
    "multiply": lambda x, y, g: x * y,
    "negate": lambda x, y, g: -x,
    "scale": lambda x, y, g: g["s"] * x,
    "scale again": lambda x, y, g: x * g["t"],
    "divide by a scalar": lambda x, y, g: x / g["t"],
    "subtract from a scalar": lambda x, y, g: g["s"] - x,
    "nine": lambda x, y, g: 9.0 - (2.0 - x),
    "ten": lambda x, y, g: 10.0 - (x - 2.0),
    "other power": lambda x, y, g: (x * x + 1.0) ** -1.0,
    "relu": lambda x, y, g: ops.maximum(x, 0.0),
    "where not": lambda x, y, g: ops.where(ops.logical_not(ops.less(x, 0.1)), 0.0, -x),
    "norm": lambda x, y, g: x / (1.0 + ops.sum(ops.square(g["s"] * _table(_words(x, g), g)))),
    "norm of x": lambda x, y, g: x / (1.0 + ops.sum(ops.square(g["s"] * x))),
    "sum of softmax": lambda x, y, g: x - broadcast(ops.log(ops.sum(ops.exp(ops.sin(x)), 1)), x.shape, (0,)),
    "weighted rows": lambda x, y, g: g["table"] + _table(-(g["s"] * (_words(x, g) * g["rows"])), g),
    "winners": lambda x, y, g: g["table"] - g["s"] * _table(_winners(-x, g), g),
    "scatter of scatter": lambda x, y, g: ops.scatter_add(_table(g["rows"], g), g["more"], N) * x,
    "take of take": lambda x, y, g: ops.take(ops.take(g["table"], g["ids"]), g["labels"][:, 0]) * x,
    "two tables": lambda x, y, g: _table(g["rows"], g) - g["table"] - x[:1],
    "add a scalar": lambda x, y, g: x + g["s"],
    "double": lambda x, y, g: 2.0 * x,
    "a third": lambda x, y, g: x / -3.0,
    "less one": lambda x, y, g: x - 1.0,
    "one less": lambda x, y, g: 1.0 - x,
    "nothing": lambda x, y, g: (x + 0.0) * 1.0,
    "rows of v": lambda x, y, g: x * broadcast(g["v"], x.shape, (x.ndim - 1,)),
    "less v": lambda x, y, g: x - broadcast(-g["v"], x.shape, (x.ndim - 1,)),
    "divide by v": lambda x, y, g: x / broadcast(g["v"], x.shape, (x.ndim - 1,)),
    "only a scalar": lambda x, y, g: ops.broadcast_to(g["s"], x.shape),
    "square": lambda x, y, g: x * x,
    "power": lambda x, y, g: x**2.0,
    "matmul": lambda x, y, g: ops.matmul(x, y.T) if x.shape == y.shape == (4, 4) else ops.matmul(x, g["w"]),
    "gradient": lambda x, y, g: ops.matmul(x.T, y),
    "transposed": lambda x, y, g: ops.matmul(y.T, x).T,
    "sum": lambda x, y, g: ops.broadcast_to(ops.sum(x, 0, keepdims=True), x.shape),
    "sum of all": lambda x, y, g: g["s"] * ops.sum(x) + x,
    "transpose twice": lambda x, y, g: (-x.T).T,
    "reshape": lambda x, y, g: ops.reshape(g["t"] * ops.reshape(x, (-1,)), x.shape),
    "sigmoid": lambda x, y, g: ops.sigmoid(x),
    "other side": lambda x, y, g: 1.0 - ops.sigmoid(-x),
    "softmax": lambda x, y, g: ops.exp(ops.tanh(x)) / ops.sum(ops.exp(ops.tanh(x)), 1, keepdims=True),
    "where": lambda x, y, g: ops.where(ops.less(g["x"] if x.shape == g["x"].shape else y, 0.1), g["s"] * x, 0.0),
    "piece": lambda x, y, g: ops.pad(ops.take_slice(x, 1, 1, 3), [(0, 0), (1, 1)]),
    "put": lambda x, y, g: x - ops.put_along(ops.broadcast_to(g["s"], (N, 1)), g["labels"], 1, 4),
    "segments": lambda x, y, g: ops.segment_sum(g["rows"] * _words(-x, g), g["offsets"]),
    "take": lambda x, y, g: ops.segment_sum(ops.take(g["t"] * g["table"], g["ids"]), g["offsets"]) * x,
    "scatter": lambda x, y, g: g["table"] - g["s"] * _table(_words(x, g), g),
    "decayed": lambda x, y, g: g["table"] - g["s"] * (0.1 * g["table"] + _table(g["rows"], g)),
    "bias row": lambda x, y, g: g["table"] - g["s"] * (ops.pad(x[:1], [(8, 0), (0, 0)]) + _table(g["rows"], g)),
}  # fmt: skip


@st.composite
def linear_graphs(draw: Draw) -> tuple[Graph, dict[str, NDArray[Any]]]:
    """A graph of some of ``STEPS`` and values for its inputs; steps whose shapes do not fit are left out."""
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))

    def away_from_zero(*shape: int) -> NDArray[Any]:
        return np.asarray(generator.uniform(0.5, 1.5, shape) * generator.choice([-1.0, 1.0], shape))

    values: dict[str, NDArray[Any]] = {
        "x": away_from_zero(3, 4), "y": away_from_zero(3, 4), "w": away_from_zero(4, 4) / 2, "v": away_from_zero(4),
        "s": away_from_zero(), "t": away_from_zero(), "rows": away_from_zero(5, 4), "table": away_from_zero(9, 4),
        "ids": generator.integers(-1, 9, 5), "offsets": np.array([0, 2, 2, 5]),
        "labels": generator.integers(0, 4, (3, 1)), "more": generator.integers(-1, 3, 9),
    }  # fmt: skip
    shapes: dict[str, tuple[Any, ...]] = {
        "x": (N, K), "y": (N, K), "w": (K, K), "v": (K,), "s": (), "t": (), "rows": (Dim("tokens"), K), "table": (9, K),
        "ids": (Dim("tokens"),), "offsets": (N + 1,), "labels": (N, 1), "more": (9,),
    }  # fmt: skip
    ints = {"ids", "offsets", "labels", "more"}
    given = {name: input_node(name, Type("int" if name in ints else "float", shape)) for name, shape in shapes.items()}
    nodes = [given["x"], given["y"], given["w"]]
    for _ in range(draw(st.integers(1, 16))):
        step = STEPS[draw(st.sampled_from(sorted(STEPS)))]
        x = nodes[-1] if draw(st.booleans()) else draw(st.sampled_from(nodes))
        y = draw(st.sampled_from(nodes[-4:]))
        try:
            made = step(x, y, given)
        except ShapeError:
            continue
        # Large numbers are brought down now and then, so that rounding stays what it is near 1.
        nodes.append(made / (1.0 + ops.absolute(made)) if draw(st.integers(0, 3)) == 3 else made)
    return Graph(given, {f"out{i}": node for i, node in enumerate(nodes[-3:])}, "linear"), values
