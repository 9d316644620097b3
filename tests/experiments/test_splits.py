"""Folds and held-out shares: every text once, classes even, equal texts together, the same each time."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexgrad.errors import InputError
from lexgrad.experiments.splits import folds, held_out, sentence_folds, sentences_held_out
from lexgrad.text.sentences import MemorySentences, TaggedTable
from lexgrad.text.tables import MemoryTable, Row, Table


def table(examples: list[tuple[str, str]]) -> MemoryTable:
    return MemoryTable("films", [Row(text, label, number) for number, (text, label) in enumerate(examples, 1)], "print")


def numbers(part: Table) -> list[int]:
    return [row.number for row in part]


@given(
    st.lists(st.tuples(st.integers(0, 30).map(str), st.sampled_from("ab")), min_size=8, max_size=60), st.integers(2, 5)
)
def test_each_text_is_in_one_fold(examples: list[tuple[str, str]], count: int) -> None:
    whole = table([*examples, ("x", "a"), ("y", "a"), ("z", "b"), ("w", "b"), ("v", "b")])
    pairs = folds(whole, count)
    assert sorted(number for _, held in pairs for number in numbers(held)) == numbers(whole)
    for kept, held in pairs:
        assert sorted(numbers(kept) + numbers(held)) == numbers(whole)
        assert not set(kept.texts()) & set(held.texts())
        assert {row.label for row in held} <= {row.label for row in kept}
    assert [numbers(held) for _, held in folds(whole, count)] == [numbers(held) for _, held in pairs]
    assert len({held.fingerprint() for pair in pairs for held in pair}) == 2 * count


def test_classes_are_even() -> None:
    whole = table([(f"text {i}", "a" if i % 3 else "b") for i in range(300)])
    for _, held in folds(whole, 10):
        assert Counter(row.label for row in held) == {"a": 20, "b": 10}
    kept, dev = held_out(whole, 0.1)
    assert Counter(row.label for row in dev) == {"a": 20, "b": 10}
    assert sorted(numbers(kept) + numbers(dev)) == numbers(whole)
    assert numbers(dev) != list(range(1, 31)), "shuffled"


def test_no_class_is_held_out_whole() -> None:
    for rare in range(30):  # wherever the one text of the class comes in the dealing
        whole = table([(f"text {i}", "c" if i == rare else "ab"[i % 2]) for i in range(30)])
        kept, dev = held_out(whole, 0.3)
        assert {row.label for row in kept} == {"a", "b", "c"}
        assert sorted(numbers(kept) + numbers(dev)) == numbers(whole)
        assert 7 <= len(numbers(dev)) <= 9


def test_what_can_not_be_cut() -> None:
    small = table([("one", "a"), ("two", "a"), ("three", "b"), ("three", "b")])
    with pytest.raises(InputError, match="expected 2 to 3 folds, as films has so many different texts; got 4"):
        folds(small, 4)
    with pytest.raises(InputError, match=r"all texts of class 'b' are in fold . of 2"):
        folds(small, 2)
    with pytest.raises(InputError, match="10% of the 4 texts of films leaves one part without texts"):
        held_out(small, 0.1)
    with pytest.raises(InputError, match=r"0\.5% of the 4 texts"):
        held_out(small, 0.005)


SENTENCES = MemorySentences(
    [["a", str(i % 9)] for i in range(12)], [["X", "Y"] for _ in range(12)], "bank"
)  # three of them come twice


def words(table: TaggedTable) -> list[tuple[str, ...]]:
    return [sentence.words for sentence in table]


def test_folds_of_sentences() -> None:
    pairs = sentence_folds(SENTENCES, 3)
    assert sorted(each for _, fold in pairs for each in words(fold)) == sorted(words(SENTENCES))
    for kept, fold in pairs:
        assert not set(words(kept)) & set(words(fold))
        assert len(words(kept)) + len(words(fold)) == 12
    assert [fold.source for _, fold in pairs] == [f"fold {n} of 3 of bank" for n in (1, 2, 3)]
    with pytest.raises(InputError, match="expected 2 to 9 folds, as bank has so many different sentences"):
        sentence_folds(SENTENCES, 10)


def test_a_share_of_sentences() -> None:
    kept, held = sentences_held_out(SENTENCES, 1 / 3)
    assert len(set(words(held))) == 3
    assert not set(words(kept)) & set(words(held))
    assert words(sentences_held_out(SENTENCES, 1 / 3)[1]) == words(held), "the same every time"
    with pytest.raises(InputError, match="leaves one part without any"):
        sentences_held_out(SENTENCES, 0.01)
