"""Time updates of a large table of which batches read few rows, beside PyTorch's sparse optimisers.

The model is the mean of embeddings before a softmax: 100 000 words x 100, batches of 64 texts of 40 words. Both start
from the same weights and see the same batches; equal losses after equally many steps say that the arithmetic is equal.
PyTorch's are ``EmbeddingBag(sparse=True)`` with SGD, Adagrad and SparseAdam, and the dense Adam; they are left out
where PyTorch is not installed. The systems take turns, round by round; the table has medians of milliseconds a step.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from bench.workloads.pooled import mean_pool
from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile.bound import Rows
from lexgrad.graph import Dim, Graph, Node, Type, input_node
from lexgrad.nn.losses import classification_loss
from lexgrad.nn.optimisers import Optimiser, optimiser
from lexgrad.train.step import Objective, build_step, initial_state, step_input

UPDATES = {"sgd": ("sgd", False), "adagrad": ("adagrad", False), "adam, lazy": ("adam", True), "adam": ("adam", False)}
PARAMETERS = ("E", "W", "b")
RATES = {"sgd": 0.1, "adagrad": 0.1, "adam": 0.001}
Round = Callable[[], float]


def step_graph(shapes: dict[str, tuple[int, ...]], rule: Optimiser) -> Graph:
    """The training step of a classifier on the mean of a text's embeddings."""
    p: dict[str, Node] = {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}
    ids, labels = input_node("ids", Type("int", (Dim("tokens"),))), input_node("target", Type("int", (Dim("batch"),)))
    offsets = input_node("offsets", Type("int", (Dim("batch") + 1,)))
    pooled = ops.segment_mean(ops.take(p["E"], ids), offsets)
    loss = classification_loss(pooled @ p["W"] + p["b"], labels)
    inputs = {"ids": ids, "offsets": offsets, "target": labels}
    return build_step(Objective(loss, None, inputs, p, tuple(p), step_input()), rule)


def ours(data: Any, name: str, lazy: bool, steps: int, threads: int) -> Round:
    """A round of steps in lexgrad, all of them in one launch."""
    rule = optimiser(name, lazy=lazy)
    graph = step_graph({key: data[key].shape for key in PARAMETERS}, rule)
    donated = {key: key for key in graph.outputs if key in graph.inputs}
    program = Program(graph, "fp32", threads, donated)
    turns, words, texts = np.arange(steps) % len(data["ids"]), data["ids"].shape[1], data["target"].shape[1]
    state = initial_state(rule, {key: data[key] for key in PARAMETERS}, PARAMETERS)
    given: dict[str, Any] = {key: program.prepared(key, {**data, **state}[key], copy=True) for key in donated}
    given |= {
        "ids": Rows(data["ids"].reshape(-1), turns * words, (turns + 1) * words),
        "target": Rows(data["target"].reshape(-1), turns * texts, (turns + 1) * texts),
        "offsets": program.prepared("offsets", data["offsets"]),
        "rate": program.prepared("rate", RATES[name]),
    }
    done = count()

    def run() -> float:
        start = next(done) * steps  # the optimiser's clock goes on
        clock = Rows(np.arange(start, start + steps), np.arange(steps))
        return float(program.bind({**given, "step": clock}, steps)()["loss"][-1])

    return run


def theirs(data: Any, name: str, sparse: bool, steps: int, threads: int) -> Round:
    """The same round in PyTorch."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    E = nn.EmbeddingBag.from_pretrained(torch.tensor(data["E"]), freeze=False, mode="mean", sparse=sparse)
    W, b = nn.Parameter(torch.tensor(data["W"])), nn.Parameter(torch.tensor(data["b"]))
    kinds = {"sgd": torch.optim.SGD, "adagrad": torch.optim.Adagrad, "adam": torch.optim.Adam}
    table = torch.optim.SparseAdam if sparse and name == "adam" else kinds[name]
    optimisers = [table(list(E.parameters()), lr=RATES[name]), kinds[name]([W, b], lr=RATES[name])]
    offsets = torch.tensor(data["offsets"][:-1])
    batches = [(torch.tensor(ids), torch.tensor(y)) for ids, y in zip(data["ids"], data["target"], strict=True)]

    def run() -> float:
        loss = torch.zeros(())
        for i in range(steps):
            for each in optimisers:
                each.zero_grad(set_to_none=True)
            ids, y = batches[i % len(batches)]
            loss = nn.functional.cross_entropy(torch.addmm(b, E(ids, offsets), W), y)
            loss.backward()
            for each in optimisers:
                each.step()
        return float(loss.detach())

    return run


def measure(update: str, rounds: int, threads: int) -> str:
    """One row of the table."""
    name, lazy = UPDATES[update]
    sparse = update != "adam"
    steps = 200 if sparse else 16
    data = mean_pool()
    systems = {"lexgrad": ours(data, name, lazy, steps, threads)}
    with contextlib.suppress(ImportError):
        systems["PyTorch"] = theirs(data, name, sparse, steps, threads)
    times: dict[str, list[float]] = {system: [] for system in systems}
    losses: dict[str, float] = {}
    for turn in range(rounds + 1):
        for system, run in systems.items():
            begun = time.perf_counter()
            losses[system] = run()
            if turn:  # the first one warms up
                times[system].append((time.perf_counter() - begun) / steps)
    medians = {system: statistics.median(seconds) * 1e3 for system, seconds in times.items()}
    ratio = f"{medians['PyTorch'] / medians['lexgrad']:.1f}" if "PyTorch" in medians else "-"
    cells = [f"{medians.get(system, float('nan')):.3f}" for system in ("lexgrad", "PyTorch")]
    return f"{update:<12}{cells[0]:>10}{cells[1]:>10}{ratio:>8}   " + ", ".join(f"{x:.4g}" for x in losses.values())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.rows", description=__doc__)
    parser.add_argument("updates", nargs="*", metavar="UPDATE", help=f"some of: {'; '.join(UPDATES)} (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each system that count")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    print(f"{'ms a step':<12}{'lexgrad':>10}{'PyTorch':>10}{'ratio':>8}   losses")
    for update in options.updates or UPDATES:
        print(measure(update, options.rounds, options.threads), flush=True)


if __name__ == "__main__":
    main()
