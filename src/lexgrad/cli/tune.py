"""`lexgrad tune`: a search for settings, with a line a trial, a table of the best, and what mattered."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexgrad.cli.failures import Stopped
from lexgrad.cli.output import Output
from lexgrad.cli.places import opened_folder, stem
from lexgrad.cli.progress import Display
from lexgrad.cli.reports import called
from lexgrad.cli.settings import as_text, given_settings
from lexgrad.cli.signals import Termination
from lexgrad.cli.sources import split_of
from lexgrad.cli.tasks import task_of
from lexgrad.cli.train import Tables, open_tables
from lexgrad.cli.tuned import BEST, PLOT, said, summed_up, write_best
from lexgrad.errors import InputError, suggest
from lexgrad.experiments.search import FALLING, METRICS, STUDY, Study, Trial, Watcher, value_of
from lexgrad.experiments.spaces import Choices, Space, default_spaces, given_spaces, settings_at
from lexgrad.models import model_named
from lexgrad.models.settings import settings_of
from lexgrad.models.storage import settings_to_json
from lexgrad.train.progress import Interrupted
from lexgrad.train.run import Run

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

    from lexgrad.models.base import Model

FOLDS = 5  # without a dev set


@dataclass(frozen=True)
class TuneRequest:
    """What a person asked for; None and empty where nothing was said."""

    model: str
    train: str
    dev: str | None
    folds: int | None
    columns: Mapping[str, str]
    spaces: tuple[str, ...]
    only: bool
    trials: int | None
    minutes: float | None
    metric: str | None
    out: Path | None
    options: Mapping[str, Any]
    settings: tuple[str, ...]
    settings_file: Path | None
    resume: bool
    overwrite: bool


class TimeUp(Exception):  # noqa: N818 - no error
    """The minutes that a person gave are over."""


def run_tune(request: TuneRequest, output: Output) -> None:
    """Search, keep the best run, and report.

    Raises:
        InputError: anything in the request, the texts or the directory that cannot be used; or Optuna is missing.
        Stopped: Ctrl-C or SIGTERM; how to continue has been said.
    """
    class_ = model_named(request.model)
    request = replace(request, metric=metric_of(class_, request.metric))
    fixed = given_settings(class_, request.settings, request.options, request.settings_file)
    spaces = spaces_of(class_, request, fixed)
    if "monitor" in settings_of(class_):
        fixed = {"monitor": request.metric, **fixed}
    if request.dev is not None and request.folds is not None:
        raise InputError("--dev and --folds are two ways to measure a trial: give one of them")
    split = split_of(request.train, request.dev, None)
    task = task_of(class_)
    tables = open_tables(task, split, request.columns)
    folds = None if tables.dev is not None else task.folds(tables.train, request.folds or FOLDS)
    asked = _asked(request, class_(**fixed), tables, folds is not None)
    name = f"{stem(request.train)}-tune"
    with (
        Termination() as termination,
        opened_folder(
            request.model, name, request.out, STUDY, resume=request.resume, overwrite=request.overwrite
        ) as folder,
    ):
        if request.overwrite:
            _cleared(folder)
        seed = int(fixed.get("seed", 0))
        study = Study.open(folder, asked, spaces, _first(class_, fixed, spaces), seed)
        searcher = Searcher(class_, fixed, tables, folds, study)
        try:
            _search(request, searcher, output)
        except (Interrupted, KeyboardInterrupt):
            _say_how_to_continue(replace(request, out=folder), study)
            raise Stopped(termination.code) from None
    summed_up(study, output, searcher.settings(study.best()))


def metric_of(class_: type[Model], asked: str | None) -> str:
    """What is searched for: what was asked, or the accuracy, where the model has none the perplexity.

    Raises:
        InputError: this model is not measured so.
    """
    monitor = settings_of(class_).get("monitor")
    known: tuple[str, ...] = ("perplexity", "loss") if class_.task == "language" else METRICS[:3]
    if monitor is not None:
        known = tuple(metric for metric in known if metric in monitor.choices)
    if asked is None:
        return known[0]
    if asked not in known:
        near = suggest(asked, known)
        raise InputError(f"--metric of {class_.name} is one of {', '.join(known)}; got {asked!r}{near}")
    return asked


def spaces_of(class_: type[Model], request: TuneRequest, fixed: Mapping[str, Any]) -> dict[str, Space]:
    """Where to look: a model's own spaces, and over them what ``--space`` says; what is fixed is not searched.

    Raises:
        InputError: a setting is both fixed and searched, or there is nothing to search.
    """
    given = given_spaces(class_, request.spaces)
    if both := sorted(given.keys() & fixed.keys()):
        raise InputError(f"{both[0]} is both fixed, as {as_text(fixed[both[0]])}, and searched, in {given[both[0]]}")
    own = {} if request.only else default_spaces(class_)
    if fixed.get("vectors") is not None:
        own.pop("dimensions", None)  # the vectors have theirs
    spaces = {name: space for name, space in (own | given).items() if name not in fixed}
    if not spaces:
        raise InputError("there is nothing to search: give --space name=low..high or name=a,b,c")
    return spaces


def _first(class_: type[Model], fixed: Mapping[str, Any], spaces: Mapping[str, Space]) -> dict[str, Any]:
    """The defaults, so far as they lie in the spaces: the search then never ends below them."""
    first: dict[str, Any] = {}
    for name, space in spaces.items():
        default = settings_of(class_)[name].default
        if isinstance(space, Choices):
            if as_text(default) in space.words:
                first[name] = as_text(default)
        elif isinstance(default, int | float) and space.low <= default <= space.high:
            first[name] = default
    return first


def _asked(request: TuneRequest, model: Model, tables: Tables, folds: bool) -> dict[str, Any]:
    settings = {name: value for name, value in settings_to_json(model).items() if name not in ("threads", "seed")}
    prints = {"train": tables.train.fingerprint(), "dev": None if tables.dev is None else tables.dev.fingerprint()}
    return {
        "model": model.name,
        "metric": request.metric,
        "settings": settings,
        "folds": (request.folds or FOLDS) if folds else None,
        "data": prints,
        "files": {"train": request.train, "dev": request.dev},
    }


def _cleared(folder: Path) -> None:
    """Remove what an earlier search left, and nothing else."""
    import shutil

    for file in (STUDY, BEST, PLOT):
        (folder / file).unlink(missing_ok=True)
    for run in folder.glob("trial-[0-9][0-9][0-9]*"):
        shutil.rmtree(run)


class Searcher:
    """Trains at points of a space.

    Args:
        class_: the model.
        fixed: settings that are the same everywhere.
        tables: training and dev set.
        folds: pairs of training and held-out part; None where there is a dev set.
        study: remembers.
    """

    def __init__(self, class_: type[Model], fixed: Mapping[str, Any], tables: Tables, folds: Any, study: Study) -> None:
        self.class_, self.fixed, self.tables, self.folds, self.study = class_, fixed, tables, folds, study

    def settings(self, trial: Trial | None) -> dict[str, Any]:
        """The settings of a trial, apart from the defaults."""
        return dict(self.fixed) | settings_at(self.class_, {} if trial is None else trial.point)

    def objective(self, point: Mapping[str, Any], watcher: Watcher, shown: TrialDisplay) -> float:
        """Train at a point; returns the metric, on the dev set or as the mean over the folds."""
        settings = dict(self.fixed) | settings_at(self.class_, point)
        metric = self.study.metric
        if self.folds is None:
            model = self.class_(**settings).fit(self.tables.train, dev=self.tables.dev, progress=shown)
            value = value_of(model.evaluate(self.tables.dev, progress=shown), metric)
            best = self.study.best()
            sign = -1 if metric in FALLING else 1
            if best is None or best.value is None or sign * value >= sign * best.value:
                model.save(watcher.path, overwrite=True)
            return value
        values: list[float] = []
        for number, (kept, held) in enumerate(self.folds, 1):
            shown.title = f"trial {watcher.number + 1} fold {number}"
            model = self.class_(**settings).fit(kept, progress=shown)
            values.append(value_of(model.evaluate(held, progress=shown), metric))
            watcher.report(number, sum(values) / len(values))
        return sum(values) / len(values)

    def train_best(self, trial: Trial, shown: TrialDisplay) -> None:
        """After a cross-validation: train with the best settings on all the texts, unless that is done."""
        path = self.study.run_of(trial.number)
        if self.folds is not None and not (path / "model.safetensors").is_file():
            run = Run.create(path, overwrite=True)
            self.class_(**self.settings(trial)).fit(self.tables.train, run=run, progress=shown)


def _search(request: TuneRequest, searcher: Searcher, output: Output) -> None:
    study = searcher.study
    deadline = None if request.minutes is None else time.monotonic() + 60 * request.minutes
    most = request.trials or (30 if request.minutes is None else sys.maxsize)
    count = f" of {most}" if most < sys.maxsize else ""
    where = ", ".join(f"{name}={space}" for name, space in study.spaces.items())
    output.note(f"searching {where}")
    with _display(output) as shown:
        while len(study.trials()) < most and (deadline is None or time.monotonic() < deadline):
            try:
                trial = study.try_one(
                    lambda point, watcher: searcher.objective(point, watcher, shown.follow(watcher, deadline))
                )
            except TimeUp:
                output.note("the time is up: the trial under way was stopped")
                break
            best = study.best()
            if trial.state == "failed" and best is None and len(study.trials()) == 1:
                raise InputError(f"the first trial failed: {trial.note}")
            output.note(f"trial {trial.number + 1}{count}: {_trial_line(trial, best, study.metric)}")
        best = study.best()
        if best is None:
            raise InputError(f"no trial was finished; go on with --resume --out {study.path}, and give it more time")
        searcher.train_best(best, shown.unfollow("best settings, all texts:"))
    write_best(study, request.model, searcher.settings(best))


def _trial_line(trial: Trial, best: Trial | None, metric: str) -> str:
    name = called(metric)
    if trial.state == "failed":
        text = f"failed: {trial.note}"
    else:
        text = f"{name} {trial.value:.4f}" + (f", stopped after {trial.epochs}" if trial.state == "pruned" else "")
    if best is not None:
        text += " (best yet)" if best.number == trial.number else f" (best {best.value:.4f})"
    return f"{text}, {trial.seconds:.1f} s; {said(trial)}"


class TrialDisplay(Display):
    """A bar for the trial under way, which tells the study's watcher of each epoch, and keeps the time."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.title = ""
        self._watcher: Watcher | None = None
        self._deadline: float | None = None

    def follow(self, watcher: Watcher, deadline: float | None) -> TrialDisplay:
        """Show this trial from now on."""
        self._watcher, self._deadline, self.title = watcher, deadline, f"trial {watcher.number + 1}"
        return self

    def unfollow(self, title: str) -> TrialDisplay:
        """Show what is no trial, and takes the time that it takes."""
        self._watcher, self._deadline, self.title = None, None, title
        return self

    def on_steps(self, *, losses: NDArray[Any], examples: int, tokens: int, step: int, steps: int) -> None:
        """See Progress.on_steps.

        Raises:
            TimeUp: the search's time is over.
        """
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise TimeUp
        super().on_steps(losses=losses, examples=examples, tokens=tokens, step=step, steps=steps)

    def on_dev(self, epoch: int, metrics: Mapping[str, Any], best: bool) -> None:
        """See Progress.on_dev."""
        super().on_dev(epoch, metrics, best)
        if self._watcher is not None:
            self._watcher.on_dev(epoch, metrics, best)

    def _line(self, text: str) -> None:
        pass

    def _show(self, what: str, fraction: float | None, numbers: str) -> None:
        super()._show(f"{self.title} {what}", fraction, numbers)


