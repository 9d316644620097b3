"""Layers against plain NumPy: dense, sparse, embeddings, and both ways to hold a bias."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Graph, Node, Type, input_node
from lexgrad.nn.activations import ACTIVATIONS, activation
from lexgrad.nn.layers import concatenated_embeddings, linear, pooled_embeddings, sparse_linear, weight_rows

RANDOM = np.random.default_rng(0)
BATCH, TOKENS = Dim("batch"), Dim("tokens")


def value(node: Node, inputs: dict[str, Node], **arrays: Any) -> NDArray[Any]:
    return evaluate(Graph(inputs, {"out": node}), arrays)["out"]


def floats(name: str, *shape: Any) -> Node:
    return input_node(name, Type("float", shape))


def ints(name: str, *shape: Any) -> Node:
    return input_node(name, Type("int", shape))


def test_linear_with_a_bias_vector() -> None:
    x, W, b = floats("x", BATCH, 3), floats("W", 3, 2), floats("b", 2)
    arrays = {"x": RANDOM.normal(size=(5, 3)), "W": RANDOM.normal(size=(3, 2)), "b": RANDOM.normal(size=2)}
    out = value(linear(x, W, b), {"x": x, "W": W, "b": b}, **arrays)
    np.testing.assert_allclose(out, arrays["x"] @ arrays["W"] + arrays["b"])


def test_linear_with_x0() -> None:
    x, W = floats("x", BATCH, 3), floats("W", 4, 2)
    arrays = {"x": RANDOM.normal(size=(5, 3)), "W": RANDOM.normal(size=(4, 2))}
    out = value(linear(x, W, None), {"x": x, "W": W}, **arrays)
    np.testing.assert_allclose(out, np.hstack([arrays["x"], np.ones((5, 1))]) @ arrays["W"])


@pytest.mark.parametrize("units", [(), (2,)])
@pytest.mark.parametrize("bias", ["vector", "x0"])
def test_sparse_linear_is_the_dense_product(units: tuple[int, ...], bias: str) -> None:
    dense = np.array([[0.0, 2.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0], [3.0, 0.0, 0.0, 0.0]])
    rows, columns = np.nonzero(dense)
    offsets = np.searchsorted(rows, np.arange(4))
    W, b = RANDOM.normal(size=(weight_rows(4, bias), *units)), RANDOM.normal(size=units)
    nodes = {
        "ids": ints("ids", TOKENS),
        "values": floats("values", TOKENS),
        "offsets": ints("offsets", BATCH + 1),
        "W": floats("W", *W.shape),
    }
    arrays = {"ids": columns, "values": dense[rows, columns], "offsets": offsets, "W": W}
    node = None if bias == "x0" else floats("b", *units)
    if node is not None:
        nodes["b"], arrays["b"] = node, b
    out = value(sparse_linear(nodes["ids"], nodes["values"], nodes["offsets"], nodes["W"], node), nodes, **arrays)
    np.testing.assert_allclose(out, dense @ W[:4] + (W[4] if bias == "x0" else b))


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_pooling(pool: str) -> None:
    E = RANDOM.normal(size=(6, 3))
    ids, offsets = np.array([1, 2, 2, 5, 0]), np.array([0, 3, 3, 5])
    nodes = {"E": floats("E", 6, 3), "ids": ints("ids", TOKENS), "offsets": ints("offsets", BATCH + 1)}
    out = value(
        pooled_embeddings(nodes["E"], nodes["ids"], nodes["offsets"], pool), nodes, E=E, ids=ids, offsets=offsets
    )
    join: Any = {"mean": np.mean, "max": np.max}[pool]
    np.testing.assert_allclose(out, [join(E[[1, 2, 2]], axis=0), np.zeros(3), join(E[[5, 0]], axis=0)])


def test_concatenation_pads_with_zero_vectors() -> None:
    E, ids = RANDOM.normal(size=(4, 2)), np.array([[3, 1, -1], [0, -1, -1]])
    nodes = {"E": floats("E", 4, 2), "ids": ints("ids", BATCH, 3)}
    out = value(concatenated_embeddings(nodes["E"], nodes["ids"]), nodes, E=E, ids=ids)
    np.testing.assert_allclose(out, [[*E[3], *E[1], 0, 0], [*E[0], 0, 0, 0, 0]])


def test_names_are_checked() -> None:
    with pytest.raises(InputError, match="x0"):
        weight_rows(3, "x1")
    with pytest.raises(InputError, match="did you mean 'tanh'"):
        activation("tan")
    with pytest.raises(InputError, match="mean"):
        pooled_embeddings(floats("E", 4, 2), ints("ids", TOKENS), ints("offsets", BATCH + 1), "median")
    assert set(ACTIVATIONS) == {"tanh", "sigmoid", "relu", "identity"}
