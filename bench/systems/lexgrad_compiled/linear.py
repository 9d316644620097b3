"""Linear classifiers on counts of words."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from bench.systems import Run, Setup
from bench.systems.lexgrad_compiled.stepping import Timed
from bench.workloads import Data
from bench.workloads.linear import log_loss
from lexgrad import ops
from lexgrad.compile import Program, Rows
from lexgrad.compile.arrays import Precision
from lexgrad.grad import gradient
from lexgrad.graph import Dim, Graph, Type, input_node


def _sparse_logistic(data: Data, setup: Setup) -> Run:
    """An update after each text. A round is a whole fit: binding texts as rows, first weights 0, every epoch."""
    begun = time.perf_counter()
    columns, words = data["counts"].shape[1], Dim("words")
    types = {
        "w": Type("float", (columns,)),
        "b": Type("float"),
        "ids": Type("int", (words,)),
        "counts": Type("float", (words,)),
        "label": Type("float"),
        "rate": Type("float"),
        "bias_rate": Type("float"),
    }
    x = {name: input_node(name, type) for name, type in types.items()}
    z = ops.sum(x["counts"] * ops.take(x["w"], x["ids"])) + x["b"]
    dw, db = gradient(ops.binary_cross_entropy(z, x["label"]), [x["w"], x["b"]])
    new = {"w": x["w"] - x["rate"] * dw, "b": x["b"] - x["bias_rate"] * db}
    precision = cast(Precision, setup.precision)
    program = Program(Graph(x, new, "step"), precision, setup.threads, {"w": "w", "b": "b"})
    seconds = time.perf_counter() - begun
    counts, labels = data["counts"], data["labels"]

    def fit() -> Mapping[str, Any]:
        first, last = counts.indptr[:-1], counts.indptr[1:]
        inputs = {
            "w": program.prepared("w", np.zeros(columns, np.float32)),
            "b": program.prepared("b", np.zeros((), np.float32)),
            "ids": Rows(counts.indices, first, last),
            "counts": Rows(counts.data, first, last),
            "label": Rows(labels.astype(np.float32), np.arange(len(labels))),
            "rate": program.prepared("rate", data["rate"]),
            "bias_rate": program.prepared("bias_rate", data["bias_rate"]),
        }
        epoch = program.bind(inputs, len(labels))
        for _ in range(data["epochs"]):
            weights = epoch()
        return weights

    def run(steps: int) -> Callable[[], float]:
        for _ in range(steps):
            weights = fit()
        return lambda: log_loss(counts @ weights["w"] + weights["b"], labels)

    return Timed(run, seconds)


PREPARE = {"sparse-logistic": _sparse_logistic}