@contextmanager
def _display(output: Output) -> Iterator[TrialDisplay]:
    from rich.console import Console

    display = TrialDisplay(Console(quiet=True) if output.quiet else output.notices)
    with display:
        yield display


def _say_how_to_continue(request: TuneRequest, study: Study) -> None:
    """Even a quiet command says this: without it the work so far would look lost."""
    best = study.best()
    value = "" if best is None else f", the best with {study.metric.replace('_', ' ')} {best.value:.4f}"
    print(f"stopped; {len(study.trials())} finished trials are kept in {request.out}{value}", file=sys.stderr)
    print(f"continue with: {command_line(request)}", file=sys.stderr)


def command_line(request: TuneRequest) -> str:
    """The command that goes on with this search."""
    options: dict[str, Any] = {"dev": request.dev, "folds": request.folds, **request.columns, "trials": request.trials}
    options |= {"minutes": request.minutes, "metric": request.metric, "settings": request.settings_file}
    words = ["lexgrad", "tune", request.model, request.train]
    for name, value in {**options, **request.options, "out": request.out}.items():
        words += [] if value is None else [f"--{name}", str(value)]
    for name, items in (("space", request.spaces), ("set", request.settings)):
        for item in items:
            words += [f"--{name}", item]
    return shlex.join([*words, *(["--only"] if request.only else []), "--resume"])
