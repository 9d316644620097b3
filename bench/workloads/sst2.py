"""SST-2's training texts, as they lie beside the checkout, and made-up ones in their place."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from bench.workloads.declared import MissingDataError

SST2 = Path(__file__).resolve().parents[3] / "shared" / "data" / "csv" / "sst2_train.csv"


def read() -> list[tuple[str, bool]]:
    """Every text, its words with spaces between, and whether it is positive.

    Raises:
        MissingDataError: it is not there.
    """
    if not SST2.is_file():
        raise MissingDataError(f"needs SST-2 as {SST2}, with columns text and label (positive or negative)")
    with SST2.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"] == "positive") for row in csv.DictReader(file)]


def made_up(generator: np.random.Generator, texts: int) -> list[tuple[str, bool]]:
    """As many texts of six of fifty words."""
    words = [f"w{i}" for i in range(50)]
    return [(" ".join(generator.choice(words, 6)), bool(generator.integers(2))) for _ in range(texts)]
