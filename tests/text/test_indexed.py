"""Corpora as ids: against counting by hand, whatever the size of blocks, and phrases by equation 6."""

from __future__ import annotations

import errno
import itertools
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexgrad.errors import InputError
from lexgrad.text import lines, numbered, phrases
from lexgrad.text.corpus import Corpus
from lexgrad.text.indexed import IndexedCorpus, index
from lexgrad.text.packed import ArrayBuilder
from lexgrad.text.tokenizer import Tokenizer

PATTERN = "[a-z]+('[a-z]+)?|[0-9]+"


def sentences(found: IndexedCorpus) -> list[list[str]]:
    return [[found.vocabulary[i] for i in ids] for ids in found.texts]


def by_hand(cut: list[list[str]], min_count: int) -> tuple[list[str], list[int], list[list[str]]]:
    counts = Counter(itertools.chain.from_iterable(cut))
    kept = sorted((word for word in counts if counts[word] >= min_count), key=lambda word: (-counts[word], word))
    left = [[word for word in words if counts[word] >= min_count] for words in cut]
    return kept, [counts[word] for word in kept], [words for words in left if words]


def agrees(found: IndexedCorpus, cut: list[list[str]], min_count: int) -> None:
    vocabulary, counts, texts = by_hand(cut, min_count)
    assert found.vocabulary == vocabulary
    assert found.counts.tolist() == counts
    assert sentences(found) == texts
    assert found.read == sum(map(len, cut))
    assert found.distinct == len(set(itertools.chain.from_iterable(cut)))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbered, "BLOCK", 7)


@pytest.fixture
def words() -> list[list[str]]:
    draw = random.Random(1)
    return [[f"w{int(draw.paretovariate(0.6))}" for _ in range(draw.randrange(12))] for _ in range(120)]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("in_memory", [0, 1 << 20])
def test_lists_of_words(words: list[list[str]], in_memory: int) -> None:
    found = index(Corpus.of(words), min_count=3, in_memory=in_memory)
    agrees(found, words, 3)
    assert found.texts.ids.flags.writeable == (in_memory > 0)  # a mapped file is read-only


@pytest.mark.parametrize("kind", ["lower", "words", "spaces"])
def test_kinds_cut_as_tokenizers_do(kind: str) -> None:
    texts = ["The cat doesn't see the Cat.", "", "It's  3.14,\tthe end!!! (The end)", "  "]
    tokenizer = Tokenizer.train(texts, kind)
    cut = [tokenizer.tokens(text) for text in texts]
    agrees(index(Corpus.of(texts), min_count=1, tokens=kind), cut, 1)


def test_a_pattern_with_groups_gives_whole_matches() -> None:
    texts = ["The cat doesn't; 3 cats don't!", "Don't (they) 'see' it?"]
    cut = [[match[0] for match in re.finditer(PATTERN, text.lower())] for text in texts]
    assert "doesn't" in cut[0]
    agrees(index(Corpus.of(texts), min_count=1, pattern=PATTERN), cut, 1)
    agrees(index(Corpus.of(texts), min_count=1, pattern="[a-z]+(?:'[a-z]+)?|([0-9]+)"), cut, 1)
    brackets = [re.findall(r"[(a-z]+|\(", text) for text in texts]
    agrees(index(Corpus.of(texts), min_count=1, tokens="words", pattern=r"([(a-z]+)|\("), brackets, 1)


def test_a_line_in_parts_is_one_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 40)
    monkeypatch.setattr(lines, "CHUNK", 16)
    rows = ["a b", " ".join("abcd"[i % 4] * (i % 5 + 1) for i in range(80)), "", "c " * 30]
    (tmp_path / "t.txt").write_text("\n".join(rows))
    seen: list[tuple[int, float]] = []
    found = index(Corpus.open(tmp_path / "t.txt"), min_count=2, tokens="spaces", tell=lambda *told: seen.append(told))
    agrees(found, [row.split() for row in rows], 2)
    assert seen[-1] == (found.read, 1.0)
    assert len(seen) > 5


