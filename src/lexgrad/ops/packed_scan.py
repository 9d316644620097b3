"""The loop of recurrent networks over texts of different lengths: each step takes the texts that are still alive.

A batch of texts is packed step by step: first the first word of every text, then the second word of every text that
has one, and so on, the longest text first. Step t has as many rows as texts that reach it, so that nothing is computed
for padding. PyTorch calls such a batch a ``PackedSequence``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import Dim, Graph, Node, Primitive, Size, Type, apply, input_node, register
from lexgrad.ops.elementwise import multiply, sigmoid, tanh
from lexgrad.ops.packed_through_time import packed_through_time
from lexgrad.ops.product import matmul
from lexgrad.ops.samples import exactly, real, sample
from lexgrad.ops.scan import nothing, numpy_call, width_of

Array: TypeAlias = NDArray[Any]
Call: TypeAlias = Callable[[Graph, Sequence[Array]], Sequence[Array]]


def _type(
    offsets: Type,
    *types: Type,
    body: Graph,
    carries: int,
    sequences: int,
    tokens: Size,
    reverse: bool,
    output: int,
) -> Type:
    wanted, results = list(body.input_types.values()), list(body.output_types.values())
    if offsets.dtype != "int" or offsets.rank != 1 or offsets.shape[0] == 0:
        raise ShapeError(f"needs offsets int[steps+1], got {offsets}")
    if len(types) != len(wanted):
        raise ShapeError(f"the body {body.name!r} has {len(wanted)} inputs; got {len(types)}")
    if not 0 < carries <= len(results) or carries + sequences > len(types) or not 0 <= output < len(results):
        raise ShapeError(f"there is no output {output} of {carries} carries and {len(results)} results of the body")
    rows = rows_of(body)
    if not types[0].rank:
        raise ShapeError(f"a carry has a row for every text; got {types[0]}")
    batch = types[0].shape[0]
    for i, (given, inner) in enumerate(zip(types, wanted, strict=True)):
        outer = batch if i < carries else tokens if i < carries + sequences else None
        if outer is not None and inner.shape[:1] != (rows,):
            raise ShapeError(f"the body {body.name!r} gets {rows} rows of its input {i}; its type is {inner}")
        expected = inner if outer is None else inner.with_shape((outer, *inner.shape[1:]))
        if given != expected:
            kind = "shared value" if outer is None else "initial carry" if i < carries else "sequence"
            raise ShapeError(f"the body {body.name!r} needs {expected} for its {kind} {i}; got {given}")
    for i, (before, after) in enumerate(zip(wanted[:carries], results[:carries], strict=True)):
        if before != after:
            raise ShapeError(f"carry {i} goes into the body {body.name!r} as {before} and comes out as {after}")
    result = results[output]
    if result.shape[:1] != (rows,):
        raise ShapeError(f"a result has {rows} rows; that of the body {body.name!r} is {result}")
    return result.with_shape((batch if output < carries else tokens, *result.shape[1:]))


def rows_of(body: Graph) -> Dim:
    """The named size that a body has for the number of its rows: the first of its first carry.

    Raises:
        ShapeError: that is none.
    """
    first = next(iter(body.input_types.values()))
    if (
        not first.rank
        or not isinstance(rows := first.shape[0], Dim)
        or len(rows.names) != 1
        or rows != Dim(*rows.names)
    ):
        raise ShapeError(f"the rows of a step are a size with a name of its own; the body {body.name!r} has {first}")
    return rows


def check_steps(offsets: Array, batch: int, tokens: int) -> Array:
    """How many rows each step has.

    Raises:
        InputError: the offsets do not cut ``tokens`` rows into steps of ``batch`` rows or fewer, none of which has
            more than the one before.
    """
    counts: Array = np.diff(offsets)
    falling = not counts.size or (counts.min() >= 0 and counts[0] <= batch and np.diff(counts).max(initial=0) <= 0)
    if offsets[0] != 0 or offsets[-1] != tokens or not falling:
        raise InputError(
            f"steps must have no more rows than the one before, {tokens} in all, of {batch} texts;"
            f" got offsets {offsets[0]} … {offsets[-1]}"
        )
    return counts


@lru_cache(maxsize=256)
def _with_rows(body: Graph, count: int) -> Graph:
    """The body of a step that has so many rows."""
    return body.with_sizes(dict.fromkeys(rows_of(body).names, count))


def _evaluate_all(
    offsets: Array,
    *arrays: Array,
    body: Graph,
    carries: int,
    sequences: int,
    tokens: int,
    reverse: bool,
    call: Call = numpy_call,
) -> list[Array]:
    arrays = tuple(map(np.asarray, arrays))
    state = [np.array(array) for array in arrays[:carries]]
    along, shared = arrays[carries : carries + sequences], arrays[carries + sequences :]
    counts = check_steps(offsets, len(state[0]), tokens)
    stacks: list[Array] = []
    for t in reversed(range(len(counts))) if reverse else range(len(counts)):
        count, part = int(counts[t]), slice(offsets[t], offsets[t + 1])
        given = [*(carry[:count] for carry in state), *(sequence[part] for sequence in along), *shared]
        made = call(_with_rows(body, count), given)
        results = made[carries:]
        stacks = stacks or [np.empty((tokens, *np.shape(r)[1:]), np.asarray(r).dtype) for r in results]
        for stack, result in zip(stacks, results, strict=True):
            stack[part] = result
        for carry, new in zip(state, made, strict=False):  # last, for a result may be what a carry was
            carry[:count] = new
    if not stacks:
        types = list(body.output_types.values())[carries:]
        stacks = [nothing(type.with_shape(type.shape[1:]), width_of(arrays)) for type in types]
    return [*state, *stacks]


def _evaluate(*arrays: Array, output: int, **attributes: Any) -> Array:
    return _evaluate_all(*arrays, **attributes)[output]


_ROWS = Dim("rows")


def _body(name: str, step: Callable[..., Sequence[Node]], **types: Type) -> Graph:
    """A body for the samples."""
    inputs = {label: input_node(label, type) for label, type in types.items()}
    return Graph(inputs, {f"out{i}": node for i, node in enumerate(step(*inputs.values()))}, name)


_ELMAN = _body(
    "elman",
    lambda h, x, W: [tanh(x + matmul(h, W)), multiply(x, h)],
    h=Type("float", (_ROWS, 3)), x=Type("float", (_ROWS, 3)), W=Type("float", (3, 3)),
)  # fmt: skip
_TWO = _body(
    "two_carries",
    lambda h, c, x, y, v: [tanh(h) + sigmoid(c * x), c + y, multiply(tanh(c), v), h],
    h=Type("float", (_ROWS,)), c=Type("float", (_ROWS,)), x=Type("float", (_ROWS,)), y=Type("float", (_ROWS,)),
    v=Type("float"),
)  # fmt: skip


def _sample(body: Graph, *makers: Any, carries: int = 1, sequences: int = 1, tokens: int, output: int) -> Any:
    attributes = {"body": body, "carries": carries, "sequences": sequences, "tokens": tokens}
    return sample(*makers, **attributes, reverse=output % 2 == 1, output=output)


_STEPS = exactly([0, 3, 5, 6, 6])
_TWO_INPUTS = (_STEPS, real(4), real(4), real(6), real(6), real())

PACKED_SCAN = register(
    Primitive(
        "packed_scan",
        _type,
        _evaluate,
        evaluate_all=_evaluate_all,
        vjp_all=packed_through_time,
        notation="packed_scan({body.name}, …)[{output}]",
        samples=(
            *(_sample(_ELMAN, _STEPS, real(4, 3), real(6, 3), real(3, 3), tokens=6, output=i) for i in range(2)),
            *(_sample(_TWO, *_TWO_INPUTS, carries=2, sequences=2, tokens=6, output=i) for i in range(4)),
            *(_sample(_ELMAN, exactly([0]), real(2, 3), real(0, 3), real(3, 3), tokens=0, output=i) for i in range(2)),
        ),
    )
)
"""``body`` for each step t in turn, from the first to the last, or the other way where ``reverse`` is set.

