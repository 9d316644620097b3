"""Pictures of words: the components against SciPy's idea of them, and no two labels on each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.decomposition import PCA

from lexgrad.models.vectors.keyed import KeyedVectors

pytest.importorskip("matplotlib", reason="plots need matplotlib: pip install 'lexgrad[plot]'")

from lexgrad import plot
from lexgrad.plot.words import principal


def test_principal_components() -> None:
    points = np.random.default_rng(0).standard_normal((12, 5)) * [5, 3, 1, 1, 1]
    places, shares = principal(points)
    reference = PCA(2).fit(points)
    assert np.abs(places) == pytest.approx(np.abs(reference.transform(points)), abs=1e-9)
    assert shares == pytest.approx(reference.explained_variance_ratio_)
    assert places[np.abs(places).argmax(axis=0), [0, 1]].min() > 0
    same, none = principal(np.ones((3, 4)))
    assert not same.any()
    assert not none.any()


@pytest.mark.parametrize("spread", [1.0, 0.0])  # of 0, all words lie on one point
def test_no_two_labels_meet(spread: float) -> None:
    words = [f"{'long' * (i % 4)}word{i}" for i in range(60)] + ["$x$", "a_b"]
    matrix = np.random.default_rng(1).standard_normal((len(words), 8), dtype=np.float32) * spread
    drawn = plot.vectors(KeyedVectors(words, matrix), words)
    drawn.figure.set_dpi(144)  # as it is saved
    drawn.figure.draw_without_rendering()
    (axis,) = drawn.figure.axes
    assert [text.get_text().replace("\\", "") for text in axis.texts] == words
    boxes = [text.get_window_extent() for text in axis.texts]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    assert drawn.title == "62 word vectors by principal components"
