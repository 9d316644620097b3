"""Convolution and pooling over packed texts are PyTorch's over each text alone, values and gradients, also compiled."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.evaluate import Interpreter
from lexgrad.grad import gradient
from lexgrad.graph import Dim, Graph, Type, input_node
from lexgrad.ops.windows import PADDINGS, POOLS, convolve, pool_texts, pool_windows, window_padding, window_places

torch: Any = pytest.importorskip("torch")

LENGTHS = [4, 1, 0, 7, 2, 3]
OFFSETS = np.concatenate([[0], np.cumsum(LENGTHS)])
WIDTH, FILTERS = 3, 2
T, B = Dim("tokens"), Dim("batch")
Pooling = tuple[str, int, int] | None
"""How answers are pooled first: max or mean, over how many, and how many further."""


def ours(size: int, stride: int, padding: str, pool: str, first: Pooling) -> Graph:
    """The pooled answers of filters, and the gradients of the sum of their squares."""
    x, kernel = input_node("x", Type("float", (T, WIDTH))), input_node("kernel", Type("float", (size, FILTERS, WIDTH)))
    offsets = input_node("offsets", Type("int", (B + 1,)))
    over = window_places(offsets, T, size, stride=stride, padding=padding)
    answers = convolve(x, kernel, over.places)
    if first is not None:
        further = window_places(over.offsets, answers.shape[0], first[1], stride=first[2], lengths=over.lengths)
        answers, over = pool_windows(answers, further, first[0]), further
    pooled = pool_texts(answers, over.offsets, pool, over.lengths)
    dx, dkernel = gradient(ops.sum(pooled * pooled), [x, kernel])
    return Graph(
        {"x": x, "kernel": kernel, "offsets": offsets}, {"pooled": pooled, "x": dx, "kernel": dkernel}, "convolution"
    )


def slid(text: Any, size: int, stride: int, reduce: Any) -> Any:
    """What ``reduce`` makes of the windows of a text (d, length); a short one has one that is filled up."""
    if 0 < text.shape[1] < size:
        return reduce(text, text.shape[1], 1)
    return reduce(text, size, stride) if text.shape[1] else text


def theirs(x: Any, kernel: Any, size: int, stride: int, padding: str, pool: str, first: Pooling) -> Any:
    """The pooled answers, text by text."""
    low, high = window_padding(size, padding)
    weights, results = kernel.permute(1, 2, 0), []
    for begin, end in itertools.pairwise(OFFSETS):
        text = torch.nn.functional.pad(x[begin:end].T, (low, high))
        if padding == "valid" and 0 < end - begin < size:
            text = torch.nn.functional.pad(text, (0, size - (end - begin)))
        if text.shape[1] < size:
            results.append(torch.zeros(FILTERS, dtype=x.dtype))
            continue
        answers = torch.nn.functional.conv1d(text[None], weights, stride=stride)[0]
        if first is not None:
            how = {"max": torch.nn.functional.max_pool1d, "mean": torch.nn.functional.avg_pool1d}[first[0]]
            answers = slid(answers, first[1], first[2], lambda t, k, s, how=how: how(t[None], k, s)[0])
        results.append(answers.max(1).values if pool == "max" else answers.mean(1))
    return torch.stack(results)


CASES = [
    *((size, stride, padding, pool, None) for size, stride, padding, pool in itertools.product(
        (2, 5), (1, 3), PADDINGS, POOLS)),
    *((3, stride, padding, pool, first) for stride, padding, pool, first in itertools.product(
        (1, 2), ("valid", "full"), POOLS, [("max", 2, 2), ("mean", 3, 2)])),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_gradients_agree(case: tuple[int, int, str, str, Pooling]) -> None:
    graph, generator = ours(*case), np.random.default_rng(0)
    values = {"x": generator.normal(size=(OFFSETS[-1], WIDTH)), "kernel": generator.normal(size=(case[0], 2, WIDTH))}
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}
    pooled = theirs(tensors["x"], tensors["kernel"], *case)
    (pooled * pooled).sum().backward()
    expected = {"pooled": pooled.detach(), **{name: tensor.grad for name, tensor in tensors.items()}}
    found = Interpreter(graph).run({**values, "offsets": OFFSETS})
    for name, tensor in expected.items():
        np.testing.assert_allclose(found[name], tensor.numpy(), atol=1e-12, err_msg=name)


@pytest.mark.parametrize("case", CASES[::5], ids=str)
def test_compiled_is_the_same(case: tuple[int, int, str, str, Pooling]) -> None:
    graph, generator = ours(*case), np.random.default_rng(1)
    shapes: dict[str, list[Any]] = {
        name: [11 if size == T else size for size in graph.input_types[name].shape] for name in ("x", "kernel")
    }
    values = {name: generator.normal(size=shape) for name, shape in shapes.items()}
    offsets = np.array([0, 6, 6, 7, 11])
    expected = Interpreter(graph).run({**values, "offsets": offsets})
    found = Program(graph, "fp64").run({**values, "offsets": offsets})
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-12, err_msg=name)
