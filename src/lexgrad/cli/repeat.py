"""`lexgrad train --folds K` and `--seeds N`: several trainings, a run directory each, and a table of them all."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexgrad.cli.failures import Stopped
from lexgrad.cli.output import Output
from lexgrad.cli.places import opened_folder
from lexgrad.cli.progress import Display, counted, watching
from lexgrad.cli.reports import called, decimal, table
from lexgrad.cli.settings import given_settings
from lexgrad.cli.signals import Termination
from lexgrad.cli.sources import share_of
from lexgrad.cli.tasks import task_of
from lexgrad.errors import InputError
from lexgrad.experiments.repeats import MEASURED, RESULTS, Part, Results, numbers_of, parts_of, summary
from lexgrad.models import model_named
from lexgrad.models.storage import settings_to_json
from lexgrad.train.progress import Interrupted
from lexgrad.train.run import CHECKPOINT, CONFIG, Run

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lexgrad.cli.tasks.task import Task
    from lexgrad.cli.train import Tables, TrainRequest
    from lexgrad.models.base import Model

NAMES = {"held_out": "held-out fold", "test": "test", "dev": "dev"}


def run_repeated(request: TrainRequest, tables: Tables, output: Output) -> None:
    """Train over folds and seeds, save each run, and report means and deviations.

    Raises:
        InputError: anything in the request, the texts or the directory that cannot be used.
        Stopped: Ctrl-C or SIGTERM; how to continue has been said.
    """
    class_ = model_named(request.model)
    settings = given_settings(class_, request.settings, request.options, request.settings_file)
    model = class_(**settings)
    model.check()
    if not request.folds and tables.dev is None and tables.test is None:
        raise InputError("--seeds needs something to measure the runs on: --folds, --dev or --test")
    first = int(getattr(model, "seed", 0))
    seeds = list(range(first, first + (request.seeds or 1)))
    parts = parts_of(_sets(request, task_of(model), tables), seeds)
    asked = _asked(request, model, tables, seeds)
    with (
        Termination() as termination,
        opened_folder(
            request.model, request.train, request.out, RESULTS, resume=request.resume, overwrite=request.overwrite
        ) as folder,
    ):
        results = _begun(folder, asked, resume=request.resume)
        for part in parts:
            if results.row(part.name) is not None:
                continue
            try:
                model = class_(**(settings | {"seed": part.seed}))
                results.add(_one(model, part, tables, folder, output, resume=request.resume))
            except (Interrupted, KeyboardInterrupt) as stop:
                _say_how_to_continue(replace(request, out=folder), part, stop)
                raise Stopped(termination.code) from None
            _say(results.rows[-1], part, output)
    _report(request, results, output)


def _sets(request: TrainRequest, task: Task, tables: Tables) -> list[tuple[Any, Any, Any]]:
    """Training part, dev set and held-out part of each fold. A share to watch is of each fold's training part."""
    if not request.folds:
        return [(tables.train, tables.dev, None)]
    share = share_of(request.dev)
    sets = []
    for kept, held in task.folds(tables.train, request.folds):
        train, dev = (kept, tables.dev) if share is None else task.held_out(kept, share)
        sets.append((train, dev, held))
    return sets


def _asked(request: TrainRequest, model: Model, tables: Tables, seeds: Sequence[int]) -> dict[str, Any]:
    settings = settings_to_json(model)
    prints = {
        name: None if data is None else data.fingerprint()
        for name, data in (("train", tables.train), ("dev", tables.dev), ("test", tables.test))
    }
    free = {name: value for name, value in settings.items() if name not in ("threads", "seed")}
    share = share_of(request.dev) if request.folds else None
    folds = {"folds": request.folds, "dev_share": share}
    return {"model": model.name, "settings": free, **folds, "seeds": list(seeds), "data": prints}


def _begun(folder: Path, asked: Mapping[str, Any], *, resume: bool) -> Results:
    if resume:
        results = Results.open(folder)
        results.require_same(asked)
        return results
    results = Results(folder, asked)
    results.write()
    return results


