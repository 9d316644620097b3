"""The `lexgrad` command: options, and help with examples. The work lives beside this file, imported late."""

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
from lexgrad.cli.output import Output, use_utf8
from lexgrad.cli.plots import plots
from lexgrad.cli.vector_commands import COMMANDS as VECTOR_COMMANDS

app = typer.Typer(
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


app.add_typer(plots, name="plot")


def _value(metavar: str, help_: str, *names: str, least: int | None = None) -> Any:
    """An option that takes a value."""
    return typer.Option(*names, metavar=metavar, help=help_, min=least)


def _flag(name: str, help_: str) -> Any:
    """An option that is there or not; without a metavar, help would show it as if it took a value."""
    return typer.Option(name, metavar="", help=help_)


RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A directory that [b]train[/] made.")]
Text = Annotated[str | None, _value("COL", "Column with the texts; else the one called text.")]
Label = Annotated[str | None, _value("COL", "Column with the labels; else the one called label.")]
Field = Annotated[
    str | None, _value("COL", "For taggers: the column of CoNLL-U with the tags, such as xpos; else upos.", "--field")
]
Encoding = Annotated[str | None, _value("NAME", "Such as cp1252; [b]detect[/] accepts a guess; else UTF-8.")]
Format = Annotated[
    str | None, _value("NAME", "csv, tsv, jsonl, parquet, txt, fasttext, conllu, tagged; else by the name.", "--format")
]
Json = Annotated[bool, _flag("--json", "Print one JSON object; all else goes to standard error.")]


@app.callback(invoke_without_command=True)
def lexgrad(
    context: typer.Context,
    version: Annotated[bool, _flag("--version", "Print the version and exit.")] = False,
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


@app.command()
def train(
    *,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="One of those that [b]lexgrad models[/] lists.")],
    train: Annotated[str, typer.Argument(metavar="TRAIN", help="Texts with labels: a file, [b]-[/], or builtin:NAME.")],
    dev: Annotated[
        str | None, _value("FILE", "Texts to watch in training; the best epoch is kept. Or a share of TRAIN: 10%.")
    ] = None,
    test: Annotated[str | None, _value("FILE", "Texts to measure the trained model on.")] = None,
    text: Text = None,
    label: Label = None,
    field: Field = None,
    out: Annotated[Path | None, _value("DIR", "Where to save; else runs/MODEL-TRAIN-1, -2, ...")] = None,
    epochs: Annotated[int | None, _value("N", "Passes over the texts.", least=1)] = None,
    batch: Annotated[int | None, _value("N", "Texts in a mini-batch.", least=1)] = None,
    seed: Annotated[int | None, _value("N", "Fixes first weights, order and dropout.", least=0)] = None,
    threads: Annotated[int | None, _value("N", "Processor threads.", least=1)] = None,
    precision: Annotated[str | None, _value("NAME", "fp32 (if not given), fp64; bf16 with AMX or AVX512-BF16.")] = None,
    vectors: Annotated[str | None, _value("FILE", "Word vectors to begin with: word2vec, GloVe, ...")] = None,
    settings: Annotated[Path | None, _value("FILE", "Settings as TOML; --set and options override it.")] = None,
    set_: Annotated[list[str] | None, _value("NAME=VALUE", "Any setting of the model; repeatable.", "--set")] = None,
    encoding: Encoding = None,
    format_: Format = None,
    folds: Annotated[
        int | None, _value("K", "Cross-validate: train K times, each time without one fold.", least=2)
    ] = None,
    seeds: Annotated[int | None, _value("N", "Train with N seeds, from --seed on.", least=1)] = None,
    watch: Annotated[bool, _flag("--watch", "Measure the training's health, for [b]show --health[/].")] = False,
    resume: Annotated[bool, _flag("--resume", "Continue a run that was interrupted.")] = False,
    overwrite: Annotated[bool, _flag("--overwrite", "Replace the run that is there.")] = False,
    as_json: Json = False,
    quiet: Annotated[bool, _flag("--quiet", "Say nothing; print only where the run is.")] = False,
) -> None:
    """Train a model on labelled texts, and save it as a run.

    \b
    Examples:
      lexgrad train softmax builtin:python-docstrings
      lexgrad train softmax train.csv --dev dev.csv --test test.csv
      lexgrad train ffnn reviews.tsv --text review --label stars --epochs 5
      lexgrad train ffnn train.csv --set units=200 --set dropout=0.3
      lexgrad train logistic train.csv --set ngrams=1,2 --set l2=1e-5
      lexgrad train ffnn train.csv --settings mine.toml
      lexgrad train ffnn train.csv --folds 10 --dev 10%
      lexgrad train ffnn train.csv --dev dev.csv --seeds 3
      lexgrad train tagger train.conllu.gz --dev dev.conllu --field xpos
      lexgrad train ffnn train.csv --watch
      lexgrad train ffnn train.csv --out runs/mine --resume
    """
    from lexgrad.cli.train import TrainRequest, run_train

    options = {
        "epochs": epochs,
        "batch": batch,
        "seed": seed,
        "threads": threads,
        "precision": precision,
        "vectors": vectors,
        "watch": 0 if watch else None,
    }
    columns = _columns(text=text, label=label, field=field, encoding=encoding, format=format_)
    request = TrainRequest(
        model=model,
        train=train,
        dev=dev,
        test=test,
        columns=columns,
        out=out,
        options=options,
        settings=tuple(set_ or ()),
        settings_file=settings,
        resume=resume,
        overwrite=overwrite,
        folds=folds,
        seeds=seeds,
    )
    run_train(request, Output(as_json=as_json, quiet=quiet))


