"""n-gram models against KenLM (Heafield 2011): it reads our ARPA files and gives every line our probability."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from lexgrad.models.language.ngram import NGramLM
from lexgrad.text.corpus import Corpus

kenlm = pytest.importorskip("kenlm")


@pytest.mark.parametrize("order", [2, 3, 5])
def test_kenlm_reads_our_model(order: int, tmp_path: Path) -> None:
    model = NGramLM(order=order, tokens="spaces").fit(Corpus.of(SENTENCES))
    model.to_arpa(tmp_path / "model.arpa")
    theirs = kenlm.Model(str(tmp_path / "model.arpa"))
    for line in (*SENTENCES[:5], "the dog saw a zebra", "today today", "a"):
        (score,) = model.scores(Corpus.of([line]))
        assert score.logarithm == pytest.approx(theirs.score(line, bos=True, eos=True) * math.log(10), rel=1e-5)
        parts = [math.log(10) * part for part, _, _ in theirs.full_scores(line)]
        np.testing.assert_allclose(score.logarithms, parts, rtol=1e-5)


SENTENCES = [
    f"{determiner} {noun} {verb} {other} {place}".strip()
    for i, determiner in enumerate(("the", "a", "this", "every"))
    for j, noun in enumerate(("dog", "cat", "bird", "child", "teacher"))
    for verb in ("saw", "liked", "chased")[: 1 + (i + j) % 3]
    for other in ("the ball", "a tree", "him")[: 1 + i % 3]
    for place in ("today", "in the garden", "")[: 1 + j % 3]
]
