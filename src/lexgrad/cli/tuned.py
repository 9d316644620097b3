"""What a search found: the best trials, the settings as a file, what mattered, and the picture of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexgrad.cli.output import Output
from lexgrad.cli.reports import called, decimal, table
from lexgrad.cli.settings import as_text
from lexgrad.errors import InputError
from lexgrad.experiments.search import Study, Trial, ranked
from lexgrad.files import write_text_whole
from lexgrad.models.settings_files import settings_text

if TYPE_CHECKING:
    from rich.console import RenderableType

BEST, PLOT = "best.toml", "search.svg"
TABLE = 10  # trials shown


def summed_up(study: Study, output: Output, settings: Mapping[str, Any]) -> None:
    """Report a search that has come to an end, and draw it where matplotlib is installed."""
    best, trials = study.best(), study.trials()
    assert best is not None
    shares = study.importances()
    output.report(*study_report(trials, shares, study.metric))
    drawn = _drawn(study, output)
    run, file = study.run_of(best.number), study.path / BEST
    files = study.asked.get("files", {})
    output.report(
        "",
        f"best: trial {best.number + 1}, {study.metric.replace('_', ' ')} {decimal(best.value)}; saved in {run}",
        f"its settings: {file}" + (f"; drawn: {drawn}" if drawn else ""),
        f"next: {_next(study, files, file)}",
    )
    if output.quiet and not output.as_json:
        print(run)
    output.result(
        {
            "study": str(study.path),
            "metric": study.metric,
            "run": str(run),
            "best": asdict(best),
            "settings": settings,
            "importances": shares,
            "trials": [asdict(trial) for trial in trials],
            "plot": drawn,
        }
    )


def show_study(path: Path, output: Output) -> None:
    """`lexgrad show` of a search's directory."""
    study = Study.read(path)
    trials, best, shares = study.trials(), study.best(), study.importances()
    asked = study.asked
    output.report(f"{path}: {len(trials)} trials of {asked.get('model')}")
    output.report(*study_report(trials, shares, study.metric))
    if best is not None:
        output.report("", f"the best one's run: lexgrad show {shlex.quote(str(study.run_of(best.number)))}")
    output.result(
        {
            "study": str(path),
            **asked,
            "best": None if best is None else asdict(best),
            "importances": shares,
            "trials": [asdict(trial) for trial in trials],
        }
    )


def study_report(trials: Sequence[Trial], shares: Mapping[str, float], metric: str) -> Iterator[RenderableType]:
    """The best trials with their settings, how many there were, and how much each setting mattered."""
    complete = [trial for trial in ranked(trials, metric) if trial.state == "complete"]
    rows = [(f"{trial.number + 1}", decimal(trial.value), f"{trial.epochs}", said(trial)) for trial in complete[:TABLE]]
    yield ""
    yield table(("trial", called(metric), "rounds", "settings"), rows, text_columns=(3,))
    states = {state: sum(trial.state == state for trial in trials) for state in ("complete", "pruned", "failed")}
    yield (
        f"{len(trials)} trials: {states['complete']} complete, {states['pruned']} stopped early, "
        f"{states['failed']} failed"
    )
    if shares and complete:
        values = {name: _short(complete[0].point.get(name)) for name in shares}
        yield ""
        yield table(
            ("setting", "share of the variance", "best"),
            [(name, f"{share:.0%}", values[name]) for name, share in shares.items()],
        )


def said(trial: Trial) -> str:
    """The settings of a trial in a line."""
    return " ".join(f"{name}={_short(value)}" for name, value in trial.point.items())


def write_best(study: Study, model: str, settings: Mapping[str, Any]) -> None:
    """Write the best trial's settings as a file for ``train --settings``."""
    best = study.best()
    assert best is not None
    files, folds = study.asked.get("files", {}), study.asked.get("folds")
    where = f"{folds} folds of {files.get('train')}" if folds else f"{files.get('dev')}"
    metric = called(study.metric)
    comment = [
        f"{model} on {files.get('train')}",
        f"data: {files.get('train')}",
        f"train: {_next(study, files, study.path / BEST)}",
        f"reached: {metric} {decimal(best.value)} on {where}",
        f"found: lexgrad tune, the best of {len(study.trials())} trials on {where}",
    ]
    write_text_whole(study.path / BEST, settings_text(model, settings, comment))


def _next(study: Study, files: Mapping[str, Any], file: Path) -> str:
    words = ["lexgrad", "train", str(study.asked.get("model")), str(files.get("train"))]
    words += ["--dev", str(files["dev"])] if files.get("dev") else []
    return shlex.join([*words, "--settings", str(file)])


def _drawn(study: Study, output: Output) -> str | None:
    """Draw the search beside its study; where there is nothing to draw or to draw with, say nothing of it."""
    from lexgrad.plot.searching import search

    try:
        return str(search(study).save(study.path / PLOT))
    except InputError as fault:
        output.note(f"not drawn: {fault}")
        return None


def _short(value: Any) -> str:
    return "-" if value is None else f"{value:.3g}" if isinstance(value, float) else as_text(value)
