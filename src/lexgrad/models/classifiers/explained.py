"""One answer of a model, explained, and its faces: text, Markdown, HTML and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from lexgrad.explain import Derivation

HEADING = ("token", "gradient × input", "leave-one-out")
NGRAMS = ("n-gram", "gradient × input")
HEAD = 'th scope="col"'
SHOWN = 10  # n-grams in tables
MEANING = (
    "Gradient × input is the part of the loss that the token answers for, to first order; leave-one-out is how much "
    "the loss falls without it. Positive: it speaks against the label."
)


@dataclass(frozen=True)
class Word:
    """One token of a text and its part in the loss.

    Attributes:
        token: as the model reads it.
        known: whether it is in the model's vocabulary.
        gradient_x_input: Σ of input · ∂L/∂input over the inputs that the token brings: what the loss would lose, to
            first order, if they went to 0 (Denil et al., "Extraction of salient sentences from labelled documents",
            2014). Positive: the token speaks against the label.
        leave_one_out: L(text) - L(text without the token), from a prediction of its own (Li, Monroe and Jurafsky,
            "Understanding neural networks through representation erasure", 2016). The sign is the same.
    """

    token: str
    known: bool
    gradient_x_input: float
    leave_one_out: float

    @property
    def cells(self) -> tuple[str, str, str]:
        """The token and both numbers, as tables show them."""
        token = self.token if self.known else f"{self.token} (unknown)"
        return token, _signed(self.gradient_x_input), _signed(self.leave_one_out)


@dataclass(frozen=True)
class Ngram:
    """Neighbouring words that the model knows as one feature.

    Attributes:
        ngram: the words.
        gradient_x_input: of this feature alone, which its words' numbers hold in equal parts; see ``Word``.
    """

    ngram: str
    gradient_x_input: float

    @property
    def cells(self) -> tuple[str, str]:
        """The n-gram and its number, as tables show them."""
        return self.ngram, _signed(self.gradient_x_input)


@dataclass(frozen=True)
class Explanation:
    """One text, one answer, and where it comes from.

    Attributes:
        model: which kind of model.
        text: what was asked.
        label: the label whose loss is explained.
        predicted: the most probable label.
        probabilities: of every label.
        words: the tokens of the text, in order.
        ngrams: features of two and more words, those that answer for most first; only of models of n-grams.
        derivation: of the loss in the parameters, or in the one asked for.
    """

    model: str
    text: str
    label: str
    predicted: str
    probabilities: dict[str, float]
    words: tuple[Word, ...]
    ngrams: tuple[Ngram, ...]
    derivation: Derivation

    @property
    def loss(self) -> float:
        """-log of the probability of ``label``."""
        return float(self.derivation.target.value)

    @property
    def headline(self) -> str:
        """What the model says, and the loss that is explained."""
        chance, sure = self.probabilities[self.label], self.probabilities[self.predicted]
        return (
            f"{self.model}: {self.predicted} ({sure:.4f}); loss of {self.label!r}: -log {chance:.4f} = {self.loss:.4f}"
        )

    def json(self) -> dict[str, Any]:
        """An object of Python's own types; docs/explain.md lists the keys."""
        return {
            "model": self.model,
            "text": self.text,
            "label": self.label,
            "predicted": self.predicted,
            "probabilities": self.probabilities,
            "loss": self.loss,
            "words": [vars(word) for word in self.words],
            **({"ngrams": [vars(ngram) for ngram in self.ngrams]} if self.ngrams else {}),
            **self.derivation.json(),
        }

    def markdown(self) -> str:
        """The words as a table, then the derivation."""
        tables = "".join(
            f"| {' | '.join(heading)} |\n| --- |{' --: |' * (len(heading) - 1)}\n"
            + "".join(f"| {' | '.join(map(_plain, row))} |\n" for row in rows)
            + "\n"
            for heading, rows in self.tables()
        )
        meaning = f"{MEANING}\n\n" if tables else ""
        return f"**{_plain(self.headline)}**\n\n{tables}{meaning}{self.derivation.markdown()}"

    def html(self) -> str:
        """A page of its own: the graph to go through step by step, the words, the mathematics; needs no network."""
        return self.derivation.html(self._words_html())

    def __str__(self) -> str:
        lines: list[str] = []
        for heading, rows in self.tables():
            width = max(len(row[0]) for row in rows)
            for first, *numbers in (heading, *rows):
                cells = [f"{cell:>{len(name) + 1}}" for cell, name in zip(numbers, heading[1:], strict=True)]
                lines.append(f"  {first.ljust(width)} {' '.join(cells)}")
        lines += [MEANING, ""] if lines else []
        return "\n".join([self.headline, "", *lines, str(self.derivation)])

    def _repr_html_(self) -> str:
        return self._words_html() + self.derivation._repr_html_()

    def tables(self) -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
        """The tables that have rows: their headings, and their rows as text."""
        words: list[tuple[str, ...]] = [word.cells for word in self.words]
        ngrams: list[tuple[str, ...]] = [ngram.cells for ngram in self.ngrams[:SHOWN]]
        return [(heading, rows) for heading, rows in ((HEADING, words), (NGRAMS, ngrams)) if rows]

    def _words_html(self) -> str:
        tables = "".join(
            f"<table><thead>{_row(heading, HEAD)}</thead><tbody>{''.join(map(_row, rows))}</tbody></table>"
            for heading, rows in self.tables()
        )
        meaning = f"<p>{MEANING}</p>" if tables else ""
        return f"<p><strong>{escape(self.headline)}</strong></p>{tables}{meaning}"


def _row(cells: Sequence[str], tag: str = "td") -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag.split(maxsplit=1)[0]}>' for cell in cells)}</tr>"


def _signed(value: float) -> str:
    return f"{round(value, 4) + 0.0:+.4f}"  # + 0.0: no minus before a zero


def _plain(token: str) -> str:
    """Text as Markdown shows it as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#|$~" else letter for letter in token)
