"""Decision boundaries in the plane, before and after training, and the same points as the last layer sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexgrad.errors import InputError
from lexgrad.evaluate import evaluate
from lexgrad.graph import Graph
from lexgrad.models.classifiers.base import TextClassifier
from lexgrad.models.classifiers.decision import probabilities
from lexgrad.models.classifiers.feedforward import FeedForward
from lexgrad.models.classifiers.prediction import Predictor
from lexgrad.models.sources import open_source
from lexgrad.nn.activations import activation
from lexgrad.nn.layers import linear
from lexgrad.ops import constant
from lexgrad.plot.canvas import COLOURS, Plot, panels
from lexgrad.plot.surface import encoded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
GRID = 121
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")


def xor(n: int = 120, noise: float = 0.12, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points around the corners of the unit square, and whether exactly one coordinate is near 1.

    Args:
        n: how many points.
        noise: their deviation from the corner, in each coordinate.
        seed: fixes them.

    Returns:
        points (n, 2) and labels 0 or 1 (n,).
    """
    generator = np.random.default_rng(seed)
    corners = np.arange(n) % 4
    centres = np.stack([corners // 2, corners % 2], axis=1).astype(np.float64)
    return centres + generator.normal(scale=noise, size=(n, 2)), (corners // 2) ^ (corners % 2)


def boundary(model: TextClassifier, X: ArrayLike, y: ArrayLike) -> Plot:
    """Draw a classifier of points in the plane: before training, after it, and the points after its hidden layer.

    The colour of the plane is what the model says there; the line is where two classes are equally probable. The last
    panel, of networks with a hidden layer, shows h in place of x: there, what is left to do for the last layer is to
    draw a straight line. More than two hidden units are looked at from the side from which that line is seen edge-on.

    Args:
        model: fitted on two features.
        X: points (n, 2).
        y: their labels (n,).

    Raises:
        InputError: the model has not two features, the data does not fit, or matplotlib is not installed.
        NotFittedError: before ``fit``.
    """
    points, labels = np.asarray(X, dtype=np.float64), np.asarray(y)
    model._require_fitted()
    if points.ndim != 2 or points.shape[1] != 2 or getattr(model, "n_features_in_", None) != 2:
        raise InputError(f"a decision boundary is drawn for two features; got X of shape {points.shape}")
    if len(labels) != len(points):
        raise InputError(f"X and y must have the same length; X has {len(points)} points, y has {len(labels)} labels")
    shapes = model.shapes(model.encoder_, len(model.classes_))
    before = {name: model.initial(name, shape, model.encoder_) for name, shape in shapes.items()}
    hidden = isinstance(model, FeedForward) and model.layers > 1
    figure, axes = panels(3 if hidden else 2, 3.7, 3.9)
    for axis, parameters, when in zip(axes, (before, model.parameters_), ("before", "after"), strict=False):
        _plane(axis, model, parameters, points)
        right = np.mean(_probabilities(model, parameters, points).argmax(axis=1) == _codes(model, labels))
        _points(axis, points, labels, model.classes_)
        axis.set(title=f"{when} training\n{right:.0%} of the points right", xlabel="x₁", ylabel="x₂")
    if isinstance(model, FeedForward) and hidden:
        _hidden_panel(axes[2], model, points, labels)
    axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=min(len(model.classes_), 4), frameon=False)
    return Plot(figure, "Decision boundary before and after training")


def _codes(model: TextClassifier, labels: Array) -> Array:
    from lexgrad.models.classifiers.targets import class_indices

    return np.asarray(class_indices(labels, model.classes_, "y"))


def _probabilities(model: TextClassifier, parameters: Any, points: Array) -> NDArray[np.float64]:
    inputs = encoded(model, open_source(points, model))
    return probabilities(Predictor(model, model.encoder_, len(model.classes_))(parameters, inputs))


def _plane(axis: Axes, model: TextClassifier, parameters: Any, points: Array) -> None:
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.2 * np.maximum(high - low, 1e-6)
    across, up = (np.linspace(a, b, GRID) for a, b in zip(low - margin, high + margin, strict=True))
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    said = _probabilities(model, parameters, grid)
    for code in range(said.shape[1]):
        share = said[:, code].reshape(GRID, GRID)
        own = (said.argmax(axis=1) == code).reshape(GRID, GRID)
        axis.contourf(across, up, np.where(own, share, np.nan), levels=[0, 0.6, 0.8, 0.95, 1.01], colors=_tints(code))
    best = np.sort(said, axis=1)
    lead = np.where(said.argmax(axis=1) == 0, 1, -1) * (best[:, -1] - best[:, -2])
    if said.shape[1] == 2 and lead.min() < 0 < lead.max():
        axis.contour(across, up, lead.reshape(GRID, GRID), levels=[0.0], colors="#1b1f24", linewidths=1.6)
    axis.grid(False)


def _tints(code: int) -> list[tuple[float, float, float, float]]:
    from matplotlib.colors import to_rgba

    red, green, blue, _ = to_rgba(COLOURS[code % len(COLOURS)])
    return [(red, green, blue, strength) for strength in (0.08, 0.16, 0.26, 0.36)]


def _points(axis: Axes, points: Array, labels: Array, classes: Array) -> None:
    for code, label in enumerate(classes):
        own = points[labels == label]
        colour, mark = COLOURS[code % len(COLOURS)], MARKS[code % len(MARKS)]
        axis.plot(
            *own.T, mark, color=colour, markersize=5, markeredgecolor="white", markeredgewidth=0.6, label=f"y = {label}"
        )


def _hidden_panel(axis: Axes, model: FeedForward, points: Array, labels: Array) -> None:
    """The points after the last hidden layer, and the line that the last layer draws among them, for two classes."""
    hidden = _hidden(model, points)
    W, b = _layer(model, model.layers)
    names = ("h₁", "h₂")
    normal, offset = (W[:, 0], float(b[0])) if W.shape[1] == 1 else (W[:, 1] - W[:, 0], float(b[1] - b[0]))
    if hidden.shape[1] != 2:
        hidden, names = _seen_edge_on(hidden, normal)
        normal = np.array([float(np.linalg.norm(normal)), 0.0])
    _points(axis, hidden, labels, model.classes_)
    low, high = hidden.min(axis=0), hidden.max(axis=0)
    reach = 0.15 * np.maximum(high - low, 1e-3)
    axis.set(
        xlim=(low[0] - reach[0], high[0] + reach[0]),
        ylim=(low[1] - reach[1], high[1] + reach[1]),
        xlabel=names[0],
        ylabel=names[1],
        title=f"after the hidden layer\nh = {model.activation}(xW + b)",
    )
    if len(model.classes_) == 2 and np.linalg.norm(normal) > 0:
        foot = -offset * normal / (normal @ normal)
        axis.axline(tuple(foot), tuple(foot + np.array([-normal[1], normal[0]])), color="#1b1f24", linewidth=1.6)


def _hidden(model: FeedForward, points: Array) -> Array:
    batch, _ = encoded(model, open_source(points, model)).batch(None)
    value = constant(np.asarray(batch["x"], dtype=np.float64))
    g = activation(model.activation)
    for number in range(1, model.layers):
        W, b = _layer(model, number)
        value = g(linear(value, constant(W), constant(b)))
    return np.asarray(evaluate(Graph({}, {"h": value}), {})["h"])


def _layer(model: FeedForward, number: int) -> tuple[Array, Array]:
    """Weights and biases of a layer, wherever the bias lives."""
    W = np.asarray(model.parameters_[f"W{number}"], dtype=np.float64)
    if model.bias == "x0":
        return W[:-1], W[-1]
    return W, np.asarray(model.parameters_[f"b{number}"], dtype=np.float64)


def _seen_edge_on(hidden: Array, normal: Array) -> tuple[Array, tuple[str, str]]:
    """Hidden units as (along w, the direction across w in which the points differ most)."""
    along = normal / max(float(np.linalg.norm(normal)), 1e-12)
    rest = hidden - np.outer(hidden @ along, along)
    centred = rest - rest.mean(axis=0)
    across = np.linalg.svd(centred, full_matrices=False)[2][0]
    return np.stack([hidden @ along, hidden @ across], axis=1), ("h along w", "h across w")
