"""Several trainings of one model, over folds and seeds, and what they come to: means and deviations.

Their directory holds a run directory for each, and ``results.json``, which is written anew whenever one is done:
what was asked for, a row for each run, and the summary.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexgrad.errors import InputError
from lexgrad.files import write_text_whole

RESULTS = "results.json"
MEASURED = ("held_out", "test", "dev")  # what a row may have been measured on, in the order in which it counts


@dataclass(frozen=True)
class Part:
    """One training among several.

    Attributes:
        name: that of its run directory.
        title: what people are told, such as "fold 3 of 10".
        fold: from 1; None without folds.
        seed: the model's.
        train: what it learns from.
        dev: what is watched meanwhile, or None.
        held_out: the fold that it is measured on; None without folds.
    """

    name: str
    title: str
    fold: int | None
    seed: int
    train: Any
    dev: Any
    held_out: Any = None


def parts_of(sets: Sequence[tuple[Any, Any, Any]], seeds: Sequence[int]) -> list[Part]:
    """The trainings over folds and seeds, seed by seed.

    Args:
        sets: (training part, dev set or None, held-out part) of each fold; without folds one, and nothing held out.
        seeds: one or more.
    """
    parts = []
    width = len(str(len(sets)))
    for seed in seeds:
        for fold, (train, dev, held) in enumerate(sets, 1):
            if held is None:
                parts.append(Part(f"seed-{seed}", f"seed {seed}", None, seed, train, dev))
                continue
            several = len(seeds) > 1
            name = f"fold-{fold:0{width}}" + (f"-seed-{seed}" if several else "")
            title = f"fold {fold} of {len(sets)}" + (f", seed {seed}" if several else "")
            parts.append(Part(name, title, fold, seed, train, dev, held))
    return parts


class Results:
    """The results of several trainings, kept in their directory.

    Args:
        path: the directory.
        asked: what was asked for; has to be the same where trainings are continued.
    """

    def __init__(self, path: Path, asked: Mapping[str, Any]) -> None:
        self.path = path
        self.asked = json.loads(json.dumps(asked))
        self.rows: list[dict[str, Any]] = []

    @classmethod
    def open(cls, path: Path) -> Results:
        """Read the results in a directory.

        Raises:
            InputError: there are none, or they are damaged.
        """
        file = path / RESULTS
        if not file.is_file():
            raise InputError(f"{path} holds no results of several trainings: it has no {RESULTS}")
        try:
            read = json.loads(file.read_text(encoding="utf-8"))
            results = cls(path, read["asked"])
            results.rows = [dict(row) for row in read["runs"]]
        except (ValueError, KeyError, TypeError) as fault:
            raise InputError(f"{file} is damaged ({fault!r}); train again with --overwrite") from fault
        return results

    def require_same(self, asked: Mapping[str, Any]) -> None:
        """Raise InputError where other trainings are asked for than those that began."""
        now = json.loads(json.dumps(asked))
        for name in {**self.asked, **now}:
            if self.asked.get(name) != now.get(name):
                raise InputError(
                    f"{self.path} was begun with {name} {_short(self.asked.get(name))}; "
                    f"cannot go on with {_short(now.get(name))}"
                )

    def row(self, name: str) -> dict[str, Any] | None:
        """The row of a run; None where it is not done."""
        return next((row for row in self.rows if row["run"] == name), None)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add the row of a run that is done, and write all."""
        self.rows.append(dict(row))
        self.write()

    def write(self) -> None:
        """Write results.json."""
        whole = {"format": 1, "asked": self.asked, "runs": self.rows, "summary": summary(self.rows)}
        text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)
        write_text_whole(self.path / RESULTS, text + "\n")


def numbers_of(metrics: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The numbers among metrics: what can be averaged, and how many examples there were."""
    if metrics is None:
        return None
    return {
        name: value
        for name, value in metrics.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def summary(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, float | int | None]]]:
    """Mean and deviation of each metric on each set that all rows were measured on.

    Returns:
        set -> metric -> {"mean", "deviation", "n"}; the deviation is the sample's, Σ(x − mean)²/(n − 1) under the
        root, and None of a single run.
    """
    done = list(rows)
    found: dict[str, dict[str, dict[str, float | int | None]]] = {}
    for where in MEASURED:
        measured = [row[where] for row in done if row.get(where)]
        if not measured or len(measured) < len(done):
            continue
        averaged = (name for name, value in measured[0].items() if not isinstance(value, int))  # those are counts
        names = [name for name in averaged if all(name in metrics for metrics in measured)]
        found[where] = {name: spread([metrics[name] for metrics in measured]) for name in names}
    return found


def spread(values: Sequence[float]) -> dict[str, float | int | None]:
    """{"mean", "deviation", "n"} of some numbers; see ``summary``."""
    mean = math.fsum(values) / len(values)
    squares = math.fsum((value - mean) ** 2 for value in values)
    deviation = math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else None
    return {"mean": mean, "deviation": deviation, "n": len(values)}


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
