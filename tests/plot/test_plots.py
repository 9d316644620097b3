"""Plots: the numbers that they show, that they are saved, and what is said where matplotlib is missing."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import lexgrad as lg
from lexgrad import plot
from lexgrad.errors import InputError
from lexgrad.plot.canvas import Plot

pytest.importorskip("matplotlib", reason="plots need matplotlib: pip install 'lexgrad[plot]'")

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text


def bowl(a: Any, b: Any) -> Any:
    """Curvatures 2 and 6: descent on it converges for rates below 1/3."""
    return (a - 1) ** 2 + 3 * (b + 0.5) ** 2


START = {"a": 4.0, "b": 2.0}


@pytest.fixture(scope="module")
def trained() -> tuple[lg.FeedForward, Any, Any]:
    X, y = plot.xor(80)
    model = lg.FeedForward(layers=2, units=4, epochs=150, learning_rate=0.05, batch=16, seed=1).fit(X, y)
    return model, X, y


def figures(trained: tuple[lg.FeedForward, Any, Any]) -> dict[str, Callable[[], Plot]]:
    return {
        "activations": plot.activations,
        "descent": lambda: plot.descent(bowl, START),
        "boundary": lambda: plot.boundary(*trained),
    }


@pytest.mark.parametrize("which", ["activations", "descent", "boundary"])
def test_plots_are_saved_by_their_suffix(which: str, trained: tuple[lg.FeedForward, Any, Any], tmp_path: Path) -> None:
    drawn = figures(trained)[which]()
    assert drawn.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    root = ElementTree.parse(drawn.save(tmp_path / "a.svg")).getroot()
    assert root.tag.endswith("svg")
    assert drawn.title in "".join(root.itertext())
    first, again = (figures(trained)[which]()._repr_svg_() for _ in range(2))
    assert first == again  # nothing in it depends on the day
    with pytest.raises(InputError, match=r"saved as \.svg or \.png; got 'a\.jpeg'"):
        drawn.save(tmp_path / "a.jpeg")


def texts(figure: Figure) -> list[tuple[str, Any]]:
    """Every text that is drawn, with its box; matplotlib keeps labels of ticks out of sight, which are not."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    hidden = set()
    for axes in figure.axes:
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False):
                if not low <= place <= high:
                    hidden.add(label)
    shown = [text for text in figure.findobj(Text) if isinstance(text, Text) and text not in hidden]
    return [(t.get_text(), t.get_window_extent(renderer)) for t in shown if t.get_text().strip() and t.get_visible()]


def uncovered(figure: Figure) -> None:
    """Hold that no text of a figure covers another."""
    found = texts(figure)
    assert len(found) > 10
    for (one, here), (other, there) in itertools.combinations(found, 2):
        across = min(here.x1, there.x1) - max(here.x0, there.x0)
        down = min(here.y1, there.y1) - max(here.y0, there.y0)
        assert across <= 1 or down <= 1, f"{one!r} covers {other!r}"


@pytest.mark.parametrize("which", ["activations", "descent", "boundary"])
def test_no_text_covers_another(which: str, trained: tuple[lg.FeedForward, Any, Any]) -> None:
    uncovered(figures(trained)[which]().figure)


def test_the_derivative_of_relu_at_0_is_that_of_the_lectures() -> None:
    drawn = plot.activations(["relu"])
    (axis,) = drawn.figure.axes
    dots = [np.asarray(line.get_xydata(), dtype=float) for line in axis.lines if line.get_marker() == "o"]
    assert len(dots) == 1
    np.testing.assert_allclose(dots[0], np.array([[0.0, 1.0]]), atol=1e-12)


def test_a_surface_has_the_gradient_of_the_engine() -> None:
    surface = plot.Surface(bowl, START)
    assert surface.names == ("a", "b")
    assert surface.loss((1.0, 0.5)) == pytest.approx(3.0)
    np.testing.assert_allclose(surface.gradient((4.0, 2.0)), [6.0, 15.0])
    assert surface.curvature(surface.start) == pytest.approx(6.0)


def test_a_surface_over_entries_leaves_the_others_alone() -> None:
    def loss(W: Any, x: Any) -> Any:
        return lg.sum(lg.square(W @ x))

    surface = plot.Surface(loss, {"W": [[1.0, 2.0], [3.0, 4.0]], "x": [1.0, -1.0]}, over=("W[0, 1]", "W[1, 0]"))
    np.testing.assert_allclose(surface.start, [2.0, 3.0])
    assert surface.loss((5.0, 7.0)) == pytest.approx((1 - 5) ** 2 + (7 - 4) ** 2)
    np.testing.assert_allclose(surface.gradient((5.0, 7.0)), [-2 * (1 - 5), 2 * (7 - 4)])