@app.command()
def tune(
    *,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="One of those that [b]lexgrad models[/] lists.")],
    train: Annotated[str, typer.Argument(metavar="TRAIN", help="Texts with labels: a file, [b]-[/], or builtin:NAME.")],
    dev: Annotated[str | None, _value("FILE", "Texts that trials are measured on, or a share of TRAIN: 10%.")] = None,
    folds: Annotated[
        int | None, _value("K", "Without --dev: cross-validate each trial; 5 if not given.", least=2)
    ] = None,
    trials: Annotated[int | None, _value("N", "Stop after N trials in all; else 30, or --minutes.", least=1)] = None,
    minutes: Annotated[float | None, _value("M", "Stop after so many minutes.", least=0)] = None,
    space: Annotated[
        list[str] | None, _value("NAME=SPACE", "low..high, low..high:log, low..high:step or a,b,c; repeatable.")
    ] = None,
    only: Annotated[bool, _flag("--only", "Search the --space given, and not the model's own.")] = False,
    metric: Annotated[str, _value("NAME", "What is searched for: accuracy, macro_f1 or loss.")] = "accuracy",
    text: Text = None,
    label: Label = None,
    out: Annotated[Path | None, _value("DIR", "Where to keep the search; else runs/MODEL-TRAIN-tune-1, ...")] = None,
    epochs: Annotated[int | None, _value("N", "Passes over the texts.", least=1)] = None,
    batch: Annotated[int | None, _value("N", "Texts in a mini-batch.", least=1)] = None,
    seed: Annotated[int | None, _value("N", "Of the model and of the proposals.", least=0)] = None,
    threads: Annotated[int | None, _value("N", "Processor threads.", least=1)] = None,
    precision: Annotated[str | None, _value("NAME", "fp32 (if not given), fp64; bf16 with AMX or AVX512-BF16.")] = None,
    vectors: Annotated[str | None, _value("FILE", "Word vectors to begin with: word2vec, GloVe, ...")] = None,
    settings: Annotated[Path | None, _value("FILE", "Settings as TOML that are the same in all trials.")] = None,
    set_: Annotated[
        list[str] | None, _value("NAME=VALUE", "A setting that is the same in all; repeatable.", "--set")
    ] = None,
    encoding: Encoding = None,
    format_: Format = None,
    resume: Annotated[bool, _flag("--resume", "Go on with a search, or join one that runs.")] = False,
    overwrite: Annotated[bool, _flag("--overwrite", "Replace the search that is there.")] = False,
    as_json: Json = False,
    quiet: Annotated[bool, _flag("--quiet", "Say nothing; print only where the best run is.")] = False,
) -> None:
    """Search for the settings of a model that do best on a dev set, or in cross-validation.

    Learning rate, optimiser, sizes, dropout and others are tried, in spaces that suit the model; the defaults first.
    Trials that fall behind are stopped early. The study is kept, and several commands may work on it at once.

    \b
    Examples:
      lexgrad tune ffnn train.csv --dev dev.csv
      lexgrad tune softmax train.csv --metric macro_f1 --minutes 10
      lexgrad tune ffnn train.csv --dev 10% --space dropout=0..0.7 --space units=50..400:50 --only
      lexgrad tune ffnn train.csv --dev dev.csv --space learning_rate=1e-4..1e-1:log --trials 100
      lexgrad tune ffnn train.csv --dev dev.csv --out runs/ffnn-train-tune-1 --resume
    """
    from lexgrad.cli.tune import TuneRequest, run_tune

    request = TuneRequest(
        model=model,
        train=train,
        dev=dev,
        folds=folds,
        columns=_columns(text=text, label=label, encoding=encoding, format=format_),
        spaces=tuple(space or ()),
        only=only,
        trials=trials,
        minutes=minutes,
        metric=metric,
        out=out,
        options={
            "epochs": epochs,
            "batch": batch,
            "seed": seed,
            "threads": threads,
            "precision": precision,
            "vectors": vectors,
        },
        settings=tuple(set_ or ()),
        settings_file=settings,
        resume=resume,
        overwrite=overwrite,
    )
    run_tune(request, Output(as_json=as_json, quiet=quiet))


