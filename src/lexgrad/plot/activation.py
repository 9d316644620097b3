"""Activation functions with their derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.evaluate import evaluate
from lexgrad.grad import differentiate
from lexgrad.graph import Graph, Type, formula, input_node
from lexgrad.nn.activations import ACTIVATIONS, activation
from lexgrad.plot.canvas import COLOURS, Plot, panels

Array = NDArray[np.float64]
POINTS = 241
JUMP = 0.5  # between neighbouring points: a derivative does not climb so fast, it jumps


def activations(names: Sequence[str] = (), *, reach: float = 5.0) -> Plot:
    """Each activation g(z) and its derivative g'(z), as the engine computes it, for z from -reach to reach.

    At a jump of the derivative, such as ReLU's at 0, a dot marks the value that lexgrad takes there.

    Args:
        names: of ``lexgrad.nn.activations``; all but the identity by default.
        reach: how far z goes to each side.

    Raises:
        InputError: an unknown name, ``reach`` is not above 0, or matplotlib is not installed.
    """
    if not reach > 0:
        raise InputError(f"reach is above 0; got {reach}")
    chosen = list(names) or [name for name in ACTIVATIONS if name != "identity"]
    curves = [_curve(name, reach) for name in chosen]
    figure, axes = panels(len(chosen), 3.4, 3.0)
    for name, axis, (written, z, value, slope) in zip(chosen, axes, curves, strict=True):
        jumps = np.nonzero(np.abs(np.diff(slope)) > JUMP)[0]
        broken = np.insert(slope, jumps + 1, np.nan)
        axis.plot(z, value, color=COLOURS[0], label=written)
        axis.plot(np.insert(z, jumps + 1, np.nan), broken, color=COLOURS[1], linestyle="--", label="derivative")
        for jump in jumps:
            axis.plot(z[jump + 1], slope[jump + 1], "o", color=COLOURS[1], markersize=5)
        axis.axhline(0, color="#57606a", linewidth=0.8)
        axis.axvline(0, color="#57606a", linewidth=0.8)
        axis.set(title=name, xlabel="z", ylim=(max(-1.3, value.min() - 0.3), min(2.3, value.max() + 0.3)))
        axis.legend(loc="upper left", frameon=False)
    return Plot(figure, f"Activations and their derivatives: {', '.join(chosen)}")


def _curve(name: str, reach: float) -> tuple[str, Array, Array, Array]:
    """g(z) as a formula; points z, g(z) and g'(z), each (POINTS,); 0 is one of them."""
    function = activation(name)
    z = input_node("z", Type("float", (POINTS,)))
    value = function(z)
    graph = Graph({"z": z}, {"value": value, "sum": ops.sum(value)})
    places = np.linspace(-reach, reach, POINTS)
    found = evaluate(differentiate(graph, ["z"], "sum"), {"z": places})
    return formula(value), places, found["value"], found["d_z"]
