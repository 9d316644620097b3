"""The health of a training, judged from its records: gradients that vanish or explode, updates, dead ReLUs.

The rules are rules of thumb, and each is said here and where it is shown:

- a gradient vanishes where its median over the last epoch is below a thousandth of the largest layer's
  (Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010);
- it explodes where it became infinite or no number, or where its median over the last epoch is a hundred times that
  over the first;
- updates are large where their norm is over a tenth of that of the weights, small where it is under a millionth; about
  a thousandth is usual. Only weights (two axes or more) are judged: a bias begins at 0;
- a ReLU is dead where its unit was 0 for every example of every batch measured in the last epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lexgrad.train.watching import active_units

VANISHES = 1e-3
EXPLODES = 1e2
LARGE, USUAL, SMALL = 1e-1, 1e-3, 1e-6

RULES = {
    "vanishes": f"the median gradient of the last epoch is below {VANISHES:g} times the largest layer's",
    "explodes": f"a gradient was not finite, or its median over the last epoch is {EXPLODES:g} times the first epoch's",
    "large updates": f"the median update is over {LARGE:g} times the weights (about {USUAL:g} is usual)",
    "small updates": f"the median update is under {SMALL:g} times the weights (about {USUAL:g} is usual)",
    "dead": "a ReLU was 0 for every example of every batch measured in the last epoch",
}

Record = Mapping[str, Any]


def weights_of(records: Sequence[Record]) -> list[str]:
    """The parameters that are weights and not biases."""
    return [name for name, axes in records[0]["axes"].items() if axes > 1]


def summary(records: Sequence[Record]) -> dict[str, Any]:
    """Judge a training by its records.

    Args:
        records: what ``Watch`` recorded, in order; at least one.

    Returns:
        a dict with
        records: how many; epochs: [first, last];
        parameters: name -> {"gradient_first", "gradient_last" (medians over the first and the last epoch),
        "update_ratio" (median over the last epoch, None for a bias), "flags"};
        relu: number -> {"units", "dead", "silent" (median share of units that a batch leaves at 0), "flags"};
        flags: every flag with the names it holds for; rules: what each flag means.
    """
    first = [record for record in records if record["epoch"] == records[0]["epoch"]]
    last = [record for record in records if record["epoch"] == records[-1]["epoch"]]
    weights = set(weights_of(records))
    names = list(records[0]["gradients"])
    medians = {name: _median(record["gradients"][name] for record in last) for name in names}
    largest = max((median for median in medians.values() if median is not None), default=None)
    parameters = {}
    for name in names:
        beginning = _median(record["gradients"][name] for record in first)
        ratio = _median(update_ratio(record, name) for record in last) if name in weights else None
        broken = any(record["gradients"][name] is None for record in records)
        parameters[name] = {
            "gradient_first": beginning,
            "gradient_last": medians[name],
            "update_ratio": ratio,
            "flags": _gradient_flags(beginning, medians[name], largest, broken) + _update_flags(ratio),
        }
    relus = {number: _relu(number, last) for number in records[-1]["relu"]}
    flagged: dict[str, list[str]] = {}
    for name, entry in [*parameters.items(), *((f"ReLU {number}", entry) for number, entry in relus.items())]:
        for flag in entry["flags"]:
            flagged.setdefault(flag, []).append(name)
    return {
        "records": len(records),
        "epochs": [records[0]["epoch"], records[-1]["epoch"]],
        "parameters": parameters,
        "relu": relus,
        "flags": flagged,
        "rules": RULES,
    }


def series(records: Sequence[Record], of: Callable[[Record], float | None]) -> list[float]:
    """One number of every record; NaN where it is missing."""
    return [np.nan if (value := of(record)) is None else value for record in records]


def silent_share(record: Record, number: str) -> float:
    """What share of the units of a ReLU one batch left at 0."""
    active = active_units(record["relu"][number])
    return float(1 - active.mean()) if active.size else 0.0


def update_ratio(record: Record, name: str) -> float | None:
    """The norm of the update divided by that of the weights; None where that is not finite."""
    update, weight = record["updates"][name], record["weights"][name]
    return None if update is None or not weight else float(update / weight)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _gradient_flags(first: float | None, last: float | None, largest: float | None, broken: bool) -> list[str]:
    if broken or last is None or (first is not None and first > 0 and last > EXPLODES * first):
        return ["explodes"]
    return ["vanishes"] if largest and last < VANISHES * largest else []


def _update_flags(ratio: float | None) -> list[str]:
    if ratio is None:
        return []
    return ["large updates"] * (ratio > LARGE) + ["small updates"] * (ratio < SMALL)


def _relu(number: str, records: Sequence[Record]) -> dict[str, Any]:
    ever = np.any([active_units(record["relu"][number]) for record in records], axis=0)
    dead = int(ever.size - ever.sum())
    return {
        "units": int(ever.size),
        "dead": dead,
        "silent": float(np.median([silent_share(record, number) for record in records])),
        "flags": ["dead"] if dead else [],
    }
