"""The plot of a training's health, from a model, a run and its records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lexgrad as lg
from lexgrad import plot
from lexgrad.errors import InputError
from lexgrad.train.run import Run
from tests.plot.test_plots import uncovered

pytest.importorskip("matplotlib", reason="plots need matplotlib: pip install 'lexgrad[plot]'")


def test_it_draws_each_layer(tmp_path: Path) -> None:
    X, y = plot.xor(60)
    model = lg.FeedForward(layers=3, units=4, activation="relu", epochs=5, batch=16, watch=0)
    model.fit(X, y, run=Run.create(tmp_path / "run"))
    drawn = plot.health(model)
    gradients, updates, silent = drawn.figure.axes
    assert [line.get_label() for line in gradients.lines] == ["W1", "W2", "W3"]
    first = np.asarray(gradients.lines[0].get_ydata(), dtype=float).tolist()
    assert first == pytest.approx([record["gradients"]["W1"] for record in model.health_])
    assert len(updates.lines) == 4  # and what is usual
    assert len(silent.lines) == 2
    uncovered(drawn.figure)
    assert plot.health(tmp_path / "run")._repr_svg_() == plot.health(model.health_)._repr_svg_()
    assert drawn.save(tmp_path / "health.png").stat().st_size > 1000


def test_a_training_that_nobody_watched_has_none() -> None:
    X, y = plot.xor(20)
    with pytest.raises(InputError, match="not watched: fit with watch=0"):
        plot.health(lg.FeedForward(layers=2, units=2, epochs=1).fit(X, y))
