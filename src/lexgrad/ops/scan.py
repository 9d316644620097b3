"""The loop of recurrent networks: one body graph applied step by step, carries handed from each step to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import ShapeError
from lexgrad.graph import CONSTANT, Graph, Node, Primitive, Size, Type, apply, input_node, register
from lexgrad.ops.elementwise import multiply, sigmoid, sin, tanh
from lexgrad.ops.indexing import take
from lexgrad.ops.product import matmul
from lexgrad.ops.samples import real, sample, whole
from lexgrad.ops.through_time import through_time

Array: TypeAlias = NDArray[Any]
Call: TypeAlias = Callable[[Graph, Sequence[Array]], Sequence[Array]]


def _scan_type(
    *types: Type, body: Graph, carries: int, sequences: int, length: Size, reverse: bool, output: int
) -> Type:
    wanted, results = list(body.input_types.values()), list(body.output_types.values())
    if len(types) != len(wanted):
        raise ShapeError(f"the body {body.name!r} has {len(wanted)} inputs; got {len(types)}")
    if not 0 <= carries + sequences <= len(types) or not carries <= len(results) or not 0 <= output < len(results):
        raise ShapeError(f"there is no output {output} of {carries} carries and {len(results)} results of the body")
    for i, (given, inner) in enumerate(zip(types, wanted, strict=True)):
        sliced = carries <= i < carries + sequences
        expected = inner.with_shape((length, *inner.shape)) if sliced else inner
        if given != expected:
            kind = "sequence" if sliced else "initial carry" if i < carries else "shared value"
            raise ShapeError(f"the body {body.name!r} needs {expected} for its {kind} {i}; got {given}")
    for i, (before, after) in enumerate(zip(wanted[:carries], results[:carries], strict=True)):
        if before != after:
            raise ShapeError(f"carry {i} goes into the body {body.name!r} as {before} and comes out as {after}")
    result = results[output]
    return result if output < carries else result.with_shape((length, *result.shape))


def width_of(arrays: Sequence[Array]) -> np.dtype[Any]:
    """The dtype of the floats that are computed from ``arrays``."""
    floats = [array.dtype for array in arrays if array.dtype.kind == "f"]
    return np.result_type(*floats) if floats else np.dtype(np.float64)


def numpy_call(body: Graph, arrays: Sequence[Array]) -> list[Array]:
    """The outputs of a graph by the meaning of its primitives; floats as wide as those that go in."""
    widths = {"float": width_of(arrays)}
    values = dict(zip(body.inputs.values(), arrays, strict=True))
    for node in body.nodes[len(arrays) :]:
        operands = [values[operand] for operand in node.inputs]
        is_constant = node.primitive is CONSTANT
        value = node.attributes["value"] if is_constant else node.primitive.evaluate(*operands, **node.attributes)
        values[node] = np.asarray(value, widths.get(node.type.dtype))
    return [values[node] for node in body.outputs.values()]


def _evaluate_all(
    *arrays: Array,
    body: Graph,
    carries: int,
    sequences: int,
    length: int,
    reverse: bool,
    call: Call = numpy_call,
) -> list[Array]:
    arrays = tuple(map(np.asarray, arrays))
    state = list(arrays[:carries])
    sliced, shared = arrays[carries : carries + sequences], arrays[carries + sequences :]
    stacks: list[Array] = []
    for t in reversed(range(length)) if reverse else range(length):
        results = call(body, [*state, *(sequence[t] for sequence in sliced), *shared])
        state = list(results[:carries])
        stacks = stacks or [np.empty((length, *np.shape(r)), np.asarray(r).dtype) for r in results[carries:]]
        for stack, result in zip(stacks, results[carries:], strict=True):
            stack[t] = result
    if not length:
        stacks = [nothing(type, width_of(arrays)) for type in list(body.output_types.values())[carries:]]
    return [*map(np.array, state), *stacks]


def nothing(type: Type, width: np.dtype[Any]) -> Array:
    """The stack of no results of a type."""
    sizes = [size for size in type.shape if isinstance(size, int)]
    return np.zeros((0, *sizes), {"float": width, "int": np.dtype(np.int64), "bool": np.dtype(np.bool_)}[type.dtype])


def _evaluate(*arrays: Array, output: int, **attributes: Any) -> Array:
    return _evaluate_all(*arrays, **attributes)[output]


def _body(name: str, step: Callable[..., Sequence[Node]], **types: Type) -> Graph:
    """A body for the samples."""
    inputs = {label: input_node(label, type) for label, type in types.items()}
    return Graph(inputs, {f"out{i}": node for i, node in enumerate(step(*inputs.values()))}, name)


_ROW = Type("float", (3,))
_ELMAN = _body(
    "elman",
    lambda h, x, W: [tanh(x + matmul(h, W)), h],
    h=_ROW, x=_ROW, W=Type("float", (3, 3)),
)  # fmt: skip
_TWO = _body(
    "two_carries",
    lambda i, c, n, x, E: [i + 1, sin(c) * x + take(E, n), multiply(sigmoid(c), x), i],
    i=Type("int"), c=_ROW, n=Type("int"), x=Type("float"), E=Type("float", (4, 3)),
)  # fmt: skip
_POWERS = _body("powers", lambda p, x: [p * x, p], p=Type("float"), x=Type("float"))


def _sample(
    body: Graph, *makers: Any, carries: int = 1, sequences: int = 1, length: int, output: int, **more: Any
) -> Any:
    attributes = {"body": body, "carries": carries, "sequences": sequences, "length": length}
    return sample(*makers, **attributes, reverse=more.get("reverse", False), output=output)


_ELMAN_INPUTS = (real(3), real(4, 3), real(3, 3))
_TWO_INPUTS = (whole(low=0, high=3), real(3), whole(5, low=-1, high=4), real(5), real(4, 3))

SCAN = register(
    Primitive(
        "scan",
        _scan_type,
        _evaluate,
        evaluate_all=_evaluate_all,
        vjp_all=through_time,
        notation="scan({body.name}, …)[{output}]",
        samples=(
            _sample(_ELMAN, *_ELMAN_INPUTS, length=4, output=0),
            _sample(_ELMAN, *_ELMAN_INPUTS, length=4, output=1, reverse=True),
            _sample(_TWO, *_TWO_INPUTS, carries=2, sequences=2, length=5, output=1),
            _sample(_TWO, *_TWO_INPUTS, carries=2, sequences=2, length=5, output=2, reverse=True),
            _sample(_TWO, *_TWO_INPUTS, carries=2, sequences=2, length=5, output=3, reverse=True),
            _sample(_POWERS, real(), real(), sequences=0, length=3, output=0),
            _sample(_POWERS, real(), real(), sequences=0, length=3, output=1),
            _sample(_ELMAN, real(3), real(0, 3), real(3, 3), length=0, output=0),
            _sample(_ELMAN, real(3), real(0, 3), real(3, 3), length=0, output=1),
        ),
    )
)
"""``body`` for each step t in turn, from 0 up to length - 1, or down where ``reverse`` is set.

Inputs: the carries before the first step, the sequences (whose first axis has ``length`` entries), and what all steps
share. The body has as inputs the carries, an entry of each sequence and the shared values, in this order, and as
outputs the new carries and any number of results. As all nodes, one of these has one value, that of ``output``: a carry
after the last step, or the results of all steps, entry t that of step t. Several outputs of one loop are a group.
"""


def loop(
    inputs: Sequence[Node],
    body: Graph,
    *,
    carries: int,
    sequences: int,
    length: Size,
    reverse: bool = False,
    outputs: Iterable[int] | None = None,
) -> list[Node]:
    """The outputs of one loop, all or those with these numbers; they are a group. See ``SCAN``."""
    settings = {"carries": carries, "sequences": sequences, "length": length, "reverse": reverse}
    wanted = range(len(body.outputs)) if outputs is None else outputs
    return [apply(SCAN, *inputs, body=body, **settings, output=i) for i in wanted]
