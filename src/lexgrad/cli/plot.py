"""`lexgrad plot`: activations, descent, decision boundaries and the health of a training, as SVG or PNG."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexgrad.cli.output import Output
from lexgrad.errors import InputError
from lexgrad.plot.canvas import check_suffix

if TYPE_CHECKING:
    from lexgrad.graph import Graph
    from lexgrad.plot import Plot


def deliver(plot: Plot, out: Path, output: Output) -> None:
    """Save a plot and say where; with ``--json`` that is the result."""
    saved = plot.save(out)
    output.report(f"{plot.title}: written to {saved}")
    output.result({"plot": plot.title, "file": str(saved)})


def plot_activations(names: Sequence[str], reach: float, out: Path, output: Output) -> None:
    """Activations with their derivatives."""
    from lexgrad import plot

    check_suffix(out)
    deliver(plot.activations(names, reach=reach), out, output)


@dataclass(frozen=True)
class DescentRequest:
    """What `lexgrad plot descent` was asked for.

    Attributes:
        target: an expression, or the directory of a run.
        file: for a run: labelled texts, over which the loss is the mean.
        texts: for a run: how many of them are taken, from the first on.
        at: for an expression: values, ``NAME=VALUE`` each.
        over: the two parameters, or none where there are just two.
        rates: learning rates.
        steps: steps of descent.
    """

    target: str
    file: str | None
    texts: int
    at: tuple[str, ...]
    over: tuple[str, ...]
    rates: tuple[float, ...]
    steps: int


def plot_descent(request: DescentRequest, out: Path, output: Output) -> None:
    """The loss over two parameters and descent on it, of an expression or of a trained model."""
    from lexgrad import plot

    check_suffix(out)
    graph, at = _of_run(request) if os.path.isdir(request.target) else _of_expression(request)
    over = request.over or None
    deliver(plot.descent(graph, at, over=over, rates=request.rates, steps=request.steps), out, output)


def _of_run(request: DescentRequest) -> tuple[Graph, dict[str, Any]]:
    from lexgrad.cli.sources import open_labelled
    from lexgrad.models import load
    from lexgrad.models.classifiers.base import TextClassifier
    from lexgrad.plot import loss_of

    if request.file is None:
        raise InputError(f"the loss of a model is over labelled texts: lexgrad plot descent {request.target} FILE")
    model = load(request.target)
    if not isinstance(model, TextClassifier):
        raise InputError(f"{request.target} is a {model.name}; a descent can be drawn of classifiers of texts")
    if not request.over:
        names = ", ".join(f"{name} {tuple(array.shape)}" for name, array in model.parameters_.items())
        raise InputError(f"say which two weights with --over, as --over 'W1[0,0]'; the model has {names}")
    rows = list(islice(open_labelled(request.file, {}), request.texts))
    return loss_of(model, [row.text for row in rows], [row.label for row in rows])


def _of_expression(request: DescentRequest) -> tuple[Graph, dict[str, Any]]:
    from lexgrad.cli.explain import values_of
    from lexgrad.explain.expressions import parse_expression
    from lexgrad.graph import INPUT, Graph, topological

    values = values_of(request.at)
    loss = parse_expression(request.target, values)
    inputs = {node.name: node for node in topological([loss]) if node.primitive is INPUT}
    if missing := [name for name in inputs if name not in values]:
        raise InputError(f"where does descent start? give {' '.join(f'--at {name}=...' for name in missing)}")
    return Graph(inputs, {loss.name or "loss": loss}), {name: values[name] for name in inputs}


def plot_boundary(units: int, activation: str, epochs: int, seed: int, out: Path, output: Output) -> None:
    """Exclusive or, learned by a network of two layers: before, after, and after its hidden layer."""
    from lexgrad import plot
    from lexgrad.models import FeedForward

    check_suffix(out)
    X, y = plot.xor()
    model = FeedForward(
        layers=2, units=units, activation=activation, epochs=epochs, seed=seed, batch=16, learning_rate=0.05
    )
    deliver(plot.boundary(model.fit(X, y), X, y), out, output)


def plot_health(run: Path, out: Path, output: Output) -> None:
    """The health of a training that was watched."""
    from lexgrad import plot

    check_suffix(out)
    deliver(plot.health(run), out, output)


def plot_search(study: Path, out: Path, output: Output) -> None:
    """What a search found."""
    from lexgrad import plot

    check_suffix(out)
    deliver(plot.search(study), out, output)
