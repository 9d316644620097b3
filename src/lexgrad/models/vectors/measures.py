"""How good word vectors are: similarity of pairs against people's judgement, and analogies."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.vectors.keyed import KeyedVectors, UnknownWord
from lexgrad.text.encodings import choose_encoding
from lexgrad.text.lines import PlainTable
from lexgrad.text.sources import find_source

Source = str | os.PathLike[str]
AT_ONCE = 1 << 23  # cosines that are held at a time


class Pair(NamedTuple):
    """Two words and how similar people find them."""

    first: str
    second: str
    score: float


class Question(NamedTuple):
    """``a`` is to ``b`` as ``c`` is to ``d``."""

    section: str
    a: str
    b: str
    c: str
    d: str


def evaluate_pairs(vectors: KeyedVectors, source: Source) -> dict[str, Any]:
    """Return Spearman's rank correlation of cosines with the scores of a file, as WordSim-353's.

    Args:
        vectors: the words' vectors; a word is looked up as it is, then lower-cased.
        source: a file of lines ``word1 TAB word2 TAB score`` (or commas, or spaces); ``#`` begins a comment, and a
            heading is passed over.

    Returns:
        {"spearman": in [-1, 1], or None below two pairs or where all are equal; "pairs": how many have
        vectors; "missing": how many do not}.

    Raises:
        InputError: the file is missing or not of such lines.
    """
    scores, cosines, missing = [], [], 0
    for pair in read_pairs(source):
        first, second = _known(vectors, pair.first), _known(vectors, pair.second)
        if first is None or second is None:
            missing += 1
            continue
        scores.append(pair.score)
        cosines.append(vectors.similarity(first, second))
    return {"spearman": spearman(scores, cosines), "pairs": len(scores), "missing": missing}


def spearman(first: Iterable[float], second: Iterable[float]) -> float | None:
    """Return Pearson's correlation of the ranks, equal values sharing their mean rank; None where there is none."""
    one, other = np.asarray(list(first), np.float64), np.asarray(list(second), np.float64)
    if len(one) < 2:
        return None
    one, other = _ranks(one), _ranks(other)
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / scale if scale else None


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 0, equal values sharing their mean."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    means = np.cumsum(counts) - (counts + 1) / 2
    return np.asarray(means[which.ravel()], np.float64)


def evaluate_analogies(vectors: KeyedVectors, source: Source, most: int | None = 300_000) -> dict[str, Any]:
    """Answer questions ``a b c d`` by the word d nearest to b − a + c of unit vectors (3CosAdd, Mikolov et al. 2013).

    The three words asked about are no answers. Words are looked up as they are, then lower-cased; questions with a
    word that has no vector, or comes after ``most`` words, are left out.

    Args:
        vectors: the words' vectors.
        source: a file as ``questions-words.txt``: lines of four words, and ``: name`` before each section.
        most: answers are sought among so many words, the first.

    Returns:
        {"accuracy", "correct", "questions", "missing", "sections": {name: {"accuracy", "correct", "questions",
        "missing"}}}; an accuracy is None where there are no questions.

    Raises:
        InputError: the file is missing or not of such lines.
    """
    questions = list(read_questions(source))
    size = len(vectors) if most is None else min(most, len(vectors))
    rows = np.array([[_row(vectors, word, size) for word in question[1:]] for question in questions]).reshape(-1, 4)
    whole = np.asarray((rows >= 0).all(axis=1))
    right = np.zeros(len(rows), bool)
    right[whole] = _answers(vectors, rows[whole], size) == rows[whole, 3]
    sections: dict[str, list[int]] = {}
    for number, question in enumerate(questions):
        sections.setdefault(question.section, []).append(number)
    by_section = {name: _tally(right[these], whole[these]) for name, these in sections.items()}
    return {**_tally(right, whole), "sections": by_section}


def _tally(right: NDArray[np.bool_], whole: NDArray[np.bool_]) -> dict[str, Any]:
    correct, asked = int(right.sum()), int(whole.sum())
    accuracy = correct / asked if asked else None
    return {"accuracy": accuracy, "correct": correct, "questions": asked, "missing": len(whole) - asked}


def _answers(vectors: KeyedVectors, rows: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """The nearest word to each question's b − a + c, none of the three."""
    units = vectors.unit_rows(np.arange(size))
    found = np.zeros(len(rows), np.int64)
    step = max(1, AT_ONCE // max(size, 1))
    for begin in range(0, len(rows), step):
        a, b, c = rows[begin : begin + step, :3].T
        cosines = (units[b] - units[a] + units[c]) @ units.T
        for asked in (a, b, c):
            cosines[np.arange(len(asked)), asked] = -np.inf
        found[begin : begin + step] = cosines.argmax(axis=1)
    return found


def _known(vectors: KeyedVectors, word: str) -> str | None:
    """The word or its lower-case form, or None where neither has a vector."""
    try:
        return vectors.known(word)
    except UnknownWord:
        return None


def _row(vectors: KeyedVectors, word: str, size: int) -> int:
    row = vectors.index.get(word, vectors.index.get(word.lower(), -1))
    return row if row < size else -1


def read_pairs(source: Source) -> Iterator[Pair]:
    """Yield the pairs of a file.

    Raises:
        InputError: it is missing, or a line is no pair.
    """
    name, found = os.fspath(source), False
    for number, line in _lines(source):
        fields = [field.strip() for field in _split(line)]
        try:
            if len(fields) < 3:
                raise ValueError
            pair = Pair(fields[0], fields[1], float(fields[2]))
        except ValueError:
            if number == 1 and len(fields) >= 3:
                continue  # a heading
            raise InputError(
                f"{name}: line {number}: expected two words and a number, found {line.strip()!r}"
            ) from None
        found = True
        yield pair
    if not found:
        raise InputError(f"{name}: has no pairs; expected lines of two words and a number")


def read_questions(source: Source) -> Iterator[Question]:
    """Yield the questions of a file.

    Raises:
        InputError: it is missing, or a line is neither a section nor four words.
    """
    name, section, found = os.fspath(source), "", False
    for number, line in _lines(source):
        words = line.split()
        if words[0].startswith(":"):
            section = line.strip().removeprefix(":").strip()
            continue
        if len(words) != 4:
            raise InputError(f"{name}: line {number}: expected four words or ': section', found {line.strip()!r:.60}")
        found = True
        yield Question(section, *words)
    if not found:
        raise InputError(f"{name}: has no questions; expected lines of four words")


def _lines(source: Source) -> Iterator[tuple[int, str]]:
    """The lines that are neither empty nor comments, with their numbers."""
    place = find_source(source)
    if place.total_bytes == 0:
        raise InputError(f"{place.name}: is empty")
    for row in PlainTable(place, choose_encoding(place, None)):
        if row.text.strip() and not row.text.startswith("#"):
            yield row.number, row.text


def _split(line: str) -> list[str]:
    mark = next((mark for mark in "\t,;" if mark in line), None)
    return line.split(mark)
