"""Measures of word vectors, against SciPy and a loop over questions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from lexgrad.errors import InputError
from lexgrad.models.vectors import measures
from lexgrad.models.vectors.keyed import KeyedVectors
from lexgrad.models.vectors.measures import read_pairs, read_questions, spearman


@pytest.fixture
def vectors() -> KeyedVectors:
    random = np.random.default_rng(1)
    words = [f"{letter}{number}" for letter in "abcd" for number in range(12)]
    return KeyedVectors(words, random.standard_normal((len(words), 6), dtype=np.float32))


def test_spearman_is_scipys() -> None:
    random = np.random.default_rng(4)
    for size in (3, 20, 100):
        one, other = random.integers(0, 8, size).astype(float), random.standard_normal(size)
        assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert spearman([1.0], [2.0]) is None
    assert spearman([1.0, 1.0], [2.0, 3.0]) is None
    assert spearman([], []) is None


def test_pairs(vectors: KeyedVectors, tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_bytes(
        b"word1\tword2\tscore\r\n# nothing\r\nA1\tb1\t3\na2\tb2\t1\na3\tb3\t2\nzz\ta1\t9\n"
    )
    cosines = [vectors.similarity(f"a{i}", f"b{i}") for i in (1, 2, 3)]
    expected = {"spearman": pytest.approx(spearmanr(cosines, [3, 1, 2]).statistic), "pairs": 3, "missing": 1}
    assert vectors.evaluate_pairs(tmp_path / "pairs.tsv") == expected
    (tmp_path / "pairs.csv").write_text("a1,b1,3\na2,b2,1\na3 , b3,2\nzz,a1,9")
    assert vectors.evaluate_pairs(tmp_path / "pairs.csv") == expected


@pytest.mark.parametrize("at_once", [1, 1 << 20])
def test_analogies(vectors: KeyedVectors, tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "AT_ONCE", at_once)
    right = [vectors.analogy(f"a{i}", f"b{i}", f"c{i}")[0][0] for i in range(6)]
    lines = [f"A{i} b{i} c{i} {right[i] if i % 2 else 'd0'}" for i in range(6)]
    (tmp_path / "q.txt").write_text(
        ": one two\n" + "\n".join(lines[:4]) + "\n: three\n" + "\n".join(lines[4:]) + "\na1 b1 c1 zz\n"
    )
    found = vectors.evaluate_analogies(tmp_path / "q.txt")
    assert found["sections"]["one two"] == {"accuracy": 0.5, "correct": 2, "questions": 4, "missing": 0}
    assert found["sections"]["three"] == {"accuracy": 0.5, "correct": 1, "questions": 2, "missing": 1}
    assert (found["accuracy"], found["questions"], found["missing"]) == (0.5, 6, 1)
    few = vectors.evaluate_analogies(tmp_path / "q.txt", most=12)
    assert few["accuracy"] is None
    assert few["missing"] == 7


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("a b\n", "line 1: expected two words and a number, found 'a b'"),
        ("a\tb\t1\na\tb\tx\n", "line 2: expected two words and a number"),
        ("word1\tword2\tscore\n", "has no pairs"),
    ],
)
def test_faulty_pairs(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(content)
    with pytest.raises(InputError, match=message):
        list(read_pairs(tmp_path / "p"))


def test_faulty_questions(tmp_path: Path) -> None:
    for content, message in [(": section\n", "no questions"), (": s\na b c d\na b c\n", "line 3: expected four words")]:
        (tmp_path / "q").write_text(content)
        with pytest.raises(InputError, match=message):
            list(read_questions(tmp_path / "q"))


def test_published_sets_are_read(shared_data: Path) -> None:
    counts = {path.name: len(list(read_pairs(path))) for path in (shared_data / "wordsim").glob("*.txt")}
    assert counts == {
        "EN-WS-353-ALL.txt": 353, "EN-WS-353-SIM.txt": 203, "EN-WS-353-REL.txt": 252, "EN-MTurk-287.txt": 287,
    }  # fmt: skip
    questions = list(read_questions(shared_data / "analogy" / "questions-words.txt"))
    assert len(questions) == 19544
    assert len({question.section for question in questions}) == 14
