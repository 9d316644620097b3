"""Classifiers on pooled embeddings."""

from __future__ import annotations

import functools
from collections.abc import Callable

from bench.systems import Run, Setup
from bench.systems.lexgrad_compiled.stepping import Inputs, prepare, prepare_texts
from bench.workloads import Data
from lexgrad import ops
from lexgrad.graph import Node
from lexgrad.models import BagOfNgrams
from lexgrad.models.features.inputs import PackedInputs, packed_types
from lexgrad.nn.layers import linear, pooled_embeddings


def _mean_pool(p: Inputs) -> Node:
    pooled = ops.segment_mean(ops.take(p["E"], p["ids"]), p["offsets"])
    return ops.mean(ops.cross_entropy(pooled @ p["W"] + p["b"], p["target"]))


def _dan(p: Inputs) -> Node:
    a = pooled_embeddings(p["E"], p["ids"], p["offsets"], "mean")
    for layer in "12":
        a = ops.relu(linear(a, p[f"W{layer}"], p[f"b{layer}"]))
    return ops.mean(ops.cross_entropy(linear(a, p["W3"], p["b3"]), p["target"]))


def _bow(data: Data, setup: Setup) -> Run:
    """Whole fits of the estimator: words, n-grams, training. Its code is in the cache after the first."""

    def run(steps: int) -> Callable[[], float]:
        for _ in range(steps):
            model = BagOfNgrams(
                dimensions=data["d"],
                epochs=data["epochs"],
                buckets=data["buckets"],
                tokens="spaces",
                batch=8,
                learning_rate=8 * 0.5,
                threads=setup.threads,
            ).fit(data["rows"], data["labels"])
        return lambda: float(model.evaluate(data["rows"], data["labels"])["loss"])

    return run


_DAN = ("E", "W1", "b1", "W2", "b2", "W3", "b3")
PREPARE = {
    "mean-pool": functools.partial(prepare, _mean_pool, ("E", "W", "b"), ("ids", "target")),
    "dan": functools.partial(prepare_texts, _dan, _DAN, PackedInputs, packed_types),
    "dan-adam": functools.partial(prepare_texts, _dan, _DAN, PackedInputs, packed_types),
    "bow": _bow,
}
