"""One answer of a model, explained, and its faces: text, Markdown, HTML and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from lexgrad.explain import Derivation

HEADING = ("token", "gradient × input", "leave-one-out")
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
class Explanation:
    """One text, one answer, and where it comes from.

    Attributes:
        model: which kind of model.
        text: what was asked.
        label: the label whose loss is explained.
        predicted: the most probable label.
        probabilities: of every label.
        words: the tokens of the text, in order.
        derivation: of the loss in the parameters, or in the one asked for.
    """

    model: str
    text: str
    label: str
    predicted: str
    probabilities: dict[str, float]
    words: tuple[Word, ...]
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
            **self.derivation.json(),
        }

    def markdown(self) -> str:
        """The words as a table, then the derivation."""
        rows = [f"| {' | '.join(map(_plain, word.cells))} |\n" for word in self.words]
        table = f"| {' | '.join(HEADING)} |\n| --- | --: | --: |\n{''.join(rows)}\n{MEANING}\n\n" if rows else ""
        return f"**{_plain(self.headline)}**\n\n{table}{self.derivation.markdown()}"

    def html(self) -> str:
        """A page of its own: the graph to go through step by step, the words, the mathematics; needs no network."""
        return self.derivation.html(self._words_html())

    def __str__(self) -> str:
        width = max((len(word.cells[0]) for word in self.words), default=0)
        lines = [f"  {name.ljust(width)} {left:>17} {right:>14}" for name, left, right in (w.cells for w in self.words)]
        if lines:
            lines = [f"  {HEADING[0].ljust(width)} {HEADING[1]:>17} {HEADING[2]:>14}", *lines, MEANING]
        return "\n".join([self.headline, "", *lines, *([""] if lines else []), str(self.derivation)])

    def _repr_html_(self) -> str:
        return self._words_html() + self.derivation._repr_html_()

    def _words_html(self) -> str:
        rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in word.cells)}</tr>" for word in self.words)
        head = "".join(f'<th scope="col">{cell}</th>' for cell in HEADING)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><p>{MEANING}</p>" if rows else ""
        return f"<p><strong>{escape(self.headline)}</strong></p>{table}"


def _signed(value: float) -> str:
    return f"{round(value, 4) + 0.0:+.4f}"  # + 0.0: no minus before a zero


def _plain(token: str) -> str:
    """Text as Markdown shows it as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#|$~" else letter for letter in token)
