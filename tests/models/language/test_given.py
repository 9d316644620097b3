"""Models that are told which words they know: texts, runs, files, and vocabularies that can not be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lexgrad.errors import InputError
from lexgrad.models import FeedForwardLM, NGramLM, load
from lexgrad.models.language.mixture import MixtureLM

LINES = ["the cat sat on the mat", "the dog sat on the log", "the cat saw the dog", "a dog saw a cat"]
FEW, DEV = LINES[:1] * 3, ["a dog sat on the cat"]


def test_words_that_training_never_saw_are_known(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("\n".join(sorted({word for line in LINES for word in line.split()})), encoding="utf-8")
    whole = NGramLM(order=2, tokens="spaces").fit(LINES)
    whole.save(tmp_path / "whole")
    for given in (LINES, str(words), str(tmp_path / "whole")):
        model = NGramLM(order=2, tokens="spaces", vocabulary=given).fit(FEW)
        assert set(model.tokenizer_.vocabulary) == set(whole.tokenizer_.vocabulary)
        assert model.evaluate(DEV)["unknown"] == 0
        assert np.exp(model.reader().logarithms()).sum() == pytest.approx(1.0)
        model.save(tmp_path / "few", overwrite=True)
        assert load(tmp_path / "few").perplexity(DEV) == model.perplexity(DEV)


def test_models_of_different_texts_that_know_the_same_words_can_be_mixed() -> None:
    neural = FeedForwardLM(tokens="spaces", vocabulary=LINES, dimensions=3, units=3, epochs=1, threads=1).fit(FEW)
    mixture = MixtureLM.mixed([NGramLM(order=2, tokens="spaces", vocabulary=LINES).fit(LINES[1:]), neural], DEV)
    assert np.exp(mixture.reader().logarithms()).sum() == pytest.approx(1.0, rel=1e-5)


def test_a_vocabulary_is_cut_to_its_most_frequent_words() -> None:
    model = NGramLM(order=1, tokens="spaces", vocabulary=LINES, max_words=3).fit(FEW)
    assert model.tokenizer_.vocabulary == ["<unk>", "the", "cat"]


def test_vocabularies_that_can_not_be(tmp_path: Path) -> None:
    NGramLM(order=1, tokens="characters").fit(LINES).save(tmp_path / "letters")
    NGramLM(order=1, tokens="spaces").fit(LINES).save(tmp_path / "words")
    for given, max_words, message in [
        (str(tmp_path / "none.txt"), None, "vocabulary: .*none.txt"),
        (str(tmp_path / "letters"), None, "kind 'characters', not 'spaces': set tokens=characters"),
        (str(tmp_path / "words"), 5, "more than max_words=5: leave that out"),
        (["", " "], None, "no token"),
    ]:
        with pytest.raises(InputError, match=message):
            NGramLM(order=1, tokens="spaces", vocabulary=given, max_words=max_words).fit(LINES)
