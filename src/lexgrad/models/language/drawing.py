"""Texts drawn inside the compiled program: a token is read, the next one drawn and read again, without Python between.

Weights are laid out in panels of some columns, one behind the other, so that a product with one vector reads memory
from beginning to end, and the sums of a panel stay in registers meanwhile: at one token a step, reading the weights is
all that takes time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.compile.arrays import aligned_empty
from lexgrad.compile.threads import processors, together
from lexgrad.graph import Dim, Graph, Node, Type, input_node
from lexgrad.models.language.sampling import Sampling
from lexgrad.trace import scan
from lexgrad.train.engine import Applier

Arrays = Mapping[str, NDArray[Any]]
State = dict[str, Node]
_Matrix = TypeVar("_Matrix")
Advance = Callable[[Mapping[str, Node], Node, State], tuple[Node, State]]

TOKEN, FORCED, TURNS, KEY, DRAWN = "token", "forced", "turns", "key", "drawn"
TEMPERATURE, TOP_K, TOP_P = "temperature", "top_k", "top_p"
ROOM = Dim("tokens")
FREE = -1
"""A place of the text that is drawn, where others are given."""

PANEL = 64
"""Columns of a panel: as many sums as a processor's registers hold at a time."""

PART, SHARE = 16, 1 << 22  # panels that a thread lays out at a time, and bytes of all that are worth one more
HALVINGS = 45  # until a threshold lies between two neighbouring numbers
LAUNCH_SECONDS, MOST = 0.03, 512


