"""`lexgrad explain`: an expression, or a trained model's answer, with every number and the chain rule behind it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexgrad.cli.output import Output, to_json
from lexgrad.errors import InputError, suggest
from lexgrad.files import write_text_whole

if TYPE_CHECKING:
    from lexgrad.explain.derivation import Derivation

FORMATS: dict[str, Callable[[Derivation], str]] = {
    "latex": lambda derivation: derivation.latex(document=True),
    "markdown": lambda derivation: derivation.markdown(),
    "json": lambda derivation: to_json(derivation.json()) + "\n",
    "html": lambda derivation: derivation.html(),
    "svg": lambda derivation: derivation.svg(),
}
SUFFIXES = {".tex": "latex", ".md": "markdown", ".json": "json", ".html": "html", ".svg": "svg", ".txt": "text"}


@dataclass(frozen=True)
class ExplainRequest:
    """What `lexgrad explain` was asked for.

    Attributes:
        target: an expression, or the directory of a run.
        at: values, ``NAME=VALUE`` each.
        wrt: what to differentiate in, or None.
        form: text, latex, markdown, json, html or svg; None: by the suffix of ``out``, else text.
        out: a file to write to, or None.
        svg: a file for the picture besides, or None.
        steps: "auto", "named" or "all".
        paths: how many paths to spell out.
        check: whether to compare with finite differences.
        text: for a run: the text whose answer is explained.
        label: for a run: the right label, if it is known.
    """

    target: str
    at: tuple[str, ...] = ()
    wrt: str | None = None
    form: str | None = None
    out: Path | None = None
    svg: Path | None = None
    steps: str = "auto"
    paths: int = 8
    check: bool = False
    text: str | None = None
    label: str | None = None


def run_explain(request: ExplainRequest, output: Output) -> None:
    """Print the explanation, or write it to a file.

    Raises:
        InputError: an expression that is not understood, a missing value, an unknown format, a run without a text.
    """
    form = _form(request)
    # os.path says False of what can be no path at all, where Path would raise.
    if request.text is not None or os.path.isdir(request.target):
        from lexgrad.cli.explain_run import run_explain_run

        run_explain_run(request, form, output)
        return
    if request.label is not None:
        raise InputError("--label is for runs: lexgrad explain RUN --text '...' --label good")
    derivation = _of_expression(request)
    accompany(derivation, request, output)
    deliver(derivation, form, request.out, output)


def accompany(derivation: Derivation, request: ExplainRequest, output: Output) -> None:
    """What is asked for besides: a comparison with finite differences, a picture."""
    if request.check:
        derivation.check(say=output.note)
    if request.svg is not None:
        write(derivation.svg(), request.svg, output)


def deliver(derivation: Derivation, form: str, out: Path | None, output: Output) -> None:
    """Print a derivation in a format, or write it to a file."""
    if form == "text" and out is None:
        output.report(derivation)
        return
    written = f"{derivation}\n" if form == "text" else FORMATS[form](derivation)
    write(written, out, output)


def write(text: str, out: Path | None, output: Output) -> None:
    """Text to standard output, or whole to a file."""
    if out is None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
        return
    write_text_whole(out, text)
    output.note(f"written to {out}")


def _form(request: ExplainRequest) -> str:
    known = ("text", *FORMATS)
    if request.form is not None:
        if request.form not in known:
            raise InputError(
                f"--format is one of {', '.join(known)}; got {request.form!r}{suggest(request.form, known)}"
            )
        return request.form
    return "text" if request.out is None else SUFFIXES.get(request.out.suffix.lower(), "text")


def _of_expression(request: ExplainRequest) -> Derivation:
    from lexgrad.explain import explain
    from lexgrad.explain.expressions import parse_expression

    values = values_of(request.at)
    target = parse_expression(request.target, values)
    _require_values(target, values)
    return explain(target, request.wrt, at=values, steps=request.steps, paths=request.paths)  # type: ignore[arg-type]


def values_of(items: Sequence[str]) -> dict[str, Any]:
    """What ``--at NAME=VALUE``, given any number of times, says.

    Raises:
        InputError: an item of another form, or a name that is given twice.
    """
    from lexgrad.explain.expressions import parse_value

    values: dict[str, Any] = {}
    for item in items:
        name, sign, text = item.partition("=")
        name = name.strip()
        if not sign or not name:
            raise InputError(f"--at is NAME=VALUE, as a=3 or W=[[1,2],[3,4]]; got {item!r:.60}")
        if name in values:
            raise InputError(f"--at gives {name} twice")
        values[name] = parse_value(text, name)
    return values


def _require_values(target: Any, values: Mapping[str, Any]) -> None:
    """Raise InputError that says how to give what is missing; what only given steps need may be missing."""
    from lexgrad.graph import INPUT, topological

    nodes = topological([target])
    needed = {operand for node in nodes if node.name not in values for operand in node.inputs}
    missing = [n.name for n in nodes if n.primitive is INPUT and n.name not in values and (n in needed or n is target)]
    if missing:
        raise InputError(f"{_listed(missing)} no value: give {' '.join(f'--at {name}=...' for name in missing)}")


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'has' if len(names) == 1 else 'have'}"
