"""What a search for settings found: how much each setting mattered, and the metric over each of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexgrad.errors import InputError
from lexgrad.experiments.search import Study, Trial
from lexgrad.experiments.spaces import Range
from lexgrad.plot.canvas import COLOURS, Plot, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 7  # settings drawn, those that mattered most
FEWEST = 4  # trials worth a picture


def search(study: Study | str | os.PathLike[str]) -> Plot:
    """Draw a search: the share of each setting in the metric's variance, and a panel a setting with every trial.

    Trials that were stopped early are hollow: their value is that of the epoch they came to.

    Args:
        study: a study, or its directory.

    Raises:
        InputError: fewer than four trials are complete, there is no study, or matplotlib is not installed.
    """
    found = study if isinstance(study, Study) else Study.read(Path(os.fspath(study)))
    trials = [trial for trial in found.trials() if trial.value is not None]
    if sum(trial.state == "complete" for trial in trials) < FEWEST:
        raise InputError(f"{found.path}: a picture of a search needs {FEWEST} complete trials or more")
    shares = found.importances()
    names = [*shares, *(name for name in trials[0].point if name not in shares)][:MOST]
    figure, axes = panels(len(names) + bool(shares), 3.1, 2.9, columns=4)
    best = found.best()
    if shares:
        _bars(axes[0], {name: shares[name] for name in names if name in shares})
    metric = found.metric.replace("_", " ")
    for axis, name in zip(axes[-len(names) :], names, strict=True):
        _slice(axis, name, trials, best, logarithmic=_is_log(found, name))
    for number, axis in enumerate(axes[-len(names) :], int(bool(shares))):
        if number in (int(bool(shares)), 4):
            axis.set_ylabel(metric)
    return Plot(figure, f"Search of {len(trials)} trials: {metric} by setting")


def _is_log(study: Study, name: str) -> bool:
    space = study.spaces.get(name)
    if space is not None:
        return isinstance(space, Range) and space.log
    return str(study.asked.get("spaces", {}).get(name, "")).endswith(":log")


def _bars(axis: Axes, shares: dict[str, float]) -> None:
    names = list(shares)[::-1]
    axis.barh(names, [shares[name] for name in names], color=COLOURS[0], height=0.6)
    axis.set(title="share of the variance", xlim=(0, 1))
    axis.grid(visible=False, axis="y")


def _slice(axis: Axes, name: str, trials: Sequence[Trial], best: Trial | None, *, logarithmic: bool) -> None:
    chosen = [trial for trial in trials if name in trial.point]
    values: list[Any] = [trial.point[name] for trial in chosen]
    if any(isinstance(value, str) for value in values):
        words = sorted(set(map(str, values)), key=_order)
        values = [words.index(str(value)) for value in values]
        axis.set_xticks(range(len(words)), words, rotation=30 if sum(map(len, words)) > 24 else 0)
        axis.set_xlim(-0.5, len(words) - 0.5)
    elif logarithmic:
        axis.set_xscale("log")
    for trial, value in zip(chosen, values, strict=True):
        full = trial.state == "complete"
        axis.plot(
            value,
            float(trial.value or 0.0),
            marker="o",
            markersize=5,
            color=COLOURS[0],
            markerfacecolor=COLOURS[0] if full else "none",
            alpha=0.75 if full else 0.45,
        )
        if best is not None and trial.number == best.number:
            axis.plot(value, float(trial.value or 0.0), marker="*", markersize=13, color=COLOURS[1], zorder=5)
    axis.set_title(name)


def _order(word: str) -> tuple[bool, float, str]:
    """Numbers by size, then words."""
    try:
        return False, float(word), word
    except ValueError:
        return True, 0.0, word
