"""Sampled softmax: its gradients, what it tends to, and that measuring is by all tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.evaluate import evaluate
from lexgrad.grad import gradient
from lexgrad.graph import Graph, Type, input_node
from lexgrad.models import FeedForwardLM
from lexgrad.models.language.sampled import NOISE, NOISE_COSTS, Noise, sampled_loss

N, K, V, S = 6, 4, 30, 9
SHAPES = {"h": (N, K), "rows": (V, K), "bias": (V,)}


def _graph(count: int = S) -> Graph:
    nodes = {name: input_node(name, Type("float", shape)) for name, shape in SHAPES.items()}
    targets = input_node("targets", Type("int", (N,)))
    loss, noise = sampled_loss(nodes["h"], nodes["rows"], nodes["bias"], targets, count)
    slopes = dict(zip(nodes, gradient(loss, list(nodes.values())), strict=True))
    inputs = {**nodes, "targets": targets, **noise}
    return Graph(inputs, {"loss": loss, **{f"d_{name}": node for name, node in slopes.items()}})


def _given(noise: Noise, count: int = S) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    given: dict[str, Any] = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
    given["targets"] = rng.integers(V, size=N)
    return given | {name: rows.part(0) for name, rows in noise.inputs(["0"]).items()}


NOISE_OF_SOME = Noise.of(np.random.default_rng(0).integers(12, size=300), V, S, seed=1)


def test_gradients_are_those_of_finite_differences() -> None:
    graph, given, rng = _graph(), _given(NOISE_OF_SOME), np.random.default_rng(5)
    found = evaluate(graph, given)
    for name, shape in SHAPES.items():
        direction = rng.normal(size=shape)
        ends = [evaluate(graph, {**given, name: given[name] + step * direction})["loss"] for step in (-1e-5, 1e-5)]
        assert (found[f"d_{name}"] * direction).sum() == pytest.approx((ends[1] - ends[0]) / 2e-5, rel=1e-6)


def test_loss_and_gradients_agree_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    given = _given(NOISE_OF_SOME)
    found = evaluate(_graph(), given)
    h, rows, bias = (torch.tensor(given[name], requires_grad=True) for name in SHAPES)
    targets, noise = torch.tensor(given["targets"]), torch.tensor(given[NOISE])
    true = (h * rows[targets]).sum(1) + bias[targets]
    others = h @ rows[noise].T + bias[noise] - torch.tensor(given[NOISE_COSTS])
    others = others.masked_fill(targets[:, None] == noise[None], -torch.inf)
    logits = torch.cat([true[:, None], others], 1)
    loss = torch.nn.functional.cross_entropy(logits, torch.zeros(N, dtype=torch.long))
    loss.backward()
    assert found["loss"] == pytest.approx(loss.item(), rel=1e-12)
    for name, leaf in zip(SHAPES, (h, rows, bias), strict=True):
        np.testing.assert_allclose(found[f"d_{name}"], leaf.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_with_much_noise_gradients_are_those_of_all_tokens() -> None:
    many = 40_000
    given = _given(Noise.of(np.arange(V), V, many, seed=1), many)
    found = evaluate(_graph(many), given)
    nodes = {name: input_node(name, Type("float", shape)) for name, shape in SHAPES.items()}
    targets = input_node("targets", Type("int", (N,)))
    logits = ops.matmul(nodes["h"], ops.transpose(nodes["rows"])) + nodes["bias"]
    loss = ops.mean(ops.cross_entropy(logits, targets))
    slopes = dict(zip(nodes, gradient(loss, list(nodes.values())), strict=True))
    graph = Graph({**nodes, "targets": targets}, {"loss": loss, **{f"d_{name}": s for name, s in slopes.items()}})
    whole = evaluate(graph, {name: given[name] for name in graph.inputs})
    for name in ("d_h", "d_rows", "d_bias"):
        np.testing.assert_allclose(found[name], whole[name], atol=0.02)


def test_noise_is_drawn_as_often_as_it_says() -> None:
    noise = Noise.of(np.array([0] * 16 + [1] * 81), 3, 5000, seed=0)
    np.testing.assert_allclose(noise.probabilities, np.array([8, 27, 1]) / 36)
    drawn = noise.inputs(["a", "b"])
    first, second = (drawn[NOISE].part(step) for step in range(2))
    np.testing.assert_allclose(np.bincount(first) / 5000, noise.probabilities, atol=0.02)
    assert (first != second).any()
    np.testing.assert_allclose(np.exp(drawn[NOISE_COSTS].part(1)), 5000 * noise.probabilities[second])


def test_measuring_is_by_all_tokens() -> None:
    lines = ["the cat sat on the mat", "a dog saw the log"] * 8
    model = FeedForwardLM(tokens="spaces", sampled=4, epochs=3, dimensions=5, units=4, order=3, threads=1).fit(lines)
    reader = model.reader()
    assert np.exp(reader.logarithms()).sum() == pytest.approx(1.0, rel=1e-5)