def _one(model: Model, part: Part, tables: Tables, folder: Path, output: Output, *, resume: bool) -> dict[str, Any]:
    """Train one, or go on with it, and measure it."""
    path = folder / part.name
    begun = resume and (path / CONFIG).is_file() and (path / CHECKPOINT).is_file()
    run = Run.resume(path) if begun else Run.create(path, overwrite=True)
    sets = (("held_out", part.held_out), ("test", tables.test), ("dev", part.dev))
    row: dict[str, Any] = {"run": part.name, "fold": part.fold, "seed": part.seed}
    with watching(output, lambda console: _Bar(part.title, console)) as progress:
        model.fit(part.train, dev=part.dev, run=run, progress=progress)
        row |= {name: model.report_[name] for name in ("epochs", "train_seconds") if name in model.report_}
        for name, data in sets:
            if data is not None:
                row[name] = numbers_of(model.evaluate(data, progress=progress))
    return row


class _Bar(Display):
    """A bar, and none of the lines: a line a run is enough where there are many."""

    def __init__(self, title: str, console: Any) -> None:
        super().__init__(console)
        self._title = title

    def _line(self, text: str) -> None:
        pass

    def _show(self, what: str, fraction: float | None, numbers: str) -> None:
        super()._show(f"{self._title} {what}", fraction, numbers)


def _say(row: Mapping[str, Any], part: Part, output: Output) -> None:
    where = next(name for name in MEASURED if row.get(name))
    numbers = ", ".join(f"{name.replace('_', ' ')} {decimal(value)}" for name, value in _metrics(row[where]).items())
    rest = f"{counted(row['epochs'], 'epoch')}, {row['train_seconds']:.1f} s" if "epochs" in row else ""
    output.note(f"{part.title}: {NAMES[where]} {numbers} ({rest})")


def _metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics without counts."""
    return {name: value for name, value in metrics.items() if not isinstance(value, int)}


def _report(request: TrainRequest, results: Results, output: Output) -> None:
    output.report(*repeats_report(results.rows))
    output.report("", f"saved in {results.path}, a run each")
    if output.quiet and not output.as_json:
        print(results.path)
    output.result(
        {
            "model": request.model,
            "path": str(results.path),
            **results.asked,
            "runs": results.rows,
            "summary": summary(results.rows),
        }
    )


def repeats_report(rows: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """A table a set that was measured: a line each run, then mean ± deviation."""
    for where, spreads in summary(rows).items():
        lines = [
            (
                row["run"],
                f"{row.get('epochs', '-')}",
                f"{row.get('train_seconds', 0.0):.1f}",
                *(decimal(row[where][name]) for name in spreads),
            )
            for row in rows
        ]
        lines.append(("mean", "", "", *(decimal(spread["mean"]) for spread in spreads.values())))
        deviations = tuple("±" + decimal(spread["deviation"]) for spread in spreads.values())
        if len(rows) > 1:
            lines.append(("deviation", "", "", *deviations))
        yield ""
        yield f"{NAMES[where]}:"
        yield table(("run", "epochs", "seconds", *(called(name) for name in spreads)), lines)


def _say_how_to_continue(request: TrainRequest, part: Part, stop: BaseException) -> None:
    """Even a quiet command says this: without it the work so far would look lost."""
    from lexgrad.cli.train import command_line

    where = f" epoch {stop.epoch} after {stop.step} steps," if isinstance(stop, Interrupted) else ""
    print(f"stopped in {part.title},{where} all is saved in {request.out}", file=sys.stderr)
    print(f"continue with: {command_line(request)}", file=sys.stderr)


def show_repeated(path: Path, output: Output) -> None:
    """`lexgrad show` of a directory of several trainings."""
    results = Results.open(path)
    asked = results.asked
    runs = f"{len(results.rows)} runs of {asked.get('model')}"
    folds = f", {asked['folds']} folds" if asked.get("folds") else ""
    numbers = asked.get("seeds", ())
    seeds = f"seed{'s' * (len(numbers) != 1)} {', '.join(map(str, numbers))}"
    output.report(f"{path}: {runs}{folds}, {seeds}")
    output.report(*repeats_report(results.rows))
    if results.rows:
        output.report("", f"one of them: lexgrad show {shlex.quote(str(path / results.rows[0]['run']))}")
    output.result({"path": str(path), **asked, "runs": results.rows, "summary": summary(results.rows)})
