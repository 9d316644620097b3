"""What the commands about word vectors do: neighbours, analogies, similarity, export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexgrad.cli.output import Output
from lexgrad.cli.places import stem
from lexgrad.cli.reports import decimal, table
from lexgrad.errors import InputError
from lexgrad.models.vectors.opening import open_vectors

if TYPE_CHECKING:
    from lexgrad.models.vectors.keyed import KeyedVectors, Neighbours


def run_neighbors(place: Path, words: Sequence[str], count: int, output: Output) -> None:
    """The words nearest to each of some words."""
    vectors = open_vectors(place)
    found = dict(zip(words, vectors.neighbors([vectors.known(word) for word in words], n=count), strict=True))
    for number, (word, near) in enumerate(found.items()):
        output.report(*([""] if number else []), _ranked(word, near))
    output.result({"neighbors": {word: _as_json(near) for word, near in found.items()}})


def run_analogy(place: Path, words: Sequence[str], count: int, output: Output) -> None:
    """What is to the third word as the second is to the first."""
    if len(words) != 3:
        raise InputError(
            f"an analogy takes three words, as man king woman (king is to man as what is to woman?), or --file; "
            f"got {' '.join(words) or 'none'}"
        )
    vectors = open_vectors(place)
    a, b, c = (vectors.known(word) for word in words)
    found = vectors.analogy(a, b, c, count)
    output.report(_ranked(f"{a} is to {b} as {c} is to", found))
    output.result({"analogy": [a, b, c], "answers": _as_json(found)})


def run_analogies(place: Path, file: str, most: int, output: Output) -> None:
    """Accuracy on a file of analogies, by section."""
    found = open_vectors(place).evaluate_analogies(file, most)
    rows = [*found["sections"].items(), ("all", found)]
    heading = ("section", "accuracy", "correct", "questions", "without a vector")
    output.report(table(heading, [(name or "-", *_tally(row)) for name, row in rows]))
    output.result(found)


def run_similarity(place: Path, items: Sequence[str], output: Output) -> None:
    """Spearman's correlation with a file of people's judgements, or the cosine of two words."""
    if len(items) not in (1, 2):
        raise InputError(f"similarity takes one file of pairs, or two words; got {' '.join(items)}")
    vectors = open_vectors(place)
    if len(items) == 2:
        first, second = (vectors.known(word) for word in items)
        cosine = vectors.similarity(first, second)
        output.report(f"{first} and {second}: cosine {decimal(cosine)}")
        output.result({"words": [first, second], "similarity": cosine})
        return
    found = vectors.evaluate_pairs(items[0])
    missing = f" ({found['missing']:,} more without a vector)" if found["missing"] else ""
    output.report(f"{items[0]}: Spearman {decimal(found['spearman'])} over {found['pairs']:,} pairs{missing}")
    output.result(found)


def run_export(place: Path, form: str, out: Path | None, output: Output) -> None:
    """The vectors of a run as a file of another tool."""
    from lexgrad.text.vector_files import FORMS

    vectors = open_vectors(place)
    target = out or Path(stem(str(place)) + FORMS.get(form, ""))
    left = vectors.save(target, form)
    count = len(vectors) - len(left)
    if left:
        shown = ", ".join(map(repr, left[:5])) + (", ..." if len(left) > 5 else "")
        output.note(f"left out, for white space ends a word in this form: {shown}")
    output.report(f"{count:,} vectors of {vectors.width} numbers: written to {target}")
    output.result({"file": str(target), "form": form, "words": count, "width": vectors.width, "left_out": left})


def plot_vectors(place: Path, words: Sequence[str], out: Path, output: Output) -> None:
    """A picture of words."""
    from lexgrad import plot
    from lexgrad.cli.plot import deliver
    from lexgrad.plot.canvas import check_suffix

    check_suffix(out)
    vectors: KeyedVectors = open_vectors(place)
    deliver(plot.vectors(vectors, [vectors.known(word) for word in words]), out, output)


def _ranked(title: str, near: Neighbours) -> Any:
    return table((title, "cosine"), [(word, decimal(cosine)) for word, cosine in near])


def _as_json(near: Neighbours) -> list[dict[str, Any]]:
    return [{"word": word, "cosine": cosine} for word, cosine in near]


def _tally(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (decimal(row["accuracy"]), *(f"{row[key]:,}" for key in ("correct", "questions", "missing")))