@app.command()
def evaluate(
    *,
    run: RunPath,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Texts with labels: a file, [b]-[/], or builtin:NAME:test.")
    ],
    text: Text = None,
    label: Label = None,
    field: Field = None,
    encoding: Encoding = None,
    format_: Format = None,
    as_json: Json = False,
) -> None:
    """Measure a trained model: accuracy, macro F1, loss; precision and recall by class; confusion matrix.

    \b
    Examples:
      lexgrad evaluate runs/logistic-train-1 test.csv
      lexgrad evaluate runs/logistic-train-1 builtin:python-docstrings:test --json
    """
    from lexgrad.cli.evaluate import run_evaluate

    columns = _columns(text=text, label=label, field=field, encoding=encoding, format=format_)
    run_evaluate(run, file, columns, Output(as_json=as_json))


@app.command()
def predict(
    *,
    run: RunPath,
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="Texts to classify; standard input where there are none."),
    ] = None,
    file: Annotated[str | None, _value("FILE", "A file with texts, in any format that train reads.")] = None,
    text: Text = None,
    encoding: Encoding = None,
    format_: Format = None,
) -> None:
    """Label texts. Prints one JSON object a text: {"text", "label", "probabilities"}.

    Without TEXT and --file, reads standard input, one text a line, and answers as the lines come.

    \b
    Examples:
      lexgrad predict runs/logistic-train-1 "a lovely film" "two lost hours"
      lexgrad predict runs/logistic-train-1 --file new.csv > labelled.jsonl
      tail -f comments.txt | lexgrad predict runs/logistic-train-1
    """
    from lexgrad.cli.predict import run_predict

    columns = _columns(text=text, encoding=encoding, format=format_)
    run_predict(run, texts or [], file, columns, Output())


@app.command()
def show(
    run: RunPath,
    health: Annotated[bool, _flag("--health", "Show gradients, updates and dead ReLUs over the training.")] = False,
    filters: Annotated[bool, _flag("--filters", "Show the n-grams that a cnn's filters answer to.")] = False,
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
    """
    from lexgrad.cli.show import run_show, run_show_filters, run_show_health
    from lexgrad.errors import InputError

    if health and filters:
        raise InputError("show one at a time: --health or --filters")
    (run_show_health if health else run_show_filters if filters else run_show)(run, Output(as_json=as_json))


@app.command()
def explain(
    *,
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="An expression, such as 'L = c*(a + 2*b)', or a trained RUN.")
    ],
    at: Annotated[list[str] | None, _value("NAME=VALUE", "A value: a=3, W=[[1,2],[3,4]]; repeatable.")] = None,
    wrt: Annotated[str | None, _value("NAME", "Differentiate in this, or in an entry: W1[0,0].")] = None,
    text: Annotated[str | None, _value("TEXT", "For a run: the text whose answer is explained.")] = None,
    label: Annotated[str | None, _value("LABEL", "For a run: the right label; else the one predicted.")] = None,
    format_: Annotated[
        str | None, _value("NAME", "text, latex, markdown, json, html, svg; else by --out.", "--format")
    ] = None,
    out: Annotated[Path | None, _value("FILE", "Write it here.")] = None,
    svg: Annotated[Path | None, _value("FILE", "Write the picture here as well.")] = None,
    steps: Annotated[str, _value("WHICH", "named, all, or auto: named steps where there are any.")] = "auto",
    paths: Annotated[int, _value("N", "Spell out at most so many paths.", least=1)] = 8,
    check: Annotated[bool, _flag("--check", "Compare with finite differences.")] = False,
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
    clear: Annotated[bool, _flag("--clear", "Remove every compiled object.")] = False,
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


def _columns(**given: str | None) -> dict[str, str]:
    """The options that say how a file is read, without those that were not given."""
    return {name: value for name, value in given.items() if value is not None}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0; 2 after a user's mistake (one line); 130 after Ctrl-C; 1 after a bug."""
    use_utf8()
    sys.exit(guarded(lambda: _invoke(sys.argv[1:] if arguments is None else list(arguments))))


def _invoke(arguments: list[str]) -> None:
    """Parse and run. Typer's own ``main`` would end the process before `guarded` sees what was raised."""
    command: Any = typer.main.get_command(app)
    with suppress(typer.Exit), command.make_context("lexgrad", arguments) as context:
        command.invoke(context)


if __name__ == "__main__":
    main()
