"""Parts of a table of labelled texts, or of tagged sentences: folds of a cross-validation, and a share held out.

Those of texts are stratified: each class is dealt out evenly. Equal texts stay together, for a text that is in both
parts is measured where it was learned. The parts are the same in every run: they hang on the table alone, not on a
model's seed.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.nn.initialisers import generator
from lexgrad.text.sentences import MemorySentences, Sentence, TaggedTable
from lexgrad.text.tables import MemoryTable, Row, Table

Pair = tuple[Table, Table]
TaggedPair = tuple[TaggedTable, TaggedTable]


def folds(table: Table, count: int) -> list[Pair]:
    """Return ``count`` pairs (all but one fold, that fold); each text is in one fold. The texts are held in memory.

    Raises:
        InputError: fewer than two folds, more folds than texts, or a class of one text, which can not be in both parts.
    """
    rows = list(table)
    dealt = _dealt(rows, table.source)
    if count < 2 or count > dealt.max() + 1:
        raise InputError(
            f"expected 2 to {dealt.max() + 1} folds, as {table.source} has so many different texts; got {count}"
        )
    numbers = dealt % count
    return [
        _pair(table, rows, numbers == number, f"fold {number + 1} of {count}", require_all=True)
        for number in range(count)
    ]


def held_out(table: Table, share: float) -> Pair:
    """Return (the other texts, a share of them in (0, 1)). The texts are held in memory.

    No class is held out whole: one that would be stays with the others, to be learned.

    Raises:
        InputError: a share of which there is no text, or nothing left to train on.
    """
    rows = list(table)
    dealt = _dealt(rows, table.source)
    # Dealt class by class: every 1/share-th one from each class.
    marks = np.floor((dealt + 1) * share) > np.floor(dealt * share)
    kept = _classes(row for row, out in zip(rows, marks.tolist(), strict=True) if not out)
    lost = _classes(rows) - kept
    marks &= ~np.isin(dealt, dealt[np.array([str(row.label) in lost for row in rows])])
    if not marks.any() or marks.all():
        raise InputError(f"{100 * share:g}% of the {len(rows)} texts of {table.source} leaves one part without texts")
    return _pair(table, rows, marks, f"{100 * share:g}%")


def _dealt(rows: list[Row], source: str) -> NDArray[np.int64]:
    """A number for each row: equal texts have the same, different ones count up, class by class, shuffled."""
    first: dict[str, int] = {}
    place = np.fromiter((first.setdefault(row.text, len(first)) for row in rows), np.int64, len(rows))
    label_of: dict[int, str] = {}
    for number, row in zip(place.tolist(), rows, strict=True):
        if row.label is None:
            raise InputError(f"{source}: has no labels; expected a label for every text")
        label_of.setdefault(number, row.label)
    labels = np.array([label_of[number] for number in range(len(first))])
    shuffled = generator(0, "folds").permutation(len(first))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    dealt = np.empty(len(first), np.int64)
    dealt[order] = np.arange(len(first))
    return dealt[place]


def _pair(table: Table, rows: list[Row], held: NDArray[np.bool_], name: str, *, require_all: bool = False) -> Pair:
    kept = [row for row, out in zip(rows, held.tolist(), strict=True) if not out]
    out = [row for row, out in zip(rows, held.tolist(), strict=True) if out]
    if require_all and (odd := _classes(out) - _classes(kept)):
        raise InputError(
            f"{table.source}: all texts of class {sorted(odd)[0]!r} are in {name}; each class needs two different texts"
        )
    print_ = table.fingerprint()
    return (
        MemoryTable(f"{table.source} without {name}", kept, f"{print_} without {name}"),
        MemoryTable(f"{name} of {table.source}", out, f"{print_} {name}"),
    )


def _classes(rows: Iterable[Row]) -> set[str]:
    return {str(row.label) for row in rows}


def sentence_folds(table: TaggedTable, count: int) -> list[TaggedPair]:
    """Return ``count`` pairs (all but one fold, that fold) of tagged sentences, which are held in memory.

    Raises:
        InputError: fewer than two folds, or more than there are different sentences.
    """
    sentences = list(table)
    dealt = _dealt_sentences(sentences)
    if count < 2 or count > dealt.max() + 1:
        raise InputError(
            f"expected 2 to {dealt.max() + 1} folds, as {table.source} has so many different sentences; got {count}"
        )
    numbers = dealt % count
    return [
        _tagged_pair(table, sentences, numbers == number, f"fold {number + 1} of {count}") for number in range(count)
    ]


def sentences_held_out(table: TaggedTable, share: float) -> TaggedPair:
    """Return (the other sentences, a share of them in (0, 1)), which are held in memory.

    Raises:
        InputError: a share of which there is no sentence, or nothing left to train on.
    """
    sentences = list(table)
    dealt = _dealt_sentences(sentences)
    marks = np.floor((dealt + 1) * share) > np.floor(dealt * share)
    if not marks.any() or marks.all():
        raise InputError(
            f"{100 * share:g}% of the {len(sentences)} sentences of {table.source} leaves one part without any"
        )
    return _tagged_pair(table, sentences, marks, f"{100 * share:g}%")


def _dealt_sentences(sentences: list[Sentence]) -> NDArray[np.int64]:
    """A number for each sentence, in random order: those with equal words have the same."""
    first: dict[tuple[str, ...], int] = {}
    place = np.fromiter((first.setdefault(s.words, len(first)) for s in sentences), np.int64, len(sentences))
    return generator(0, "folds").permutation(len(first))[place]


def _tagged_pair(table: TaggedTable, sentences: list[Sentence], held: NDArray[np.bool_], name: str) -> TaggedPair:
    kept, out = (
        [s for s, mark in zip(sentences, held.tolist(), strict=True) if mark == side] for side in (False, True)
    )
    return _in_memory(kept, f"{table.source} without {name}"), _in_memory(out, f"{name} of {table.source}")


def _in_memory(sentences: list[Sentence], source: str) -> MemorySentences:
    return MemorySentences([s.words for s in sentences], [s.tags or () for s in sentences], source)