def laid_out(parameters: Arrays) -> dict[str, NDArray[Any]]:
    """Matrices (k, m) in panels, (m / PANEL rounded up, k, PANEL), with zeros behind the last column; E as it is.

    The output's matrix O is one of them: where there is none, it is made of the rows of R, or of E.
    """
    matrices = _with_output(parameters, np.transpose)
    own = {n: p for n, p in matrices.items() if _panelled(n, p.shape)}
    laid = {n: aligned_empty(_panels(p.shape), p.dtype) for n, p in own.items()}
    parts = [(p, laid[n], first) for n, p in own.items() for first in range(0, len(laid[n]), PART)]

    def fill(thread: int, threads: int, _: int) -> None:
        for matrix, panels, first in parts[thread::threads]:
            for number in range(first, min(first + PART, len(panels))):
                columns = matrix[:, number * PANEL : (number + 1) * PANEL]
                panels[number, :, : columns.shape[1]] = columns
                panels[number, :, columns.shape[1] :] = 0

    together(fill, min(processors(), 1 + sum(panels.nbytes for panels in laid.values()) // SHARE))
    return matrices | laid


def laid_out_shapes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The shapes of parameters that ``laid_out`` has laid out, by the shapes that the model has them in."""
    matrices = _with_output(shapes, lambda shape: shape[::-1])
    return {n: _panels(s) if _panelled(n, s) else s for n, s in matrices.items()}


def _with_output(parameters: Mapping[str, _Matrix], turned: Callable[[_Matrix], _Matrix]) -> dict[str, _Matrix]:
    """Parameters, or their shapes, with an O, and without the R that it is made of."""
    rows = parameters.get("R", parameters["E"])
    found = parameters if "O" in parameters else {**parameters, "O": turned(rows)}
    return {name: parameter for name, parameter in found.items() if name != "R"}


def without(laid: Arrays, token: int) -> dict[str, NDArray[Any]]:
    """Parameters laid out, with a bias of the output that makes a token impossible."""
    bias = laid["c"].copy()
    bias[token] = -math.inf
    return {**laid, "c": bias}


def laid_out_nodes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Node]:
    """Input nodes for parameters that ``laid_out`` has laid out."""
    return {n: input_node(n, Type("float", s)) for n, s in laid_out_shapes(shapes).items()}


def _panelled(name: str, shape: tuple[int, ...]) -> bool:
    return name != "E" and len(shape) == 2


def _panels(shape: tuple[int, ...]) -> tuple[int, ...]:
    depth, columns = shape
    return -(-columns // PANEL), depth, PANEL


def product(x: Node, W: Node, columns: int) -> Node:
    """x W of rows x (n, k) and W (k, columns); of one vector x (k,), with W laid out in panels."""
    if W.ndim == 2:
        return ops.matmul(x, W)
    sums = ops.sum(ops.reshape(x, (1, *x.shape, 1)) * W, 1)
    return ops.reshape(sums, (cast("int", W.shape[0]) * PANEL,))[:columns]


def drawing_graph(
    advance: Advance, shapes: Mapping[str, tuple[int, ...]], state: Mapping[str, Type], *, cut: bool
) -> Graph:
    """The graph that goes along a text, reading what is ``forced`` and drawing the tokens where that is ``FREE``.

    Args:
        advance: of parameters, a token and a state, the logits of what comes next (V,) and the state behind the token.
        shapes: of the parameters, as the model has them.
        state: the types of the state.
        cut: whether there is ``TOP_K`` (an int) and ``TOP_P``.

    Returns:
        A graph of the parameters laid out, the first ``TOKEN``, the state before it, ``FORCED`` and ``TURNS`` (tokens,)
        (which number of the random stream each place has), ``KEY``, ``TEMPERATURE``; its outputs are the tokens read
        behind the first one, ``DRAWN`` (tokens,), the last of them as ``TOKEN``, and the state.
    """
    parameters = laid_out_nodes(shapes)
    carried = {TOKEN: input_node(TOKEN, Type("int")), **{n: input_node(n, type) for n, type in state.items()}}
    along = {n: input_node(n, Type("int", (ROOM,))) for n in (FORCED, TURNS)}
    key, temperature = input_node(KEY, Type("int")), input_node(TEMPERATURE, Type("float"))
    cuts = {TOP_K: input_node(TOP_K, Type("int")), TOP_P: input_node(TOP_P, Type("float"))} if cut else {}

    def step(carry: State, at: State) -> tuple[State, Node]:
        logits, after = advance(parameters, carry[TOKEN], {name: carry[name] for name in state})
        drawn = _drawn(logits, ops.random_uniform(key, at[TURNS], ()), temperature, cuts)
        token = ops.where(ops.equal(at[FORCED], FREE), drawn, at[FORCED])
        return {TOKEN: token, **after}, token

    last, drawn = scan(step, carried, along)
    inputs = {**parameters, **carried, **along, KEY: key, TEMPERATURE: temperature, **cuts}
    return Graph(inputs, {DRAWN: drawn, **last}, name="draw")


def _drawn(logits: Node, uniform: Node, temperature: Node, cuts: Mapping[str, Node]) -> Node:
    """Draw a token: see ``Sampling``; temperature 0 is the most probable one."""
    words = cast("int", logits.shape[0])
    cold = ops.equal(temperature, 0.0)
    z = (logits - ops.max(logits)) / ops.where(cold, 1.0, temperature)
    first = ops.min(ops.where(ops.equal(z, 0.0), ops.arange(words), words - 1))  # of the most probable tokens
    if cuts:
        z = ops.where(ops.greater_equal(z, _least(z, cuts)), z, -math.inf)
    powers = ops.exp(z)
    side = math.isqrt(words - 1) + 1  # the cumulative distribution is gone down in two steps, as a square of tokens
    square = ops.reshape(ops.pad(powers, [(0, side * side - words)]), (side, side))
    sums = _cumulative(ops.sum(square, 1), side)
    place = uniform * ops.index(sums, side - 1)
    row = ops.minimum(ops.sum(ops.cast(ops.less_equal(sums, place), "int"), 0), side - 1)
    before = ops.where(ops.equal(row, 0), 0.0, ops.take(sums, ops.maximum(row - 1, 0)))
    within = _cumulative(ops.take(square, row), side)
    column = ops.minimum(ops.sum(ops.cast(ops.less_equal(within, place - before), "int"), 0), side - 1)
    token = ops.minimum(row * side + column, words - 1)
    # Rounding may end at a token that cannot be; once in millions of tokens.
    return ops.where(ops.logical_or(cold, ops.equal(ops.take(powers, token), 0.0)), first, token)


def _cumulative(values: Node, count: int) -> Node:
    below = ops.less_equal(ops.expand_dims(ops.arange(count), 0), ops.expand_dims(ops.arange(count), 1))
    return ops.sum(ops.where(below, ops.expand_dims(values, 0), 0.0), 1)


def _least(z: Node, cuts: Mapping[str, Node]) -> Node:
    """The smallest of ``z`` that is kept, found by halving: how many, or how much, lies above falls as it rises."""
    powers = ops.exp(z)
    enough = cuts[TOP_P] * ops.sum(powers, 0)
    lowest = ops.min(ops.where(ops.greater(z, -math.inf), z, 0.0), 0) - 1.0

    def step(ends: tuple[Node, ...], _: None) -> tuple[tuple[Node, ...], None]:
        low, high, low_p, high_p = ends
        middle, middle_p = 0.5 * (low + high), 0.5 * (low_p + high_p)
        many = ops.greater_equal(ops.sum(ops.cast(ops.greater_equal(z, middle), "int"), 0), cuts[TOP_K])
        little = ops.less(ops.sum(ops.where(ops.greater(z, middle_p), powers, 0.0), 0), enough)
        k = ops.where(many, middle, low), ops.where(many, high, middle)
        p = ops.where(little, low_p, middle_p), ops.where(little, middle_p, high_p)
        return (*k, *p), None

    one = ops.constant(1.0)
    (low, _, _, high_p), _ = scan(step, (lowest, one, lowest, ops.constant(0.0)), length=HALVINGS)
    return ops.maximum(low, high_p)


def drawn_tokens(
    apply: Applier,
    parameters: Arrays,
    state: Arrays,
    first: int,
    prompt: Sequence[int],
    sampling: Sampling,
    key: int,
    words: int,
) -> Iterator[int]:
    """Draw tokens without end, a few at first and then as many at a time as take a blink; how many changes nothing.

    Args:
        apply: runs a ``drawing_graph``, with a cut if ``sampling`` has one.
        parameters: laid out, ``without`` what is not to be drawn.
        state: before the first token.
        first: the first token.
        prompt: the tokens behind it; they are not repeated.
        sampling: how tokens are drawn.
        key: fixes what is drawn.
        words: V.
    """
    steady = {KEY: np.asarray(key, np.int64), TEMPERATURE: np.asarray(sampling.temperature)}
    if sampling.cuts:
        steady[TOP_K] = np.asarray(sampling.top_k or words, np.int64)
        steady[TOP_P] = np.asarray(2.0 if sampling.top_p is None else sampling.top_p)
    carried: dict[str, NDArray[Any]] = {TOKEN: np.asarray(first, np.int64), **state}
    forced = np.array([*prompt, FREE], np.int64)
    done, length = 0, 1
    while True:
        turns = np.arange(done, done + len(forced)) - len(prompt)
        began = time.perf_counter()
        out = apply(parameters, {**steady, **carried, FORCED: forced, TURNS: turns})
        seconds = time.perf_counter() - began
        carried = {name: out[name] for name in carried}
        yield from out[DRAWN][forced == FREE].tolist()
        wanted = len(forced) * LAUNCH_SECONDS / max(seconds, 1e-9)
        done, length = done + len(forced), max(1, min(int(wanted), 2 * length, MOST))
        forced = np.full(length, FREE)
