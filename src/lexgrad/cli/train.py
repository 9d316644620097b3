"""`lexgrad train`: from texts in files to a saved run, with progress on the way and a report at the end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from lexgrad.cli.failures import INTERRUPTED, Stopped
from lexgrad.cli.output import Output
from lexgrad.cli.places import opened_run
from lexgrad.cli.progress import watching
from lexgrad.cli.settings import given_settings
from lexgrad.cli.signals import Termination
from lexgrad.cli.sources import Split, share_of, split_of
from lexgrad.cli.tasks import task_of
from lexgrad.errors import InputError
from lexgrad.models import model_named
from lexgrad.train.progress import Interrupted
from lexgrad.train.run import CHECKPOINT

if TYPE_CHECKING:
    from lexgrad.cli.tasks.task import Task
    from lexgrad.models.base import Model
    from lexgrad.train.run import Run

Metrics: TypeAlias = "dict[str, Any] | None"


@dataclass(frozen=True)
class TrainRequest:
    """What a person asked for; None and empty where nothing was said."""

    model: str
    train: str
    dev: str | None
    test: str | None
    columns: Mapping[str, str]
    out: Path | None
    options: Mapping[str, Any]
    settings: tuple[str, ...]
    settings_file: Path | None
    resume: bool
    overwrite: bool
    folds: int | None = None
    seeds: int | None = None


@dataclass(frozen=True)
class Tables:
    """The opened data of a training, as ``fit`` takes them; dev and test may be None."""

    train: Any
    dev: Any
    test: Any


def run_train(request: TrainRequest, output: Output) -> None:
    """Train, save and report.

    Raises:
        InputError: anything in the request, the texts or the run directory that cannot be used.
        Stopped: Ctrl-C or SIGTERM; how to continue has been said.
    """
    class_ = model_named(request.model)
    model = class_(**given_settings(class_, request.settings, request.options, request.settings_file))
    task = task_of(model)
    split = split_of(request.train, request.dev, request.test, whole=not task.measured)
    _say_what_is_used(request, split, output)
    tables = open_tables(task, split, request.columns, cut=not request.folds)
    if request.folds or request.seeds:
        from lexgrad.cli.repeat import run_repeated

        run_repeated(request, tables, output)
        return
    with (
        Termination() as termination,
        opened_run(
            request.model, request.train, request.out, resume=request.resume, overwrite=request.overwrite
        ) as run,
    ):
        try:
            _fit(model, tables, run, output)
        except Interrupted as interrupted:
            _say_how_to_continue(replace(request, out=run.path), interrupted)
            raise Stopped(termination.code) from None
        except KeyboardInterrupt:
            _say_what_is_there(replace(request, out=run.path))
            raise Stopped(termination.code) from None
    _report(task, model, tables, run, output)


def open_tables(task: Task, split: Split, columns: Mapping[str, str], *, cut: bool = True) -> Tables:
    """Open every source now, and read the test set once, so that its faults show before hours of training.

    Where dev is a share of the training texts, they are ``cut``; else there is no dev set.
    """
    task.check_columns(columns)
    train = task.open(split.train, columns)
    share = share_of(split.dev)
    if share is None:
        dev = None if split.dev is None else task.open(split.dev, columns)
    else:
        train, dev = task.held_out(train, share) if cut else (train, None)
    test = None if split.test is None else task.open(split.test, columns)
    if test is not None:
        task.check(test)
    return Tables(train, dev, test)


def _fit(model: Model, tables: Tables, run: Run, output: Output) -> None:
    with watching(output) as progress:
        model.fit(tables.train, dev=tables.dev, run=run, progress=progress)


def _report(task: Task, model: Model, tables: Tables, run: Run, output: Output) -> None:
    dev = _measured(model, tables.dev, run, output)
    test = _measured(model, tables.test, run, output)
    if not output.quiet:
        _tell(task, model, dev, test, run, output)
    elif not output.as_json:
        print(run.path)
    seed = getattr(model, "seed", None)
    output.result({"model": model.name, "run": str(run.path), "seed": seed, **model.report_, "dev": dev, "test": test})


def _tell(task: Task, model: Model, dev: Metrics, test: Metrics, run: Run, output: Output) -> None:
    output.report(f"trained {model.name} {task.summary(model.report_)}")
    if dev is not None and test is not None:
        output.report("", task.headline("dev", dev))  # the test set's tables say it all
    elif dev is not None:
        output.report("", *task.metrics_report("dev", dev, output.width))
    if test is not None:
        output.report("", *task.metrics_report("test", test, output.width))
    output.report("", f"saved in {run.path}", f"next: {task.next_command(shlex.quote(str(run.path)), model)}")


def _measured(model: Model, data: Any, run: Run, output: Output) -> Metrics:
    if data is None:
        return None
    try:
        with watching(output) as progress:
            return model.evaluate(data, progress=progress)
    except InputError as fault:
        raise InputError(f"{fault}; the model itself is trained and saved in {run.path}") from fault
    except KeyboardInterrupt:
        print(f"stopped while it was measured; the model itself is trained and saved in {run.path}", file=sys.stderr)
        raise Stopped(INTERRUPTED) from None


def _say_what_is_used(request: TrainRequest, split: Split, output: Output) -> None:
    if split.train != request.train:
        output.note(f"train: {split.train}, dev: {split.dev}, test: {split.test}")


def _say_how_to_continue(request: TrainRequest, interrupted: Interrupted) -> None:
    """Even a quiet command says this: without it the work so far would look lost."""
    where = f"epoch {interrupted.epoch} after {interrupted.step} steps"
    print(f"stopped in {where}, saved to {interrupted.checkpoint}", file=sys.stderr)
    print(f"continue with: {command_line(request)}", file=sys.stderr)


def _say_what_is_there(request: TrainRequest) -> None:
    """After Ctrl-C before the first step or behind the last."""
    assert request.out is not None
    if (request.out / CHECKPOINT).exists():
        print(f"stopped; what was trained is saved in {request.out}", file=sys.stderr)
        print(f"continue with: {command_line(request)}", file=sys.stderr)
    else:
        print("stopped before training began; nothing was saved", file=sys.stderr)


def command_line(request: TrainRequest) -> str:
    """The command that resumes this training."""
    files = {"dev": request.dev, "test": request.test}
    options = {**files, **request.columns, "settings": request.settings_file, **request.options, "out": request.out}
    words = ["lexgrad", "train", request.model, request.train]
    for name, value in options.items():
        words += [] if value is None else [f"--{name}", str(value)]
    for item in request.settings:
        words += ["--set", item]
    for name, count in (("folds", request.folds), ("seeds", request.seeds)):
        words += [] if count is None else [f"--{name}", str(count)]
    return shlex.join([*words, "--resume"])
