"""Checking gradients by finite differences, in random directions and to any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.errors import InputError, LexgradError
from lexgrad.evaluate import Interpreter
from lexgrad.grad import gradient
from lexgrad.graph import Graph, Node
from lexgrad.ops import constant
from lexgrad.trace import trace, tree_flatten


class GradientError(LexgradError, AssertionError):
    """A gradient and finite differences disagree."""


@dataclass(frozen=True)
class GradientCheck:
    """What a check of gradients found.

    Attributes:
        order: how many derivatives were taken.
        difference: the largest difference found, relative to the larger of 1 and the derivative's own size.
        directions: in how many random directions it was compared.
    """

    order: int
    difference: float
    directions: int


def check_gradients(
    function: Callable[..., Any],
    *arguments: Any,
    order: int = 1,
    step: float = 1e-5,
    tolerance: float = 1e-6,
    directions: int = 3,
    seed: int = 0,
) -> GradientCheck:
    """Compare the gradient of ``function`` with central finite differences, in float64.

    Outputs of any shape are first multiplied by fixed random weights and summed, so that a function whose plain sum is
    constant (a softmax) cannot hide a wrong gradient. Then the derivative in a random direction v of all float
    arguments together, g·v, is compared with (f(x + hv) - f(x - hv)) / 2h. For order 2, the same is done with the
    gradient's own projection in place of f, and so on.

    Args:
        function: combines its arguments with lexgrad's operations; returns a node or a tree of them.
        arguments: numbers, arrays or trees; the floats among them are differentiated.
        order: check derivatives up to this order.
        step: h of the finite differences, in units of the arguments.
        tolerance: how large the difference may be, relative to max(1, |g·v|).
        directions: how many random directions to compare in.
        seed: fixes the random weights and directions.

    Raises:
        GradientError: they disagree; the message gives both numbers.
        InputError: no argument is float, or no output.
    """
    graph = trace(function, *arguments)
    names = [name for name, type in graph.input_types.items() if type.dtype == "float"]
    if not names:
        raise InputError("there is no float argument to differentiate in")
    if all(type.dtype != "float" for type in graph.output_types.values()):
        raise InputError("there is no float output to differentiate")
    leaves = list(tree_flatten(list(arguments))[0].values())
    point = {name: np.asarray(leaf) for name, leaf in zip(graph.inputs, leaves, strict=True)}
    point |= {name: point[name].astype(np.float64) for name in names}
    generator = np.random.default_rng(seed)
    worst = 0.0
    scalar = _projected(list(graph.outputs.values()), generator)
    for level in range(1, order + 1):
        gradients = gradient(scalar, [graph.inputs[name] for name in names])
        run = Interpreter(Graph(graph.inputs, {"f": scalar, **dict(zip(names, gradients, strict=True))})).run
        for _ in range(directions):
            direction = {name: generator.normal(size=point[name].shape) for name in names}
            worst = max(worst, _compare(run, point, direction, step, tolerance, level))
        scalar = _projected(gradients, generator)
    return GradientCheck(order, worst, directions)


def _projected(outputs: list[Node], generator: np.random.Generator) -> Node:
    """Σ weights · output over all float outputs, with random weights."""
    result = constant(0.0)
    for node in outputs:
        if node.type.dtype == "float":
            shape = [size for size in node.shape if isinstance(size, int)]
            result = result + ops.sum(node * constant(generator.normal(size=shape)))
    return result


def _compare(
    run: Callable[..., dict[str, NDArray[Any]]],
    point: dict[str, NDArray[Any]],
    direction: dict[str, NDArray[Any]],
    step: float,
    tolerance: float,
    level: int,
) -> float:
    here = run(point)
    exact = float(sum(np.sum(here[name] * v) for name, v in direction.items()))
    ahead = run({**point, **{name: point[name] + step * v for name, v in direction.items()}})
    behind = run({**point, **{name: point[name] - step * v for name, v in direction.items()}})
    numeric = float(ahead["f"] - behind["f"]) / (2 * step)
    difference = abs(exact - numeric) / max(1.0, abs(exact))
    if not difference <= tolerance:
        raise GradientError(
            f"derivative of order {level}: the graph gives {exact:.9g}, finite differences {numeric:.9g}"
            f" (relative difference {difference:.2g}, allowed {tolerance:.2g})"
        )
    return difference
