"""Training texts to ids: read once, and the same ids, rows and bits as of what is learned first and encoded then."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lexgrad.errors import InputError
from lexgrad.models import BagOfNgrams, SoftmaxRegression
from lexgrad.models.features import encoder as encoders
from lexgrad.models.features.encoder import learn_tokens
from lexgrad.models.features.hashed import HashedEncoder
from lexgrad.models.features.inputs import PackedInputs
from lexgrad.models.sources import open_source
from lexgrad.text import numbered, tokenizer
from lexgrad.text.readers import open_table
from lexgrad.text.tokenizer import Tokenizer
from lexgrad.train.progress import Progress

TEXTS = [
    "The cat doesn't see the Cat.",
    "",
    "  ",
    "naïve  café, naïve — 3.14 … “quoted”",
    "<unk> is a word that\u2003stands for others; it's the <unk>",
    "a b c d e f g",
    "The end!!!",
] * 30


@pytest.mark.parametrize("kind", ["lower", "words", "spaces", "characters"])
@pytest.mark.parametrize(("min_count", "size", "in_memory"), [(1, None, 1 << 20), (31, None, 0), (1, 6, 100)])
def test_one_pass_gives_what_two_give(
    kind: str, min_count: int, size: int | None, in_memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoders, "IN_MEMORY", in_memory)
    monkeypatch.setattr(encoders, "READ", 3)
    monkeypatch.setattr(numbered, "BLOCK", 50)
    monkeypatch.setattr(tokenizer, "BATCH_CHARACTERS", 1500)
    model = BagOfNgrams(tokens=kind, min_count=min_count)
    learned, ids = learn_tokens(model, open_source(TEXTS, model), Progress(), size)
    expected = Tokenizer.train(TEXTS, kind, min_count, size)
    assert learned.vocabulary == expected.vocabulary
    more = learned.extended(["cat", "a word that is in no text"])
    packed, again = ids(more), Tokenizer.of_words(more.vocabulary[1:], kind).encode(TEXTS)
    np.testing.assert_array_equal(packed.ids, again.ids)
    np.testing.assert_array_equal(packed.offsets, again.offsets)


def test_texts_without_a_token_are_refused() -> None:
    for model in (BagOfNgrams(), SoftmaxRegression(), BagOfNgrams(tokens="characters")):
        with pytest.raises(InputError, match="no token"):
            model.fit(["", " " if model.tokens == "lower" else ""], [0, 1])


@pytest.mark.parametrize("orders", [1, 2, 3])
@pytest.mark.parametrize("buckets", [64, 1000])
def test_ngrams_found_when_they_are_read_are_those_of_whole_texts(orders: int, buckets: int) -> None:
    texts = ["a b c a", "", "c", "b a", "a", "c c c c b"]
    encoder = HashedEncoder(Tokenizer.train(texts), 4, buckets, orders, None)
    whole = PackedInputs(encoder.rows(texts))
    late = encoder.inputs(encoder.tokenizer.encode(texts))  # type: ignore[union-attr]
    indices, cuts = np.array([5, 1, 0, 2, 4, 3, 1]), np.array([0, 3, 4, 7])
    given, tokens = late.pick(indices, cuts)
    expected, counts = whole.pick(indices, cuts)
    assert tokens.tolist() == counts.tolist()
    for name in ("ids", "offsets"):
        for part in ("array", "starts", "stops"):
            np.testing.assert_array_equal(getattr(given[name], part), getattr(expected[name], part))


def test_a_fault_far_into_a_file_is_named_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + 'some "words" of a text,x\n"and, more",y\n' * 30_000 + "one field\n")
    with pytest.raises(InputError, match=r"row 60002: expected 2 fields, as in the heading, found 1"):
        BagOfNgrams(epochs=1).fit(open_table(path))
