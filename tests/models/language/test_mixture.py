"""Mixtures of language models: weights by EM, the distribution, files, and models that do not go together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lexgrad.errors import InputError
from lexgrad.models import FeedForwardLM, NGramLM, load
from lexgrad.models.language.mixture import MixtureLM, best_weights

LINES = ["the cat sat on the mat", "the dog sat on the log", "the cat saw the dog", "a dog saw a cat"] * 3
DEV = ["a cat sat on the log", "the dog saw the mat"]


def test_em_finds_the_weights_that_a_grid_finds() -> None:
    logarithms = np.log(np.random.default_rng(0).uniform(0.01, 1.0, (2, 200)) ** [[1.0], [1.4]])
    grid = np.linspace(0.0, 1.0, 2001)
    totals = [np.log(w * np.exp(logarithms[0]) + (1 - w) * np.exp(logarithms[1])).sum() for w in grid]
    found = best_weights(logarithms)
    assert found.sum() == pytest.approx(1.0)
    assert found[0] == pytest.approx(grid[int(np.argmax(totals))], abs=2e-3)


def test_a_mixture_is_a_language_model(tmp_path: Path) -> None:
    ngrams = NGramLM(order=2, tokens="spaces").fit(LINES)
    neural = FeedForwardLM(tokens="spaces", min_count=1, dimensions=5, units=4, order=3, epochs=5, threads=1).fit(LINES)
    mixture = MixtureLM.mixed([ngrams, neural], DEV)
    assert mixture.perplexity(DEV) <= min(ngrams.perplexity(DEV), neural.perplexity(DEV)) + 1e-6
    reader, found = mixture.reader(), []
    (score,) = mixture.scores(DEV[:1])
    for token in [*mixture.tokenizer_.encode(DEV[:1]).ids.tolist(), mixture.end]:
        assert np.exp(reader.logarithms()).sum() == pytest.approx(1.0, rel=1e-5)
        found.append(reader.logarithms()[token])
        reader.read(token)
    np.testing.assert_allclose(found, score.logarithms, rtol=1e-5)
    mixture.save(tmp_path / "run")
    mixture.save(tmp_path / "run", overwrite=True)
    (tmp_path / "run" / "part-of-mine").mkdir()
    with pytest.raises(InputError, match="holds other files"):
        mixture.save(tmp_path / "run", overwrite=True)
    loaded = load(tmp_path / "run")
    assert loaded.perplexity(DEV) == mixture.perplexity(DEV)
    assert list(loaded.generate(tokens=8)) == list(mixture.generate(tokens=8))


def test_what_cannot_be_mixed() -> None:
    one, other = (NGramLM(order=1, tokens="spaces").fit(lines) for lines in (["a b"], ["a c"]))
    with pytest.raises(InputError, match="know the same tokens; ngram-lm and ngram-lm differ in 2, such as 'b'"):
        MixtureLM.mixed([one, other], DEV)
    with pytest.raises(InputError, match="two models or more"):
        MixtureLM.mixed([one], DEV)
    with pytest.raises(InputError, match="made of trained models"):
        MixtureLM().fit(LINES)
