"""The commands that train: `train` and `tune`, with their options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from lexgrad.cli.options import (
    Batch,
    Encoding,
    Epochs,
    Field,
    Format,
    Json,
    Label,
    Precision,
    Text,
    Threads,
    Train,
    Vectors,
    columns_of,
    flag,
    value,
)
from lexgrad.cli.output import Output


def train(
    *,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="One of those that [b]lexgrad models[/] lists.")],
    train: Train,
    dev: Annotated[
        str | None, value("FILE", "Texts to watch in training; the best epoch is kept. Or a share of TRAIN: 10%.")
    ] = None,
    test: Annotated[str | None, value("FILE", "Texts to measure the trained model on.")] = None,
    text: Text = None,
    label: Label = None,
    field: Field = None,
    out: Annotated[Path | None, value("DIR", "Where to save; else runs/MODEL-TRAIN-1, -2, ...")] = None,
    epochs: Epochs = None,
    batch: Batch = None,
    seed: Annotated[int | None, value("N", "Fixes first weights, order and dropout.", least=0)] = None,
    threads: Threads = None,
    precision: Precision = None,
    vectors: Vectors = None,
    settings: Annotated[Path | None, value("FILE", "Settings as TOML; --set and options override it.")] = None,
    set_: Annotated[list[str] | None, value("NAME=VALUE", "Any setting of the model; repeatable.", "--set")] = None,
    encoding: Encoding = None,
    format_: Format = None,
    folds: Annotated[
        int | None, value("K", "Cross-validate: train K times, each time without one fold.", least=2)
    ] = None,
    seeds: Annotated[int | None, value("N", "Train with N seeds, from --seed on.", least=1)] = None,
    watch: Annotated[bool, flag("--watch", "Measure the training's health, for [b]show --health[/].")] = False,
    resume: Annotated[bool, flag("--resume", "Continue a run that was interrupted.")] = False,
    overwrite: Annotated[bool, flag("--overwrite", "Replace the run that is there.")] = False,
    as_json: Json = False,
    quiet: Annotated[bool, flag("--quiet", "Say nothing; print only where the run is.")] = False,
) -> None:
    """Train a classifier, tagger, language model or word vectors, and save it as a run.

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
      lexgrad train lstm-lm news.txt --dev dev.txt --test test.txt --set tied=true
      lexgrad train word2vec "wiki/*.txt.gz"
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
    columns = columns_of(text=text, label=label, field=field, encoding=encoding, format=format_)
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


def tune(
    *,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="One of those that [b]lexgrad models[/] lists.")],
    train: Train,
    dev: Annotated[str | None, value("FILE", "Texts that trials are measured on, or a share of TRAIN: 10%.")] = None,
    folds: Annotated[
        int | None, value("K", "Without --dev: cross-validate each trial; 5 if not given.", least=2)
    ] = None,
    trials: Annotated[int | None, value("N", "Stop after N trials in all; else 30, or --minutes.", least=1)] = None,
    minutes: Annotated[float | None, value("M", "Stop after so many minutes.", least=0)] = None,
    space: Annotated[
        list[str] | None, value("NAME=SPACE", "low..high, low..high:log, low..high:step or a,b,c; repeatable.")
    ] = None,
    only: Annotated[bool, flag("--only", "Search the --space given, and not the model's own.")] = False,
    metric: Annotated[
        str | None, value("NAME", "What is searched for: accuracy, macro_f1 or loss; of language models perplexity.")
    ] = None,
    text: Text = None,
    label: Label = None,
    out: Annotated[Path | None, value("DIR", "Where to keep the search; else runs/MODEL-TRAIN-tune-1, ...")] = None,
    epochs: Epochs = None,
    batch: Batch = None,
    seed: Annotated[int | None, value("N", "Of the model and of the proposals.", least=0)] = None,
    threads: Threads = None,
    precision: Precision = None,
    vectors: Vectors = None,
    settings: Annotated[Path | None, value("FILE", "Settings as TOML that are the same in all trials.")] = None,
    set_: Annotated[
        list[str] | None, value("NAME=VALUE", "A setting that is the same in all; repeatable.", "--set")
    ] = None,
    encoding: Encoding = None,
    format_: Format = None,
    resume: Annotated[bool, flag("--resume", "Go on with a search, or join one that runs.")] = False,
    overwrite: Annotated[bool, flag("--overwrite", "Replace the search that is there.")] = False,
    as_json: Json = False,
    quiet: Annotated[bool, flag("--quiet", "Say nothing; print only where the best run is.")] = False,
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
      lexgrad tune lstm-lm news.txt --dev dev.txt --space dropout=0..0.5
    """
    from lexgrad.cli.tune import TuneRequest, run_tune

    request = TuneRequest(
        model=model,
        train=train,
        dev=dev,
        folds=folds,
        columns=columns_of(text=text, label=label, encoding=encoding, format=format_),
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


COMMANDS: tuple[Callable[..., None], ...] = (train, tune)
