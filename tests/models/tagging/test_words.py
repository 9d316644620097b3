"""What the tagger knows of words: normal forms, shapes, affixes, characters, and their numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lexgrad.errors import InputError
from lexgrad.models.tagging.encoder import WordEncoder
from lexgrad.models.tagging.sentences import cut_words
from lexgrad.models.tagging.spelling import BEGIN, END, affixes, characters, normal, shape

SENTENCES = [("The", "cats", "sat"), ("the", "dogs", "sat", "1990"), (), ("Zoë",)]


def encoder(longest: int = 2, shapes: bool = True, **more: object) -> WordEncoder:
    return WordEncoder.learn(SENTENCES, longest=longest, shapes=shapes, min_count=1, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("word", "form", "kinds"),
    [("USA", "usa", "XX"), ("iPhone-12", "iphone-00", "xXxx-00"), ("1,000", "0,000", "0,00"), ("東京", "東京", "aa")],
)
def test_forms_and_shapes(word: str, form: str, kinds: str) -> None:
    assert (normal(word), shape(word)) == (form, kinds)


def test_affixes_and_characters() -> None:
    assert affixes("Ran7", 3) == ("r", "ra", "ran", "0", "n0", "an0")
    assert affixes("a", 2) == ("a", "", "a", "")
    assert affixes("a", 0) == ()
    assert characters("Ab") == f"{BEGIN}Ab{END}"
    assert characters("a" * 20 + "b" * 20) == f"{BEGIN}{'a' * 12}{'b' * 12}{END}"


def test_words_of_training_are_numbered_by_how_often_they_occur() -> None:
    words = encoder()
    assert words.words.entries == ["sat", "the", "0000", "cats", "dogs", "zoë"]
    assert words.counts.tolist() == [0, 2, 2, 1, 1, 1, 1]
    assert normal("THE") in words.words
    assert normal("1066") in words.words
    assert normal("cat") not in words.words


def test_sentences_become_numbers() -> None:
    words = encoder()
    found = words.encode([("The", "mouse"), (), ("sat",)])
    assert found.offsets.tolist() == [0, 2, 2, 3]
    assert found.words.tolist() == [2, 0, 1]
    assert found.pretrained.tolist() == [-1, -1, -1]
    begins = np.cumsum([0, *map(len, words.columns)])
    last = [words.columns[2].number("t") + begins[2], words.columns[3].number("at") + begins[3]]
    assert found.affixes.shape == (3, 5)
    assert found.affixes[2, 2:4].tolist() == last
    assert found.affixes[1, 4] == words.columns[4].number("xx") + begins[4]
    assert (found.affixes < words.rows).all()
    letters = np.split(found.characters, found.ends[1:-1])
    assert [len(each) for each in letters] == [5, 7, 5]
    assert letters[2].tolist() == list(words.characters.numbers(f"{BEGIN}sat{END}"))
    assert len(words.encode([])) == 0
    assert words.encode([()]).affixes.shape == (0, 5)


def test_pretrained_words_are_found_as_they_are_or_in_other_case() -> None:
    words = encoder(pretrained=("The", "sat", "0000", "mouse"))
    assert words.encode([("The", "the", "Mouse", "SAT", "1887", "dog")]).pretrained.tolist() == [0, 0, 3, 1, 2, -1]


def test_a_file_gives_the_same_numbers(tmp_path: Path) -> None:
    words = encoder(pretrained=("sat",))
    words.save(tmp_path / "words.json")
    again = WordEncoder.load(tmp_path / "words.json")
    for name, array in vars(words.encode(SENTENCES)).items():
        np.testing.assert_array_equal(array, getattr(again.encode(SENTENCES), name))
    (tmp_path / "words.json").write_text("{}")
    with pytest.raises(InputError, match=r"words.json is missing or damaged"):
        WordEncoder.load(tmp_path / "words.json")


def test_texts_are_cut_into_words() -> None:
    assert cut_words("I don't like it, 3.5% off!") == ("I", "do", "n't", "like", "it", ",", "3.5", "%", "off", "!")
