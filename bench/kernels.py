"""Time single kernels against a copy of memory: ``python -m bench kernels``.

Every input is read once and every output written once, so a kernel as fast as memory allows moves as many bytes a
second as a copy of the same size does. The copy is NumPy's, a share of it on each thread. Kernels and copies take
turns; sizes lie beyond the last cache ("memory") and within the second ("cache"), where one thread does it all.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.graph import Graph, Node, Type, input_node

SIZES = {"memory": (4000, 10_000), "cache": (120, 1000)}
"""Rows and columns of the arrays: 160 MB, and 0.48 MB, of fp32."""


def _normalised(x: Node) -> Node:
    centred = x - ops.mean(x, 1, True)
    return centred / ops.sqrt(ops.mean(ops.square(centred), 1, True) + 1e-5)


def _clipped(x: Node) -> Node:
    return x * ops.minimum(1.0 / ops.sqrt(ops.sum(ops.square(x))), 1.0)


ELEMENTWISE: dict[str, Callable[[Node], Node]] = {
    "negative": lambda x: -x,
    "exp": ops.exp,
    "log": ops.log,
    "tanh": ops.tanh,
    "sigmoid": ops.sigmoid,
    "softplus": ops.softplus,
    "relu": ops.relu,
    "softmax": lambda x: ops.softmax(x, 1),
    "log-softmax": lambda x: ops.log_softmax(x, 1),
    "normalise rows": _normalised,
    "gather rows": lambda x: x,
    "scatter rows": lambda x: x,
    "clip the norm": _clipped,
}
REDUCTIONS: dict[str, Callable[[Node], Node]] = {
    "logsumexp": lambda x: ops.logsumexp(x, 1),
    "sum over columns": lambda x: ops.sum(x, 1),
    "max over columns": lambda x: ops.max(x, 1),
    "argmax over columns": lambda x: ops.argmax(x, 1),
    "argmax over rows": lambda x: ops.argmax(x, 0),
    "sum over rows": lambda x: ops.sum(x, 0),
    "max over rows": lambda x: ops.max(x, 0),
    "sum of all": ops.sum,
    "max of all": lambda x: ops.max(ops.max(x, 1), 0),
    "norm": lambda x: ops.sqrt(ops.sum(ops.square(x))),
}
KERNELS = ELEMENTWISE | REDUCTIONS


def graph(name: str, rows: int, columns: int) -> Graph:
    """The graph of one kernel."""
    x, ids = input_node("x", Type("float", (rows, columns))), input_node("ids", Type("int", (rows,)))
    if name == "gather rows":
        return Graph({"x": x, "ids": ids}, {"out": ops.take(x, ids)}, name)
    if name == "scatter rows":
        return Graph({"x": x, "ids": ids}, {"out": ops.scatter_add(x, ids, rows)}, name)
    return Graph({"x": x}, {"out": KERNELS[name](x)}, name)


class Copy:
    """A copy of an array, a share on each thread."""

    def __init__(self, x: NDArray[np.float32], threads: int) -> None:
        self.pool = ThreadPoolExecutor(threads)
        target = np.empty_like(x)
        self.shares = list(zip(np.array_split(target, threads), np.array_split(x, threads), strict=True))
        self.bytes = 2 * x.nbytes

    def __call__(self, times: int) -> None:
        """Copy so many times."""

        def work(share: tuple[Any, Any]) -> None:
            for _ in range(times):
                np.copyto(*share)

        list(self.pool.map(work, self.shares))


class Kernel:
    """One kernel as a program; outputs lie in the same memory every time."""

    def __init__(self, name: str, x: NDArray[np.float32], threads: int) -> None:
        made = graph(name, *x.shape)
        out = next(iter(made.outputs.values())).type
        y = input_node("y", out)
        made = Graph({**made.inputs, "y": y}, made.outputs, name)
        self.program = Program(made, "fp32", threads, donated={"out": "y"})
        ids = np.random.default_rng(0).permutation(x.shape[0])
        values: Mapping[str, Any] = {
            "x": x,
            "ids": ids,
            "y": np.zeros(out.shape, np.int64 if out.dtype == "int" else np.float32),
        }
        self.step = {key: self.program.prepared(key, values[key]) for key in made.inputs}
        self.bytes = x.nbytes + self.step["y"].nbytes

    def __call__(self, times: int) -> None:
        """Run so many steps."""
        self.program.launch([self.step] * times)


def seconds(run: Callable[[int], None], times: int) -> float:
    """How long one of ``times`` turns takes."""
    begun = time.perf_counter()
    run(times)
    return (time.perf_counter() - begun) / times


def measure(name: str, where: str, threads: int, rounds: int) -> dict[str, Any]:
    """A kernel and a copy of the same size, taking turns."""
    x = np.random.default_rng(1).uniform(0.1, 5, SIZES[where]).astype(np.float32)
    times, threads = (1, threads) if where == "memory" else (200, 1)
    kernel, copy = Kernel(name, x, threads), Copy(x, threads)
    kernel(times)
    copy(times)
    found = [(seconds(kernel, times), seconds(copy, times)) for _ in range(rounds)]
    own, other = (statistics.median(column) for column in zip(*found, strict=True))
    return {
        "kernel": name,
        "size": where,
        "gigabytes_a_second": kernel.bytes / own / 1e9,
        "copy": copy.bytes / other / 1e9,
        "ratio": (kernel.bytes / own) / (copy.bytes / other),
    }


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        "python -m bench kernels", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help=f"of {', '.join(KERNELS)}; all by default")
    parser.add_argument("--size", choices=[*SIZES, "both"], default="both", help="of the arrays (default both)")
    parser.add_argument("--threads", type=int, default=2, help="default 2")
    parser.add_argument("--rounds", type=int, default=7, help="default 7")
    parser.add_argument("--json", metavar="FILE", help="write the rows to a file as well")
    told = parser.parse_args(arguments)
    unknown = [name for name in told.kernels if name not in KERNELS]
    if unknown:
        parser.error(f"there is no kernel {unknown[0]!r}; there are {', '.join(KERNELS)}")
    rows = []
    print(f"{'kernel':<20}{'size':<8}{'GB/s':>8}{'copy':>8}{'ratio':>8}")
    for where in SIZES if told.size == "both" else [told.size]:
        for name in told.kernels or KERNELS:
            row = measure(name, where, told.threads, told.rounds)
            rows.append(row)
            print(
                f"{name:<20}{where:<8}{row['gigabytes_a_second']:>8.1f}{row['copy']:>8.1f}{row['ratio']:>8.2f}",
                flush=True,
            )
    if told.json:
        Path(told.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")
