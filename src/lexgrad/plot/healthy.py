"""The health of a training over its steps: norms of gradients, sizes of updates, silent ReLUs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lexgrad.errors import InputError
from lexgrad.plot.canvas import COLOURS, Plot, panels
from lexgrad.train.health import USUAL, series, silent_share, update_ratio, weights_of
from lexgrad.train.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lexgrad.models.classifiers.base import TextClassifier

DASHES = ("-", "--", ":", "-.")


def health(training: TextClassifier | str | os.PathLike[str] | Sequence[Mapping[str, Any]]) -> Plot:
    """Draw what a watched training recorded, for each weight matrix: gradients, updates; and for each ReLU.

    Args:
        training: a model that was fitted with ``watch``, the directory of such a run, or its records.

    Raises:
        InputError: nobody watched the training, or matplotlib is not installed.
    """
    records = _records(training)
    names = weights_of(records) or list(records[0]["gradients"])
    relus = list(records[-1]["relu"])
    figure, axes = panels(3 if relus else 2, 4.0, 3.6)
    updates = np.array([record["update"] for record in records])
    for number, name in enumerate(names):
        gradients = series(records, lambda record, name=name: record["gradients"][name])  # type: ignore[misc]
        ratios = series(records, lambda record, name=name: update_ratio(record, name))  # type: ignore[misc]
        axes[0].plot(updates, gradients, label=name, **_line(number))
        axes[1].plot(updates, ratios, label=name, **_line(number))
    axes[0].set(title="norm of the gradient", xlabel="update", yscale="log")
    axes[1].set(title="norm of the update / norm of the weights", xlabel="update", yscale="log")
    axes[1].axhline(USUAL, color="#57606a", linewidth=1, linestyle=":", label=f"usual, {USUAL:g}")
    for number, relu in enumerate(relus):
        shares = [silent_share(record, relu) for record in records]
        axes[2].plot(updates, shares, label=f"ReLU {relu}", **_line(number))
    if relus:
        axes[2].set(title="units that a batch leaves at 0", xlabel="update", ylim=(-0.03, 1.03))
    for axis in axes:
        _legend(axis)
    return Plot(figure, "Health of a training")


def _records(training: Any) -> Sequence[Mapping[str, Any]]:
    if isinstance(training, str | os.PathLike):
        records = Run.open(os.fspath(training)).read_health()
    else:
        records = list(getattr(training, "health_", training if isinstance(training, list | tuple) else ()))
    if not records:
        raise InputError("this training was not watched: fit with watch=0 (or train --watch) to record its health")
    return records


def _line(number: int) -> dict[str, Any]:
    """Told apart by colour and, beyond the colours, by dashes."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": DASHES[number // len(COLOURS) % len(DASHES)],
        "linewidth": 1.2,
    }


def _legend(axis: Axes) -> None:
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=5, frameon=False, fontsize=8, handlelength=1.4)
