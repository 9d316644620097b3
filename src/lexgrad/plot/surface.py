"""The loss as a function of two chosen parameters, and descent on it: every number from the graph and its gradient."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexgrad.errors import InputError, suggest
from lexgrad.evaluate import Interpreter
from lexgrad.grad import differentiate
from lexgrad.graph import Graph, Type, input_node
from lexgrad.ops import type_of
from lexgrad.trace import trace
from lexgrad.train.engine import runner

if TYPE_CHECKING:
    from lexgrad.models.classifiers.base import TextClassifier
    from lexgrad.models.features.inputs import Inputs
    from lexgrad.models.sources import Source

Array = NDArray[Any]
Verdict = Literal["crawls", "arrives", "overshoots", "diverges"]
COMPILED = 3000  # numbers that go into a loss, above which compiling it pays
ARRIVED = 0.97  # of the way down that any of the paths, or the grid, found
_ENTRY = re.compile(r"^(?P<name>.*?)\s*(?:\[(?P<index>[\d\s,]*)\])?$")


class Surface:
    """A loss over two scalars: parameters, or entries of parameters; all others keep their values.

    Args:
        loss: a graph with one float scalar output, or a function that returns one of its arguments by name.
        at: the value of every input.
        over: which two: ``"w"`` or ``"W1[0, 3]"``; may be left out where there are exactly two float scalars.

    Attributes:
        names: the two names.
        start: their values in ``at`` (2,).

    Raises:
        InputError: there are no such parameters, or ``loss`` is not a scalar.
    """

    def __init__(
        self, loss: Graph | Callable[..., Any], at: Mapping[str, ArrayLike], over: Sequence[str] | None = None
    ) -> None:
        graph = loss if isinstance(loss, Graph) else trace(loss, *(np.asarray(value) for value in at.values()))
        given = dict(zip(graph.inputs, at.values(), strict=True)) if not isinstance(loss, Graph) else dict(at)
        self.point = {
            name: np.asarray(value, dtype=np.float64 if type_of(value).dtype == "float" else None)
            for name, value in given.items()
        }
        self.names = tuple(over) if over is not None else _two_scalars(graph)
        if len(self.names) != 2:
            raise InputError(f"a surface is over two parameters; got {len(self.names)}: {', '.join(self.names)}")
        self._places = [_place(name, self.point) for name in self.names]
        (self._loss,) = graph.outputs
        wrt = list(dict.fromkeys(name for name, _ in self._places))
        large = sum(array.size for array in self.point.values()) > COMPILED
        make = (lambda graph: runner(graph, "fp64")) if large else Interpreter
        self._value, self._slope = make(graph), make(differentiate(graph, wrt))
        self.start = np.array([self.point[name][index] for name, index in self._places])

    def _at(self, pair: ArrayLike) -> dict[str, Array]:
        point = dict(self.point)
        for (name, index), number in zip(self._places, np.asarray(pair), strict=True):
            array = point[name].copy()
            array[index] = number
            point[name] = array
        return point

    def loss(self, pair: ArrayLike) -> float:
        """The loss at two numbers."""
        return float(self._value.run(self._at(pair))[self._loss])

    def gradient(self, pair: ArrayLike) -> Array:
        """The derivative of the loss in the two (2,)."""
        found = self._slope.run(self._at(pair))
        return np.array([found[f"d_{name}"][index] for name, index in self._places])

    def curvature(self, pair: ArrayLike, step: float = 1e-4) -> float:
        """The largest curvature of the loss: the largest magnitude of an eigenvalue of its second derivatives."""
        here = np.asarray(pair, dtype=np.float64)
        columns = [(self.gradient(here + step * e) - self.gradient(here - step * e)) / (2 * step) for e in np.eye(2)]
        second = np.stack(columns)
        return float(np.abs(np.linalg.eigvalsh((second + second.T) / 2)).max())

    def descend(self, rate: float, steps: int) -> Descent:
        """Follow θ ← θ − rate · gradient for some steps; stops where a number is no longer finite."""
        points, losses = [self.start], [self.loss(self.start)]
        with np.errstate(all="ignore"):
            for _ in range(steps):
                point = points[-1] - rate * self.gradient(points[-1])
                loss = self.loss(point) if np.all(np.isfinite(point)) else np.nan
                if not np.isfinite(loss):
                    break
                points.append(point)
                losses.append(loss)
        return Descent(rate, steps, np.stack(points), np.array(losses))


@dataclass(frozen=True, eq=False)
class Descent:
    """One run of gradient descent.

    Attributes:
        rate: η.
        steps: how many were asked for; fewer were done where the loss became infinite.
        points: the two parameters before the first step and after each (n + 1, 2).
        losses: the loss there (n + 1,).
    """

    rate: float
    steps: int
    points: Array
    losses: Array

    def verdict(self, lowest: float) -> Verdict:
        """Say how the rate did.

        "diverges": the loss is higher in the end than in the beginning, or infinite. "overshoots": it came down, but
        rose at some step on the way, or turned back at most steps. "arrives": it came 97 % of the way down to
        ``lowest``. "crawls": it did not.
        """
        first, last = self.losses[0], self.losses[-1]
        if len(self.losses) <= self.steps or last > first:
            return "diverges"
        moves = np.diff(self.points, axis=0)
        turns = np.sum(moves[1:] * moves[:-1], axis=1) < 0
        if np.any(np.diff(self.losses) > 1e-9 * max(abs(first), 1.0)) or (turns.size and turns.mean() > 0.5):
            return "overshoots"
        return "arrives" if first - last >= ARRIVED * (first - lowest) else "crawls"


def loss_of(model: TextClassifier, X: Any, y: Any) -> tuple[Graph, dict[str, Array]]:
    """The mean loss of a fitted model on examples, as a graph, and the values of its inputs.

    ``descent(*loss_of(model, X, y), over=("W1[0, 0]", "W1[1, 0]"))`` draws it. Dropout and penalties are left out.

    Args:
        model: any fitted classifier.
        X: texts or numbers, as for ``predict``.
        y: their labels.
    """
    from lexgrad.models.classifiers.prediction import prediction_graph
    from lexgrad.models.classifiers.targets import class_indices
    from lexgrad.models.features.inputs import BATCH
    from lexgrad.models.features.word_rows import LOGITS
    from lexgrad.models.sources import labels_of, open_source
    from lexgrad.nn.losses import classification_loss

    source = open_source(X, model)
    labels = class_indices(labels_of(source, y), model.classes_, source.name)
    batch, _ = encoded(model, source).batch(None)
    graph = prediction_graph(model, model.encoder_, len(model.classes_))
    wanted = input_node("labels", Type("int", (BATCH,)))
    loss = classification_loss(graph.outputs[LOGITS], wanted, None)
    whole = Graph({**graph.inputs, "labels": wanted}, {"loss": loss}, name="loss")
    return whole, {**model.parameters_, **batch, "labels": np.asarray(labels)}


def encoded(model: TextClassifier, source: Source) -> Inputs:
    """All examples of a source, as the inputs of a model's graph."""
    inputs: Inputs = model.encoder_.encode(next(source.chunks(sys.maxsize)))
    return inputs


def _two_scalars(graph: Graph) -> tuple[str, ...]:
    scalars = tuple(name for name, type in graph.input_types.items() if type.dtype == "float" and type.shape == ())
    if len(scalars) != 2:
        raise InputError(
            f"say over which two parameters: over=('w', 'b[0]'); the loss has {', '.join(graph.inputs) or 'none'}"
        )
    return scalars


def _place(text: str, point: Mapping[str, Array]) -> tuple[str, tuple[int, ...]]:
    """The parameter and the entry that ``"W1[0, 3]"`` means."""
    name, index = text, ""
    if text not in point and (match := _ENTRY.match(text.strip())):
        name, index = match["name"], match["index"] or ""
    if name not in point:
        raise InputError(f"the loss has no parameter {name!r}{suggest(name, point)}: it has {', '.join(point)}")
    entry = tuple(int(number) for number in index.split(",")) if index.strip() else ()
    array = point[name]
    inside = len(entry) == array.ndim and all(i < n for i, n in zip(entry, array.shape, strict=True))
    if not inside or array.dtype.kind != "f":
        raise InputError(
            f"{text!r} is not one number: {name} is {array.dtype} of shape {array.shape};"
            f" write {name}[{', '.join('0' * array.ndim)}]"
        )
    return name, entry
