"""Running a function on arrays: traced, checked, and evaluated in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from lexgrad.evaluate import evaluate
from lexgrad.graph import check
from lexgrad.trace import trace


def run(function: Callable[..., Any], *arguments: Any) -> NDArray[Any]:
    """The value of ``function`` at ``arguments``, by way of its graph."""
    graph = check(trace(function, *arguments))
    return evaluate(graph, dict(zip(graph.inputs, arguments, strict=True)))["out"]
