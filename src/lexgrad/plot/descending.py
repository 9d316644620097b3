"""Gradient descent as a picture: the loss over two parameters, the gradient, and the path at several rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexgrad.errors import InputError
from lexgrad.explain.picture.numbers import number_text
from lexgrad.graph import Graph
from lexgrad.plot.canvas import COLOURS, Plot, panels
from lexgrad.plot.surface import Descent, Surface, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID = 41
RUNAWAY = 6  # steps that are shown of a path that diverges
LEVELS = 14
SAID: dict[Verdict, str] = {
    "crawls": "too low, it crawls",
    "arrives": "right",
    "overshoots": "high, it overshoots",
    "diverges": "too high, it diverges",
}


def descent(
    loss: Graph | Callable[..., Any],
    at: Mapping[str, ArrayLike],
    *,
    over: Sequence[str] | None = None,
    rates: Sequence[float] = (),
    steps: int = 25,
) -> Plot:
    """Draw the loss over two parameters, and where gradient descent goes on it at each of some rates.

    Only the two parameters move. The arrow at the start shows the way down, −gradient; its length says nothing.

    Args:
        loss: a function of named parameters that returns a scalar, or a graph with one scalar output.
        at: the value of every parameter at the start, by name.
        over: which two: names of scalars, or entries such as ``"W1[0, 3]"``.
        rates: learning rates η, a panel each. Without any, three are taken from the largest curvature λ at the start:
            0.05/λ crawls, 1/λ is right and 2.1/λ diverges on every parabola.
        steps: how many steps each run does.

    Raises:
        InputError: parameters, rates or steps that cannot be, or matplotlib is not installed.
    """
    if steps < 1 or any(not rate > 0 for rate in rates):
        raise InputError(f"rates are above 0 and steps at least 1; got {list(rates)} and {steps}")
    surface = Surface(loss, at, over)
    runs = [surface.descend(rate, steps) for rate in rates or _usual_rates(surface)]
    frame = _frame(surface, runs)
    across, up = (np.linspace(low, high, GRID) for low, high in frame)
    heights = np.array([[surface.loss((x, y)) for x in across] for y in up])
    lowest = min(float(np.nanmin(heights)), *(float(run.losses.min()) for run in runs))
    figure, axes = panels(len(runs), 4.0, 3.9)
    for axis, run in zip(axes, runs, strict=True):
        _panel(axis, surface, run, (across, up, heights), run.verdict(lowest), lowest)
    return Plot(figure, f"Gradient descent over {surface.names[0]} and {surface.names[1]}")


def _usual_rates(surface: Surface) -> tuple[float, ...]:
    curvature = surface.curvature(surface.start)
    if not np.isfinite(curvature) or curvature <= 0:
        raise InputError("the loss is flat at the start, which says nothing of a good rate: give rates")
    return tuple(float(f"{factor / curvature:.2g}") for factor in (0.05, 1.0, 2.1))


def _frame(surface: Surface, runs: Sequence[Descent]) -> list[tuple[float, float]]:
    """What part of the plane to show: the start, and the paths that do not run away."""
    kept = [run.points for run in runs if run.verdict(-np.inf) != "diverges"]
    points = np.concatenate([surface.start[None], *kept])
    if not kept:  # then at least the first steps
        points = np.concatenate([run.points[:4] for run in runs])
    low, high = points.min(axis=0), points.max(axis=0)
    reach = np.maximum(high - low, 0.25 * max(float(np.max(high - low)), 1e-3))
    return [(float(a - 0.45 * r), float(b + 0.45 * r)) for a, b, r in zip(low, high, reach, strict=True)]


def _panel(
    axis: Axes,
    surface: Surface,
    run: Descent,
    grid: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    verdict: Verdict,
    lowest: float,
) -> None:
    across, up, heights = grid
    high = float(np.nanmax(heights))
    levels = lowest + (high - lowest) * np.linspace(0, 1, LEVELS + 1) ** 2
    axis.contourf(across, up, heights, levels=np.unique(levels), cmap="Greys", alpha=0.45, extend="max")
    axis.contour(
        across, up, heights, levels=np.unique(levels[1:]), colors="#8c959f", linewidths=0.6, linestyles="solid"
    )
    shown = run.points[: RUNAWAY + 1] if verdict == "diverges" else run.points
    steps = f"first {len(shown) - 1} steps" if len(shown) < len(run.points) else f"{len(shown) - 1} steps"
    axis.plot(*shown.T, "o-", color=COLOURS[0], markersize=3.5, linewidth=1.4, label=steps)
    axis.plot(*run.points[0], "o", color=COLOURS[1], markersize=8, label="start")
    way = -surface.gradient(surface.start)
    size = 0.16 * np.hypot(across[-1] - across[0], up[-1] - up[0])
    if np.linalg.norm(way) > 0:
        tip = surface.start + way / np.linalg.norm(way) * size
        axis.annotate(
            "",
            xy=tuple(tip),
            xytext=tuple(surface.start),
            arrowprops={"arrowstyle": "-|>", "color": COLOURS[4], "linewidth": 2.2, "shrinkA": 0, "shrinkB": 0},
        )
        axis.plot([], [], color=COLOURS[4], linewidth=2.2, label="−gradient")
    axis.set(
        xlim=(across[0], across[-1]),
        ylim=(up[0], up[-1]),
        xlabel=surface.names[0],
        ylabel=surface.names[1],
        title=f"η = {run.rate:g}: {SAID[verdict]}\nloss {number_text(run.losses[0])} → {number_text(run.losses[-1])}",
    )
    axis.grid(False)
    axis.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, frameon=False, handlelength=1.4, columnspacing=1.2
    )