Inputs: the offsets (steps + 1,) where the rows of each step begin, the carries (batch, …), the sequences (tokens, …),
and what all steps share. Step t has the rows ``offsets[t]`` up to ``offsets[t + 1]`` of each sequence, which belong to
the first texts of the batch, never to more than the step before; those texts' carries change, the others stay as they
are. The body has as inputs those ``rows`` of the carries, those of the sequences, and the shared values, and as outputs
the new carries and any number of results, all of which have that many rows: ``rows`` is a size of its own. Texts know
nothing of each other: what a row becomes depends on that row. As all nodes, one of these has one value, that of
``output``: a carry, with every text's as its last step left it, or the results of all steps (tokens, …), packed as the
sequences are. Several outputs of one loop are a group.
"""


def packed_loop(
    inputs: Sequence[Node],
    body: Graph,
    *,
    carries: int,
    sequences: int,
    tokens: Size,
    reverse: bool = False,
    outputs: Iterable[int] | None = None,
) -> list[Node]:
    """The outputs of one loop, all or those with these numbers; they are a group. See ``PACKED_SCAN``."""
    settings = {"carries": carries, "sequences": sequences, "tokens": tokens, "reverse": reverse}
    wanted = range(len(body.outputs)) if outputs is None else outputs
    return [apply(PACKED_SCAN, *inputs, body=body, **settings, output=i) for i in wanted]
