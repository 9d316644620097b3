"""Layers as functions of nodes: dense and sparse linear layers, embeddings and the ways to pool them."""

from __future__ import annotations

import itertools
from typing import Literal, Protocol

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.graph import Node

Bias = Literal["vector", "x0"]
BIASES = ("vector", "x0")
POOLS = ("mean", "max", "concat")


class Drop(Protocol):
    """Dropout while training, and nothing afterwards."""

    def __call__(self, x: Node, rate: float | None = None) -> Node:
        """Set a share of the entries to 0, and scale the others up; ``rate`` is another share than the usual one."""
        ...


def undropped(x: Node, rate: float | None = None) -> Node:
    """``Drop`` where nothing is trained."""
    return x


def dropping(usual: float, key: Node, step: Node, first: int = 0) -> Drop:
    """``Drop`` of a training step: each use draws from a stream of its own.

    Args:
        usual: the share where a use says nothing else.
        key: an int scalar; the streams are key + first, key + first + 1, ...
        step: an int scalar that counts steps: what is drawn is new in each.
        first: how many streams have other uses.
    """
    streams = itertools.count(first)

    def drop(x: Node, rate: float | None = None) -> Node:
        share = usual if rate is None else rate
        return ops.dropout(x, share, key + next(streams), step) if share else x

    return drop


def weight_rows(inputs: int, bias: str) -> int:
    """How many rows the weight matrix of a layer with ``inputs`` inputs has: one more where the bias lives in it.

    Raises:
        InputError: ``bias`` is neither "vector" nor "x0".
    """
    if bias not in BIASES:
        raise InputError(f"bias is 'vector' or 'x0'; got {bias!r}")
    return inputs + (bias == "x0")


def linear(x: Node, W: Node, b: Node | None) -> Node:
    """z = x W + b for a batch x (batch, d).

    Args:
        x: inputs (batch, d).
        W: weights (d, units), or (d,) for one output a text; with ``b`` None the bias is the last row of W,
            which has one row more, and x gets a last column of ones (the lectures' x0 = 1).
        b: bias (units,) or () or None.

    Returns:
        (batch, units), or (batch,) for a weight vector.
    """
    if b is None:
        ones = ops.broadcast_to(1.0, (x.shape[0], 1))
        return ops.matmul(ops.concatenate([x, ones], axis=1), W)
    return ops.matmul(x, W) + b


def sparse_linear(ids: Node, values: Node, offsets: Node, W: Node, b: Node | None) -> Node:
    """z = x W + b where x (batch, d) is given by its non-zero entries alone; x is never made.

    Row i of x has values[k] in column ids[k] for offsets[i] <= k < offsets[i+1], so x W is a sum of rows of W by
    segments, and its derivative touches only the rows that the batch reads.

    Args:
        ids: columns (tokens,), int.
        values: entries (tokens,), float.
        offsets: where each row begins and the last one ends (batch + 1,), int.
        W: weights (d, units) or (d,); with ``b`` None its last row is the weight of x0 = 1.
        b: bias (units,) or () or None.

    Returns:
        (batch, units), or (batch,) for a weight vector.
    """
    rows = ops.take(W, ids)
    weighted = rows * values if W.ndim == 1 else rows * ops.expand_dims(values, 1)
    return ops.segment_sum(weighted, offsets) + (W[-1] if b is None else b)


def pooled_embeddings(E: Node, ids: Node, offsets: Node, pool: str) -> Node:
    """Look words up in E (words, d) and join those of each text: element-wise mean or max.

    Args:
        E: one row a word.
        ids: words of all texts, one after the other (tokens,); -1 is the zero vector.
        offsets: where each text begins and the last one ends (batch + 1,).
        pool: "mean" or "max".

    Returns:
        (batch, d); a text without words gives zeros.

    Raises:
        InputError: another ``pool``.
    """
    if pool == "mean":
        return ops.segment_mean(ops.take(E, ids).named("e"), offsets)
    if pool == "max":
        return ops.segment_max(ops.take(E, ids).named("e"), offsets)
    raise InputError(f"pool is 'mean' or 'max' for packed texts; got {pool!r}")


def concatenated_embeddings(E: Node, ids: Node) -> Node:
    """Look words up in E (words, d) and lay those of each text side by side.

    Args:
        E: one row a word.
        ids: (batch, length), short texts filled with -1, which stands for the zero vector.

    Returns:
        (batch, length * d).
    """
    batch, length = ids.shape
    return ops.reshape(ops.take(E, ids).named("e"), (batch, length * E.shape[1]))
