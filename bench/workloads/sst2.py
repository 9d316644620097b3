"""SST-2's training texts, as they lie beside the checkout, and made-up ones in their place."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

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


def batches(size: int, count: int, texts: int = 0) -> dict[str, Any]:
    """Batches as they come in training: texts of every length, in random order; ``texts`` made-up ones, if not 0.

    Returns:
        ``texts``, for each batch the word ids of its texts, arrays of different lengths; ``target`` (count, size), 1
        for positive texts; ``vocabulary``, how many words there are.
    """
    generator = np.random.default_rng(0)
    rows = made_up(generator, texts) if texts else read()
    numbers: dict[str, int] = {}
    ids = [np.array([numbers.setdefault(word, len(numbers)) for word in text.split()]) for text, _ in rows]
    order = generator.permutation(len(rows))[: size * count].reshape(count, size)
    return {
        "texts": [[ids[i] for i in batch] for batch in order],
        "target": np.array([[int(rows[i][1]) for i in batch] for batch in order]),
        "vocabulary": len(numbers),
    }
