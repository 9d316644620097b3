"""`lexgrad explain RUN --text ...`: one answer of a trained model, layer by layer and word by word."""

from __future__ import annotations

from pathlib import Path

from lexgrad.cli.explain import ExplainRequest, accompany, deliver, write
from lexgrad.cli.output import Output, to_json
from lexgrad.cli.reports import table
from lexgrad.errors import InputError


def run_explain_run(request: ExplainRequest, form: str, output: Output) -> None:
    """Print what the model in a run makes of one text.

    Raises:
        InputError: no text, values for an expression, or a label or weight that the model does not have.
    """
    from lexgrad.models import load
    from lexgrad.models.classifiers.base import TextClassifier
    from lexgrad.models.classifiers.explained import MEANING
    from lexgrad.models.classifiers.explanation import explain_prediction

    if request.text is None:
        raise InputError(f"{request.target} is a trained run: say which text to explain, --text 'some text'")
    if request.at:
        raise InputError("--at gives values to an expression; a run has its own")
    model = load(Path(request.target))
    if not isinstance(model, TextClassifier):
        raise InputError(f"{request.target} holds a {model.name} model; what is explained of a run is a classification")
    found = explain_prediction(
        model, request.text, label=request.label, wrt=request.wrt, steps=request.steps, paths=request.paths
    )
    accompany(found.derivation, request, output)
    if form == "text" and request.out is None:
        output.report(found.headline, "")
        for heading, rows in found.tables():
            output.report(table(heading, rows), "")
        if found.words:
            output.report(MEANING, "")
        output.report(found.derivation)
        return
    faces = {
        "text": lambda: str(found),
        "json": lambda: to_json(found.json()),
        "markdown": found.markdown,
        "html": found.html,
    }
    if form in faces:
        write(faces[form](), request.out, output)
    else:
        deliver(found.derivation, form, request.out, output)
