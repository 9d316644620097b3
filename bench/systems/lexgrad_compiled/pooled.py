"""Classifiers on pooled embeddings."""

from __future__ import annotations

import functools

from bench.systems.lexgrad_compiled.stepping import Inputs, prepare
from lexgrad import ops
from lexgrad.graph import Node


def _mean_pool(p: Inputs) -> Node:
    pooled = ops.segment_mean(ops.take(p["E"], p["ids"]), p["offsets"])
    return ops.mean(ops.cross_entropy(pooled @ p["W"] + p["b"], p["target"]))


PREPARE = {"mean-pool": functools.partial(prepare, _mean_pool, ("E", "W", "b"), ("ids", "target"))}
