"""Neural language models against n-grams: how long a phrase was seen, mixtures, and what is trained; nothing large."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench.neural_and_ngrams import ENTRANTS, Measured, longest_seen, mixed, table

from lexgrad.models import NGramLM
from lexgrad.models.language.lines import encode_lines
from lexgrad.text.corpus import Corpus

LINES = ["the cat sat on the mat", "the dog sat on the log", "a dog saw a cat"]


def test_the_longest_phrase_that_was_seen() -> None:
    model = NGramLM(order=3, tokens="spaces", vocabulary=[*LINES, "zebra"]).fit(LINES)
    seen, asked = (encode_lines(model.tokenizer_, Corpus.of(lines)) for lines in (LINES, ["the dog sat a cat zebra"]))
    # "<s> the" 2; "<s> the dog" 3; "the dog sat" 3; "a" 1, for "sat a" is new; "a cat" 2; zebra 0; "</s>" 1
    assert longest_seen(model, seen, asked).tolist() == [2, 3, 3, 1, 2, 0, 1]


def test_a_mixture_is_weighed_by_the_dev_text() -> None:
    sure, wrong = np.log([0.9, 0.9]), np.log([0.1, 0.1])
    found, weight = mixed(Measured(dev=sure, test=wrong), Measured(dev=wrong, test=sure))
    assert weight == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(found, wrong, atol=1e-3)


@pytest.mark.parametrize("name", ENTRANTS)
def test_every_model_is_told_the_same_words(name: str, tmp_path: Path) -> None:
    command = ENTRANTS[name].command(10, Path("text"), tmp_path, 1)
    assert command[:3] == ["train", ENTRANTS[name].model, "text"]
    assert any(word.startswith("vocabulary=") for word in command)
    assert "--resume" not in command


def test_tables() -> None:
    assert table([["a", "b"], ["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"
