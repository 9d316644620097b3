"""`lexgrad explain RUN --text ...`: one answer of a trained model, layer by layer and word by word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lexgrad.cli.explain import ExplainRequest, accompany, deliver, write
from lexgrad.cli.output import Output, to_json
from lexgrad.cli.reports import decimal, table
from lexgrad.errors import InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lexgrad.models.explanation import Explanation, Word

WORDS = ("token", "gradient × input", "leave-one-out")
MEANING = (
    "Gradient × input is the part of the loss that the token answers for, to first order; leave-one-out is how much "
    "the loss falls without it. Positive: it speaks against the label."
)


def run_explain_run(request: ExplainRequest, form: str, output: Output) -> None:
    """Print what the model in a run makes of one text.

    Raises:
        InputError: no text, values for an expression, or a label or weight that the model does not have.
    """
    from lexgrad.models import load
    from lexgrad.models.explanation import explain_prediction

    if request.text is None:
        raise InputError(f"{request.target} is a trained run: say which text to explain, --text 'some text'")
    if request.at:
        raise InputError("--at gives values to an expression; a run has its own")
    model = load(Path(request.target))
    found = explain_prediction(
        model, request.text, label=request.label, wrt=request.wrt, steps=request.steps, paths=request.paths
    )
    accompany(found.derivation, request, output)
    if form == "text" and request.out is None:
        output.report(*_report(found))
        output.report(found.derivation)
    elif form == "json":
        write(to_json(found.json()), request.out, output)
    elif form == "markdown":
        write(_markdown(found), request.out, output)
    else:
        deliver(found.derivation, form, request.out, output)


def _report(found: Explanation) -> Iterator[RenderableType]:
    yield f"{found.model}: {found.predicted} ({decimal(found.probabilities[found.predicted])})"
    yield _about(found)
    yield ""
    if found.words:
        yield table(WORDS, [_row(word) for word in found.words])
        yield MEANING
        yield ""


def _about(found: Explanation) -> str:
    chance = decimal(found.probabilities[found.label])
    return f"loss of {found.label!r}: L = -log {chance} = {decimal(found.loss)}"


def _row(word: Word) -> tuple[str, str, str]:
    token = word.token if word.known else f"{word.token} (unknown)"
    return token, _signed(word.gradient_x_input), _signed(word.leave_one_out)


def _signed(value: float) -> str:
    return f"{round(value, 4) + 0.0:+.4f}"  # + 0.0: no minus before a zero


def _markdown(found: Explanation) -> str:
    lines = [
        f"**{found.model}: {found.predicted}**, {_about(found)}",
        "",
        f"| {' | '.join(WORDS)} |",
        "| --- | --: | --: |",
    ]
    for word in found.words:
        token, *numbers = _row(word)
        lines.append(f"| {_plain(token)} | {' | '.join(numbers)} |")
    return "\n".join([*lines, "", MEANING, "", found.derivation.markdown()])


def _plain(token: str) -> str:
    """A token as Markdown shows it as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#|$~" else letter for letter in token)
