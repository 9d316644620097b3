"""Taggers: the graph of ``lexgrad.models.Tagger``, without dropout."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.systems import Run, Setup
from bench.systems.lexgrad_compiled.stepping import Inputs, Timed, step_program
from bench.workloads import Data
from lexgrad import ops
from lexgrad.compile import Rows
from lexgrad.graph import Node, Type
from lexgrad.models.tagging import network

PARAMETERS = ("E", "A", "C", "F", "bF", "W1f", "U1f", "b1f", "W1b", "U1b", "b1b", "W", "b")
SETTINGS: Any = SimpleNamespace(network="recurrent", cell="lstm", layers=1)


def _loss(p: Inputs) -> Node:
    logits = network.logits(SETTINGS, p, p, lambda x: x)
    return ops.mean(ops.cross_entropy(logits, p["target"]))


def _types(data: Data) -> dict[str, Type]:
    types = {name: Type("float", data[name].shape) for name in PARAMETERS}
    words, characters = network.TOKENS, network.CHARACTERS
    return types | {
        "rate": Type("float"),
        "words": Type("int", (words,)),
        "affixes": Type("int", (words, data["affixes"].shape[1])),
        "characters": Type("int", (characters,)),
        "target": Type("int", (words,)),
        "offsets": Type("int", (network.BATCH + 1,)),
        "ends": Type("int", (words + 1,)),
        "clock": Type("int", (network.TIME,)),
    }


def rows_of(data: Data, turns: Any) -> dict[str, Rows]:
    """What each step reads of the data."""
    words, characters, sentences = np.asarray(data["cuts"]).T
    step = np.arange(len(words))
    borders = dict.fromkeys(("words", "affixes", "target"), words)
    borders |= {"characters": characters, "ends": words + step, "offsets": sentences + step}
    rows = {name: Rows(data[name], cuts[:-1][turns], cuts[1:][turns]) for name, cuts in borders.items()}
    offsets = [data["offsets"][a:b] for a, b in zip(borders["offsets"], borders["offsets"][1:], strict=False)]
    longest = np.array([np.diff(each).max() for each in offsets])
    return rows | {"clock": Rows(np.arange(longest.max()), np.zeros_like(turns), longest[turns])}


def _prepare(data: Data, setup: Setup) -> Run:
    begun = time.perf_counter()
    program = step_program(_loss, _types(data), PARAMETERS, setup, None)
    seconds = time.perf_counter() - begun
    fixed = {name: program.prepared(name, data[name], copy=True) for name in PARAMETERS}
    fixed["rate"] = program.prepared("rate", data["rate"])

    @functools.cache
    def bound(steps: int) -> Callable[[], Mapping[str, Any]]:
        turns = np.arange(steps) % (len(data["cuts"]) - 1)
        return program.bind({**fixed, **rows_of(data, turns)}, steps)

    return Timed(lambda steps: float(bound(steps)()["loss"][-1]), seconds)


PREPARE = {"tagger": _prepare}
