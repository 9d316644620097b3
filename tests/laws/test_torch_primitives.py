"""Law: values and gradients of every primitive are PyTorch's, but for the conventions that are named here."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import lexgrad as lg
from lexgrad.evaluate import evaluate
from lexgrad.grad import differentiate
from lexgrad.graph import PRIMITIVES, Graph
from tests.laws.cases import ALL, DIFFERENTIABLE, WITHOUT_SAMPLES, Case

torch: Any = pytest.importorskip("torch")

EXCEPTIONS = {
    "random_uniform": "our own counter-based numbers; tests/ops/test_random.py has the authors' known answers",
}


def padded(x: Any, low: tuple[int, ...], high: tuple[int, ...], interior: tuple[int, ...]) -> Any:
    gaps = [max(size - 1, 0) * between + size for size, between in zip(x.shape, interior, strict=True)]
    result = torch.zeros([a + b + c for a, b, c in zip(low, gaps, high, strict=True)], dtype=x.dtype)
    inside = tuple(slice(a, a + gap, between + 1) for a, gap, between in zip(low, gaps, interior, strict=True))
    result[inside] = x
    return result


def broadcast(x: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    return x.reshape([size if axis in axes else 1 for axis, size in enumerate(shape)]).expand(shape)


def with_nothing(x: Any, axis: int = 0) -> Any:
    """One more entry of zeros along the axis, so that the index -1, counted from the end, stands for nothing."""
    shape = list(x.shape)
    shape[axis] = 1
    return torch.cat([x, torch.zeros(shape, dtype=x.dtype)], axis)


def take(table: Any, ids: Any) -> Any:
    return with_nothing(table)[ids % (len(table) + 1)]


def scatter_add(rows: Any, ids: Any, size: int) -> Any:
    flat = ids.reshape(-1) % (size + 1)
    shape = rows.shape[ids.ndim :]
    return torch.zeros((size + 1, *shape), dtype=rows.dtype).index_add(0, flat, rows.reshape(len(flat), *shape))[:size]


def set_rows(table: Any, rows: Any, ids: Any) -> Any:
    result = list(table)
    for row, number in zip(rows, ids.tolist(), strict=True):
        if number >= 0:
            result[number] = row
    return torch.stack(result)


def order_met(ids: Any) -> Any:
    first = (ids[:, None] == ids[None, :]).int().argmax(1)
    new = (first == torch.arange(len(ids))) & (ids >= 0)
    return torch.where(ids < 0, -1, (new.cumsum(0) - 1)[first])


def take_along(x: Any, index: Any, axis: int) -> Any:
    return torch.gather(with_nothing(x, axis), axis, index % (x.shape[axis] + 1))


def put_along(x: Any, index: Any, axis: int, size: int) -> Any:
    shape = list(x.shape)
    shape[axis] = size + 1
    result = torch.zeros(shape, dtype=x.dtype).scatter_add(axis, index % (size + 1), x)
    return result.narrow(axis, 0, size)


def in_segments(reduce: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def segments(x: Any, offsets: Any) -> Any:
        cuts = [int(cut) for cut in offsets]
        empty = torch.zeros(x.shape[1:], dtype=x.dtype)
        return torch.stack([reduce(x[a:b]) if a < b else empty for a, b in itertools.pairwise(cuts)])

    return segments


def segment_argmax(x: Any, offsets: Any) -> Any:
    cuts = [int(cut) for cut in offsets]
    nothing = torch.full(x.shape[1:], -1)
    rows = [a + x[a:b].argmax(0) if a < b else nothing for a, b in itertools.pairwise(cuts)]
    return torch.stack(rows)


def scan(*arrays: Any, body: Graph, carries: int, sequences: int, length: int, reverse: bool, output: int) -> Any:
    state, sliced = list(arrays[:carries]), arrays[carries : carries + sequences]
    results: dict[int, list[Any]] = {}
    for t in reversed(range(length)) if reverse else range(length):
        values = dict(
            zip(body.inputs.values(), [*state, *(x[t] for x in sliced), *arrays[carries + sequences :]], strict=True)
        )
        for node in body.nodes[len(body.inputs) :]:
            constant = node.primitive.name == "constant"
            operands = [values[operand] for operand in node.inputs]
            values[node] = (
                torch.tensor(node.attributes["value"], dtype=getattr(torch, DTYPES[node.type.dtype]))
                if constant
                else TORCH[node.primitive.name](*operands, **node.attributes)
            )
        new = [values[node] for node in body.outputs.values()]
        state, results[t] = new[:carries], new[carries:]
    if output < carries:
        return state[output]
    entries = [results[t][output - carries] for t in range(length)]
    type = list(body.output_types.values())[output]
    return torch.stack(entries) if entries else torch.zeros((0, *type.shape), dtype=getattr(torch, DTYPES[type.dtype]))


def packed_scan(
    offsets: Any, *arrays: Any, body: Graph, carries: int, sequences: int, tokens: int, reverse: bool, output: int
) -> Any:
    """Every text by itself, as a scan over its own rows."""
    counts, batch = offsets.diff(), len(arrays[0])
    results: list[Any] = [None] * tokens
    finals = []
    for text in range(batch):
        places = [int(offsets[t]) + text for t in range(len(counts)) if counts[t] > text]
        own = [array[text : text + 1] for array in arrays[:carries]]
        along = [array[places][:, None] for array in arrays[carries : carries + sequences]]
        one = body.with_sizes({"rows": 1})
        given = [*own, *along, *arrays[carries + sequences :]]
        length = len(places)
        found = scan(
            *given, body=one, carries=carries, sequences=sequences, length=length, reverse=reverse, output=output
        )
        if output < carries:
            finals.append(found)
        for place, row in zip(places, found, strict=False) if output >= carries else ():
            results[place] = row
    width = list(body.output_types.values())[output].shape[1:]
    return torch.cat(finals if output < carries else [*results, torch.zeros((0, *width), dtype=torch.float64)])


DTYPES = {"float": "float64", "int": "int64", "bool": "bool"}

SAME_NAME = (
    "add subtract multiply divide maximum minimum negative exp log sqrt sin cos tanh sigmoid absolute sign"
    " logical_and logical_or logical_not not_equal less less_equal greater greater_equal matmul"
)
TORCH: dict[str, Callable[..., Any]] = {
    **{name: getattr(torch, name) for name in SAME_NAME.split()},
    "power": torch.pow,
    "equal": torch.eq,
    "relu": torch.relu,
    "softplus": torch.nn.functional.softplus,
    "stop_gradient": lambda x: x.detach(),
    "cast": lambda x, dtype: x.to(getattr(torch, DTYPES[dtype])),
    "select": torch.where,
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, axes: x.permute(axes),
    "broadcast": broadcast,
    "concatenate": lambda *xs, axis: torch.cat(xs, axis),
    "slice": lambda x, starts, stops, steps: x[tuple(map(slice, starts, stops, steps))],
    "pad": padded,
    "reverse": lambda x, axes: x.flip(axes),
    "sum": lambda x, axes: x.sum(axes) if axes else x,
    "logsumexp": lambda x, axes: x.logsumexp(axes),
    "max": lambda x, axis: x.max(axis).values,
    "argmax": lambda x, axis: x.argmax(axis),
    "size": lambda of: torch.tensor(int(of)),
    "iota": lambda length: torch.arange(0, length),
    "take": take,
    "scatter_add": scatter_add,
    "add_rows": lambda table, rows, ids: table + scatter_add(rows, ids, len(table)),
    "set_rows": set_rows,
    "order_met": order_met,
    "take_along": take_along,
    "put_along": put_along,
    "add_along": lambda x, values, index, axis: x + put_along(values, index, axis, x.shape[axis]),
    "segment_sum": in_segments(lambda rows: rows.sum(0)),
    "segment_max": in_segments(lambda rows: rows.amax(0)),
    "segment_argmax": segment_argmax,
    "packed_scan": packed_scan,
    "scan": scan,
    "segment_repeat": lambda x, offsets, length: x.repeat_interleave(offsets.diff(), 0),
}


def test_no_primitive_is_missing() -> None:
    assert set(TORCH) == set(PRIMITIVES) - WITHOUT_SAMPLES - set(EXCEPTIONS)


def tensors(case: Case) -> list[Any]:
    made = [torch.tensor(array) for array in case.arrays]
    return [tensor.requires_grad_(tensor.is_floating_point()) for tensor in made]


@pytest.mark.parametrize("case", ALL)
def test_values_agree(case: Case) -> None:
    if case.primitive.name in EXCEPTIONS:
        pytest.skip(EXCEPTIONS[case.primitive.name])
    theirs = TORCH[case.primitive.name](*tensors(case), **case.sample.attributes).detach().numpy()
    ours = evaluate(case.graph(), case.values)["out"]
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_gradients_agree(case: Case) -> None:
    inputs = tensors(case)
    weights = np.random.default_rng(100 + case.number)
    out = TORCH[case.primitive.name](*inputs, **case.sample.attributes)
    total = (out * torch.tensor(weights.normal(size=tuple(out.shape)))).sum()
    if total.requires_grad:
        total.backward()
    ours = evaluate(differentiate(case.scalar_graph()), case.values)
    for i, tensor in enumerate(inputs):
        if tensor.requires_grad:
            theirs = np.zeros(tensor.shape) if tensor.grad is None else tensor.grad.numpy()
            np.testing.assert_allclose(ours[f"d_x{i}"], theirs, rtol=1e-12, atol=1e-14)


def ours_and_theirs(ours: Callable[[Any], Any], theirs: Callable[[Any], Any], x: list[float]) -> tuple[Any, Any]:
    tensor = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    theirs(tensor).sum().backward()
    gradient: NDArray[np.float64] = lg.grad(lambda x: lg.sum(ours(x)))(np.array(x))
    return gradient.tolist(), tensor.grad.tolist()


def test_relu_at_0_follows_the_lectures_and_pytorch_takes_0() -> None:
    assert ours_and_theirs(lg.relu, torch.relu, [-1.0, 0.0, 1.0]) == ([0.0, 1.0, 1.0], [0.0, 0.0, 1.0])


def test_equal_operands_of_a_maximum_give_all_to_the_first_and_pytorch_halves() -> None:
    x = [2.0]
    assert ours_and_theirs(lambda x: lg.maximum(x, 2.0), lambda x: torch.maximum(x, torch.tensor(2.0)), x) == (
        [1.0],
        [0.5],
    )


def test_equal_entries_give_all_to_the_first_as_pytorch_does_along_an_axis() -> None:
    assert ours_and_theirs(lambda x: lg.max(x, 0), lambda x: x.max(0).values, [1.0, 3.0, 3.0]) == (
        [0.0, 1.0, 0.0],
        [0.0, 1.0, 0.0],
    )


def test_the_absolute_value_at_0_has_derivative_0_in_both() -> None:
    assert ours_and_theirs(abs, torch.abs, [0.0, -2.0]) == ([0.0, -1.0], [0.0, -1.0])


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0])
def test_powers_of_0_have_finite_derivatives_in_both(exponent: float) -> None:
    found, expected = ours_and_theirs(lambda x: x**exponent, lambda x: x**exponent, [0.0, 2.0, -1.5])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
