"""The `lexgrad` command and its help with examples. The work lives beside this file, imported late."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from lexgrad import __version__
from lexgrad.cli.failures import guarded
from lexgrad.cli.language_commands import COMMANDS as LANGUAGE_COMMANDS
from lexgrad.cli.options import Encoding, Field, Format, Json, Label, RunPath, Text, columns_of, flag, value
from lexgrad.cli.output import Output, use_utf8
from lexgrad.cli.plain import read_plainly
from lexgrad.cli.plots import plots
from lexgrad.cli.training_commands import COMMANDS as TRAINING_COMMANDS
from lexgrad.cli.vector_commands import COMMANDS as VECTOR_COMMANDS

SETTINGS: dict[str, Any] = {
    "rich_markup_mode": "rich",
    "pretty_exceptions_enable": False,
    "add_completion": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
app = typer.Typer(**SETTINGS)

app.add_typer(plots, name="plot")


@app.callback(invoke_without_command=True)
def lexgrad(
    context: typer.Context,
    version: Annotated[bool, flag("--version", "Print the version and exit.")] = False,
) -> None:
    """Train neural text models on the machine you have, and see through them.

    \b
    Examples:
      lexgrad train softmax builtin:python-docstrings
      lexgrad train ffnn train.csv --dev dev.csv --test test.csv
      lexgrad predict runs/ffnn-train-1 "a lovely film"
      lexgrad COMMAND --help
    """
    if version:
        print(f"lexgrad {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


for _command in TRAINING_COMMANDS:
    app.command()(_command)


@app.command()
def evaluate(
    *,
    run: RunPath,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Data as for training: a file, [b]-[/], or builtin:NAME:test.")
    ],
    text: Text = None,
    label: Label = None,
    field: Field = None,
    encoding: Encoding = None,
    format_: Format = None,
    as_json: Json = False,
) -> None:
    """Measure a trained model, as train does with --test.

    A classifier: accuracy, macro F1, loss; precision and recall by class; confusion matrix. A tagger: the same of
    words, and accuracy of unknown words. A language model: perplexity. Word vectors: loss.

    \b
    Examples:
      lexgrad evaluate runs/logistic-train-1 test.csv
      lexgrad evaluate runs/tagger-train-1 test.conllu
      lexgrad evaluate runs/logistic-train-1 builtin:python-docstrings:test --json
    """
    from lexgrad.cli.evaluate import run_evaluate

    columns = columns_of(text=text, label=label, field=field, encoding=encoding, format=format_)
    run_evaluate(run, file, columns, Output(as_json=as_json))


@app.command()
def predict(
    *,
    run: RunPath,
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="Texts to classify; standard input where there are none."),
    ] = None,
    file: Annotated[str | None, value("FILE", "A file with texts, in any format that train reads.")] = None,
    text: Text = None,
    encoding: Encoding = None,
    format_: Format = None,
) -> None:
    """Label texts. Prints one JSON object a text: {"text", "label", "probabilities"}; of a tagger {"words", "tags"}.

    Without TEXT and --file, reads standard input, one text a line, and answers as the lines come.

    \b
    Examples:
      lexgrad predict runs/logistic-train-1 "a lovely film" "two lost hours"
      lexgrad predict runs/logistic-train-1 --file new.csv > labelled.jsonl
      tail -f comments.txt | lexgrad predict runs/logistic-train-1
    """
    from lexgrad.cli.predict import run_predict

    columns = columns_of(text=text, encoding=encoding, format=format_)
    run_predict(run, texts or [], file, columns, Output())


@app.command()
def show(
    run: RunPath,
    health: Annotated[bool, flag("--health", "Show gradients, updates and dead ReLUs over the training.")] = False,
    filters: Annotated[bool, flag("--filters", "Show the n-grams that a cnn's filters answer to.")] = False,
    shifters: Annotated[
        bool, flag("--shifters", "Show which words of a dan with scope shift those after them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show a run: its configuration, its parameters with their shapes, and its metrics.

    With --health: where gradients vanished or exploded, how large updates were, and dead ReLUs, of a training that was
    watched (lexgrad train ... --watch).

    \b
    Examples:
      lexgrad show runs/logistic-train-1
      lexgrad show runs/logistic-train-1 --json
      lexgrad show runs/ffnn-train-1 --health
      lexgrad show runs/cnn-train-1 --filters
      lexgrad show runs/dan-train-1 --shifters
    """
    from lexgrad.cli.show import run_show, run_show_filters, run_show_health, run_show_shifters
    from lexgrad.errors import InputError

    asked = {run_show_health: health, run_show_filters: filters, run_show_shifters: shifters}
    chosen = [command for command, wanted in asked.items() if wanted] or [run_show]
    if len(chosen) > 1:
        raise InputError("show one at a time: --health, --filters or --shifters")
    chosen[0](run, Output(as_json=as_json))