def test_rare_words_are_forgotten_when_there_are_too_many() -> None:
    texts = [f"often often new{i}" for i in range(50)]
    found = index(Corpus.of([text.split() for text in texts for _ in range(20)]), min_count=15, most_words=8)
    assert found.vocabulary[0] == "often"
    assert found.counts[0] == 2000
    assert all(word.startswith("new") for word in found.vocabulary[1:])
    assert sentences(found)[0][:2] == ["often", "often"]
    assert found.read == 3000


@pytest.mark.usefixtures("small_blocks")
def test_phrases_are_those_of_equation_6() -> None:
    draw = random.Random(3)
    base = [["new", "york", "city"], ["new", "york"], ["red", "car"], ["red", "red", "red"], ["a"], ["b", "new"]]
    cut = [list(itertools.chain.from_iterable(draw.choices(base, k=draw.randrange(1, 5)))) for _ in range(200)]
    counts = Counter(itertools.chain.from_iterable(cut))
    pairs = Counter(pair for text in cut for pair in itertools.pairwise(text))
    total, threshold = sum(counts.values()), 1.1
    scores = {(a, b): (n - 4) / (counts[a] * counts[b]) * total for (a, b), n in pairs.items()}
    chosen = {pair for pair, score in scores.items() if score > threshold}
    assert ("new", "york") in chosen
    assert ("red", "red") in chosen
    expected = []
    for text in cut:
        joined, at = [], 0
        while at < len(text):
            pair = at + 1 < len(text) and (text[at], text[at + 1]) in chosen
            joined.append("_".join(text[at : at + 2]) if pair else text[at])
            at += 2 if pair else 1
        expected.append(joined)
    # In runs of 7 words a text may be cut between two; a whole text a run shows the rule.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbered, "BLOCK", 1000)
        found = index(Corpus.of(cut), min_count=4, phrases=1, phrase_threshold=threshold)
    agrees(found, expected, 4)
    twice = index(Corpus.of(cut), min_count=4, phrases=2, phrase_threshold=threshold)
    assert "new_york_city" in twice.vocabulary
    assert int(twice.counts.sum()) == len(twice.texts.ids)


def test_counting_of_pairs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phrases, "MOST_PAIRS", 5)
    monkeypatch.setattr(numbered, "BLOCK", 50)
    draw = random.Random(5)
    cut = [["new", "york", *(f"w{draw.randrange(20)}" for _ in range(8))] for _ in range(100)]
    assert "new_york" in index(Corpus.of(cut), min_count=3, phrases=1, phrase_threshold=5.0).vocabulary


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_count": 3}, "no word occurs 3 times or more .the commonest, 'b', occurs 2 times.; lower min_count"),
        ({"min_count": 1, "tokens": "word"}, "no tokens 'word' .did you mean 'words'"),
        ({"pattern": "[a-z"}, "is not a regular expression"),
        ({"pattern": "[a-z]*"}, "matches empty text"),
        ({"pattern": "(?P<word>b)"}, "named groups"),
        ({"pattern": "[0-9]+"}, "X: has no words"),
    ],
)
def test_mistakes(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        index(Corpus.of(["a b", "b"]), **settings)


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ArrayBuilder, "append", full)
    with pytest.raises(InputError, match=r"no room .* TMPDIR"):
        index(Corpus.of(["a b"]), min_count=1)


def test_wiki_has_the_published_counts(shared_data: Path) -> None:
    head = list(itertools.islice(Corpus.open(shared_data / "wiki" / "wiki-en-5m.txt.gz").texts(), 2000))
    found = index(Corpus.of(head), min_count=5, pattern=PATTERN)
    agrees(found, [[match[0] for match in re.finditer(PATTERN, text.lower())] for text in head], 5)
    assert np.all(np.diff(found.counts) <= 0)