@pytest.mark.parametrize(
    ("rate", "verdict"),
    [(0.002, "crawls"), (0.16, "arrives"), (0.32, "overshoots"), (0.34, "diverges"), (1e30, "diverges")],
)
def test_what_is_said_of_a_rate(rate: float, verdict: str) -> None:
    assert plot.Surface(bowl, START).descend(rate, 30).verdict(lowest=0.0) == verdict


def test_without_rates_one_is_too_low_one_right_one_too_high() -> None:
    titles = [axis.get_title() for axis in plot.descent(bowl, START).figure.axes]
    assert [title.split(": ")[1].split("\n")[0] for title in titles] == [
        "too low, it crawls",
        "right",
        "too high, it diverges",
    ]


def test_the_loss_of_a_trained_model_is_a_surface(trained: tuple[lg.FeedForward, Any, Any]) -> None:
    model, X, y = trained
    graph, at = plot.loss_of(model, X, y)
    surface = plot.Surface(graph, at, over=("W1[0, 0]", "b2[0]"))
    assert surface.loss(surface.start) == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-5)
    step = 1e-6
    ahead, behind = (surface.loss(surface.start + np.array([sign * step, 0])) for sign in (1, -1))
    assert surface.gradient(surface.start)[0] == pytest.approx((ahead - behind) / (2 * step), rel=1e-4, abs=1e-7)


def test_the_hidden_layer_makes_xor_linear(trained: tuple[lg.FeedForward, Any, Any]) -> None:
    model, X, y = trained
    assert model.score(X, y) == 1.0
    drawn = plot.boundary(model, X, y)
    _, after, hidden = drawn.figure.axes
    assert "100% of the points right" in after.get_title()
    assert "after the hidden layer" in hidden.get_title()
    # Of more than two units the line is seen edge-on: each class lies on one side of it.
    classes = [np.asarray(line.get_xdata()) for line in hidden.lines[:2]]
    wall = float(hidden.lines[2].get_xy1()[0])  # type: ignore[attr-defined]
    assert classes[0].max() < wall < classes[1].min() or classes[1].max() < wall < classes[0].min()
    assert len(plot.boundary(lg.LogisticRegression(epochs=2).fit(X, y), X, y).figure.axes) == 2


def test_a_net_of_two_units_or_with_x0_is_drawn_in_its_own_axes(trained: tuple[lg.FeedForward, Any, Any]) -> None:
    _, X, y = trained
    for settings in ({}, {"bias": "x0"}, {"output": "softmax"}):
        model = lg.FeedForward(layers=2, units=2, epochs=3, seed=1, **settings).fit(X, y)  # type: ignore[arg-type]
        hidden = plot.boundary(model, X, y).figure.axes[2]
        assert hidden.get_xlabel() == "h₁"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.activations(["rleu"]), r"activation is one of .*got 'rleu' \(did you mean 'relu'\?\)"),
        (lambda: plot.activations(reach=0), "reach is above 0"),
        (lambda: plot.descent(bowl, START, rates=[-1.0]), "rates are above 0"),
        (lambda: plot.descent(bowl, START, over=["a", "c"]), "the loss has no parameter 'c'.*it has a, b"),
        (lambda: plot.descent(bowl, START, over=["a"]), "over two parameters; got 1: a"),
        (lambda: plot.descent(lambda a, b, c: a * b * c, {"a": 1.0, "b": 1.0, "c": 1.0}), "say over which two"),
        (
            lambda: plot.descent(lg.sum, {"x": [1.0, 2.0]}, over=["x", "x[1]"]),
            r"'x' is not one number: x is float64 of shape \(2,\); write x\[0\]",
        ),
        (lambda: plot.descent(lambda a, b: a + b, {"a": 1.0, "b": 1.0}), "flat at the start"),
    ],
)
def test_mistakes_are_answered(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_a_boundary_wants_two_features(trained: tuple[lg.FeedForward, Any, Any]) -> None:
    model, X, y = trained
    with pytest.raises(InputError, match="drawn for two features"):
        plot.boundary(model, np.ones((4, 3)), np.zeros(4))
    with pytest.raises(InputError, match="same length; X has 80 points, y has 3 labels"):
        plot.boundary(model, X, y[:3])


def test_where_matplotlib_is_missing_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from lexgrad import plot\n"
        "try:\n    plot.activations()\nexcept Exception as error:\n    print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "InputError plots need matplotlib, which is not installed: pip install 'lexgrad[plot]'"
    )
