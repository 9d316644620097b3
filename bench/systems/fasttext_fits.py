"""fastText: supervised training from a file, as its documentation has it (the package fasttext-wheel)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fasttext
import numpy as np

from bench.systems import Run, Setup
from bench.workloads import Data


def _bow(data: Data, setup: Setup) -> Run:
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8", delete=False) as file:
        for text, label in zip(data["rows"], data["labels"], strict=True):
            file.write(f"__label__{label} {text}\n")
    path = Path(file.name)

    def run(steps: int) -> Callable[[], float]:
        for _ in range(steps):
            model = fasttext.train_supervised(
                input=str(path),
                dim=data["d"],
                epoch=data["epochs"],
                bucket=data["buckets"],
                lr=0.5,
                wordNgrams=2,
                thread=setup.threads,
                verbose=0,
            )
        return lambda: _loss(model, data)

    return run


def _loss(model: Any, data: Data) -> float:
    """The mean loss over the texts that it was trained on."""
    losses = []
    for text, label in zip(data["rows"], data["labels"], strict=True):
        chances = {name: chance for chance, name in model.f.predict(text + "\n", 2, 0.0, "strict")}
        losses.append(-np.log(max(chances.get(f"__label__{label}", 0.0), 1e-12)))
    return float(np.mean(losses))


PREPARE = {"bow": _bow}
