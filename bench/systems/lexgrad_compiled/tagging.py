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
from lexgrad.graph import Node, Type
from lexgrad.models.tagging import network
from lexgrad.models.tagging.encoder import Encoded
from lexgrad.models.tagging.examples import Sentences
from lexgrad.text.packed import offsets_of
from lexgrad.train.batches import cut_rows

PARAMETERS = ("E", "A", "C", "F", "bF", "W1f", "U1f", "b1f", "W1b", "U1b", "b1b", "W", "b")
NAMES = ("words", "affixes", "characters", "ends", "steps", "rank")
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
        "ends": Type("int", (words + 1,)),
        "target": Type("int", (words,)),
        "steps": Type("int", (network.TIME + 1,)),
        "rank": Type("int", (network.BATCH,)),
    }


def _inputs(data: Data, steps: int) -> dict[str, Any]:
    """What each step reads of the data."""
    nothing = np.full(len(data["words"]), -1)
    arrays = {name: data[name] for name in ("words", "affixes", "characters", "ends", "offsets")}
    sentences = Sentences(Encoded(**arrays, pretrained=nothing), NAMES)
    cuts = np.asarray(data["cuts"])
    counts = np.diff(cuts)[np.arange(steps) % (len(cuts) - 1)]
    indices = np.concatenate([np.arange(*cuts[turn : turn + 2]) for turn in np.arange(steps) % (len(cuts) - 1)])
    inputs, places, borders = sentences.inputs(indices, offsets_of(counts))
    return {**inputs, "target": cut_rows(data["target"][places], borders)}


def _prepare(data: Data, setup: Setup) -> Run:
    begun = time.perf_counter()
    program = step_program(_loss, _types(data), PARAMETERS, setup, None)
    seconds = time.perf_counter() - begun
    fixed = {name: program.prepared(name, data[name], copy=True) for name in PARAMETERS}
    fixed["rate"] = program.prepared("rate", data["rate"])

    @functools.cache
    def bound(steps: int) -> Callable[[], Mapping[str, Any]]:
        return program.bind({**fixed, **_inputs(data, steps)}, steps)

    return Timed(lambda steps: float(bound(steps)()["loss"][-1]), seconds)


PREPARE = {"tagger": _prepare}
