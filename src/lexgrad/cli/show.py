"""`lexgrad show`: what is in a run directory, without training or predicting anything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from lexgrad.cli.output import Output
from lexgrad.cli.progress import counted
from lexgrad.cli.reports import decimal, table
from lexgrad.cli.settings import as_text
from lexgrad.errors import InputError
from lexgrad.experiments.repeats import RESULTS
from lexgrad.experiments.search import STUDY
from lexgrad.models.storage import ENCODER
from lexgrad.train.run import CHECKPOINT, CONFIG, MODEL, Run


def run_show(path: Path, output: Output) -> None:
    """Print configuration, parameters with shapes, and the metrics of every epoch."""
    if (path / RESULTS).is_file():
        from lexgrad.cli.repeat import show_repeated

        show_repeated(path, output)
        return
    if (path / STUDY).is_file():
        from lexgrad.cli.tuned import show_study

        show_study(path, output)
        return
    run = Run.open(path)
    config, rows = run.config(), run.read_metrics()
    finished = (path / MODEL).is_file()
    parameters = (
        [
            {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)}
            for name, array in run.read_model(mapped=True).items()
            if not name.startswith(ENCODER)
        ]
        if finished or not (path / CHECKPOINT).is_file()
        else []
    )
    output.report(f"{path}: {config.get('model')}, written by lexgrad {config.get('lexgrad')}", "")
    output.report(_configuration(config), "")
    if covered := config.get("encoder", {}).get("vectors"):
        from lexgrad.models.features.pretrained import Coverage

        output.report(str(Coverage(**covered)), "")
    if decided := config.get("decision"):
        from lexgrad.models.classifiers.decision import Decision

        output.report(f"with {Decision(**decided)}", "")
    if parameters:
        output.report(_parameters(parameters), "")
    else:
        output.report("its training is not finished: continue it with lexgrad train ... --resume", "")
    if rows:
        output.report(_history(rows))
    output.result({"run": str(path), "config": config, "parameters": parameters, "metrics": rows})


def run_show_health(path: Path, output: Output) -> None:
    """Print how gradients, updates and ReLUs of a watched training did, and what was out of the ordinary.

    Raises:
        InputError: nobody watched the training.
    """
    from lexgrad.train.health import RULES, summary

    run = Run.open(path)
    config, records = run.config(), run.read_health()
    if not records and "watch" not in config.get("settings", {}):
        raise InputError(f"{path} is of a model without gradients ({config.get('model')}): there is no health to show")
    if not records:
        raise InputError(f"{path} says nothing of its health: train with --watch (or --set watch=N) to record it")
    found = summary(records)
    first, last = found["epochs"]
    epochs = f"epochs {first} to {last}" if first < last else f"epoch {first}"
    output.report(f"{path}: {config.get('model')}, {counted(found['records'], 'step')} measured in {epochs}", "")
    output.report(_gradients(found["parameters"]), "")
    if found["relu"]:
        output.report(_relus(found["relu"]), "")
    if not found["flags"]:
        output.report("nothing out of the ordinary")
    for flag, names in found["flags"].items():
        output.report(f"{flag}: {', '.join(names)} ({RULES[flag]})")
    output.result({"run": str(path), **found, "measured": records})


def run_show_filters(path: Path, output: Output) -> None:
    """Print the training n-grams to which each filter of a convolutional network answers most, with their classes.

    Raises:
        InputError: the run is of another model, or not finished.
    """
    run = Run.open(path)
    config, filters = run.config(), run.read_learned().get("filters")
    if filters is None:
        raise InputError(
            f"{path} says nothing of filters: --filters is for a finished training of cnn, and this is"
            f" {config.get('model')!r}"
        )
    output.report(f"{path}: {config.get('model')}, {len(filters)} filters, and the n-grams they answer to most", "")
    heading = ("filter", "votes for", "n-grams: answer, texts by class")
    output.report(table(heading, map(_filter, filters), text_columns=(0, 1, 2)), whole=True)
    output.result({"run": str(path), "filters": filters})


def run_show_shifters(path: Path, output: Output) -> None:
    """Print the words of a deep averaging network that shift those after them the furthest.

    Raises:
        InputError: the run is of another model, or not finished, or has no scope.
    """
    config = Run.open(path).config()
    scope = config.get("settings", {}).get("scope", 0)
    if not scope:
        raise InputError(
            f"{path}: --shifters is for a dan that was trained with scope (--set scope=2), and this is"
            f" {config.get('model')!r}{' without' if config.get('model') == 'dan' else ''}"
        )
    from lexgrad.models import load

    found = load(path).shifters()
    after = "the word after it" if scope == 1 else f"each of the {scope} words after it"
    output.report(f"{path}: what a word adds to the factor, 1, of {after}", "")
    pairs = zip_longest(found["down"], found["up"], fillvalue=("", None))
    rows = [
        tuple(cell for word, shift in pair for cell in (word, "" if shift is None else f"{shift:+.2f}"))
        for pair in pairs
    ]
    output.report(table(("down", "", "up", ""), rows, text_columns=(0, 2)))
    named = {kind: [{"word": word, "shift": shift} for word, shift in words] for kind, words in found.items()}
    output.result({"run": str(path), "scope": scope, "shifters": named})


def _filter(row: Mapping[str, Any], most: int = 4) -> tuple[str, str, str]:
    votes: Mapping[str, float] = row.get("votes", {})
    mean = sum(votes.values()) / max(len(votes), 1)
    label = max(votes, key=lambda name: votes[name]) if votes else ""
    ngrams = [
        f"{found['ngram']}: {found['answer']:.2f}, "
        + ", ".join(f"{name} {count}" for name, count in found["classes"].items() if count)
        for found in row["ngrams"][:most]
    ]
    return (
        f"K{row['kernel']}[{row['filter']}]",
        f"{label} {votes[label] - mean:+.2f}" if votes else "",
        "\n".join(ngrams),
    )


def _gradients(parameters: Mapping[str, Mapping[str, Any]]) -> Any:
    rows = [
        (
            name,
            _short(row["gradient_first"]),
            _short(row["gradient_last"]),
            _short(row["update_ratio"]),
            ", ".join(row["flags"]),
        )
        for name, row in parameters.items()
    ]
    heading = ("parameter", "gradient at first", "at last", "update / weights", "remarks")
    return table(heading, rows, text_columns=(0, 4))


def _relus(relus: Mapping[str, Mapping[str, Any]]) -> Any:
    rows = [(f"ReLU {n}", f"{row['units']:,}", f"{row['silent']:.1%}", f"{row['dead']:,}") for n, row in relus.items()]
    return table(("layer", "units", "silent in a batch", "dead"), rows)


def _short(value: float | None) -> str:
    """Three significant digits."""
    return "-" if value is None else f"{value:.3g}"


def _configuration(config: Mapping[str, Any]) -> Any:
    classes = [str(name) for name in _part(config, "classes").get("values", ())] if "classes" in config else []
    rows = [("classes", ", ".join(classes))] if classes else []
    rows += [(name, as_text(value)) for name, value in _part(config, "settings").items()]
    return table(("setting", "value"), rows, text_columns=(0, 1))


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A group of the configuration; every run has it."""
    part = config.get(name)
    if not isinstance(part, dict):
        raise InputError(f"{CONFIG} is damaged: {name!r} should be a group of names and values, got {part!r:.60}")
    return part


def _parameters(parameters: Sequence[Mapping[str, Any]]) -> Any:
    rows = [
        (row["name"], " × ".join(map(str, row["shape"])) or "1", row["dtype"], f"{math.prod(row['shape']):,}")
        for row in parameters
    ]
    total = sum(math.prod(row["shape"]) for row in parameters)
    return table(("parameter", "shape", "type", "numbers"), [*rows, ("total", "", "", f"{total:,}")])


def _history(rows: Sequence[Mapping[str, Any]]) -> Any:
    """One line an epoch; columns for the dev set only where there was one."""
    columns = {
        "loss": "loss",
        "dev_loss": "dev loss",
        "dev_accuracy": "dev accuracy",
        "dev_macro_f1": "dev macro F1",
        "dev_perplexity": "dev perplexity",
    }
    present = {key: name for key, name in columns.items() if any(key in row for row in rows)}
    lines = [
        (
            f"{row['epoch']}{' *' if row.get('best') and len(present) > 1 else ''}",
            *(decimal(row.get(key)) for key in present),
            f"{row.get('seconds', 0.0):.2f}",
        )
        for row in rows
    ]
    return table(("epoch", *present.values(), "seconds"), lines)