@app.command()
def explain(
    *,
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="An expression, such as 'L = c*(a + 2*b)', or a trained RUN.")
    ],
    at: Annotated[list[str] | None, value("NAME=VALUE", "A value: a=3, W=[[1,2],[3,4]]; repeatable.")] = None,
    wrt: Annotated[str | None, value("NAME", "Differentiate in this, or in an entry: W1[0,0].")] = None,
    text: Annotated[str | None, value("TEXT", "For a run: the text whose answer is explained.")] = None,
    label: Annotated[str | None, value("LABEL", "For a run: the right label; else the one predicted.")] = None,
    format_: Annotated[
        str | None, value("NAME", "text, latex, markdown, json, html, svg; else by --out.", "--format")
    ] = None,
    out: Annotated[Path | None, value("FILE", "Write it here.")] = None,
    svg: Annotated[Path | None, value("FILE", "Write the picture here as well.")] = None,
    steps: Annotated[str, value("WHICH", "named, all, or auto: named steps where there are any.")] = "auto",
    paths: Annotated[int, value("N", "Spell out at most so many paths.", least=1)] = 8,
    check: Annotated[bool, flag("--check", "Compare with finite differences.")] = False,
) -> None:
    """Explain a number: every value, every local derivative, and the chain rule along every path.

    \b
    Examples:
      lexgrad explain "L = c*(a + 2*b)" --at a=3 --at b=1 --at c=-2 --wrt b
      lexgrad explain "d = 2*b; e = a+d; L = c*e" --at a=3 --at b=1 --at c=-2 --out L.svg
      lexgrad explain "L = sum(tanh(x @ W))" --at "x=[1,2]" --at "W=[[1,2],[3,4]]" --wrt "W[0,1]"
      lexgrad explain runs/ffnn-train-1 --text "a lovely film" --wrt "W1[0,0]"
    """
    from lexgrad.cli.explain import ExplainRequest, run_explain

    request = ExplainRequest(
        target=target,
        at=tuple(at or ()),
        wrt=wrt,
        form=format_,
        out=out,
        svg=svg,
        steps=steps,
        paths=paths,
        check=check,
        text=text,
        label=label,
    )
    run_explain(request, Output())


@app.command()
def models(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this one.")] = None,
    as_json: Json = False,
) -> None:
    """List what MODEL can be, with every setting, its default and what it means.

    \b
    Examples:
      lexgrad models
      lexgrad models ffnn
    """
    from lexgrad.cli.models import run_models

    run_models(model, Output(as_json=as_json))


@app.command()
def cache(
    clear: Annotated[bool, flag("--clear", "Remove every compiled object.")] = False,
    as_json: Json = False,
) -> None:
    """Say where compiled code is kept and how much of it there is, or remove it.

    LEXGRAD_CACHE is the folder, or off. Beyond 1 GiB, what was not used for the longest time is removed by itself.

    \b
    Examples:
      lexgrad cache
      lexgrad cache --clear
    """
    from lexgrad.cli.cache import run_cache

    run_cache(clear, Output(as_json=as_json))


for _command in (*LANGUAGE_COMMANDS, *VECTOR_COMMANDS):
    app.command()(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0; 2 after a user's mistake (one line); 130 after Ctrl-C; 1 after a bug."""
    use_utf8()
    sys.exit(guarded(lambda: _invoke(sys.argv[1:] if arguments is None else list(arguments))))


def _invoke(arguments: list[str]) -> None:
    """Parse and run. Typer's own ``main`` would end the process before `guarded` sees what was raised."""
    part = _part(arguments[0]) if arguments else None
    command: Any = typer.main.get_command(part or app)
    if part:
        read_plainly(command)
    with suppress(typer.Exit), command.make_context("lexgrad", arguments) as context:
        command.invoke(context)


def _part(name: str) -> typer.Typer | None:
    """The application with that command alone, if there is one: making all of them takes longer than many a run."""
    commands = [info for info in app.registered_commands if info.callback and info.callback.__name__ == name]
    groups = [info for info in app.registered_groups if info.name == name]
    if not commands and not groups:
        return None
    part = typer.Typer(**SETTINGS)
    part.registered_callback = app.registered_callback
    part.registered_commands, part.registered_groups = commands, groups
    return part


if __name__ == "__main__":
    main()
