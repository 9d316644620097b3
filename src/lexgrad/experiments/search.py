"""A search for settings: trials over a space, in a study that resumes and that several processes share.

Optuna proposes the points (a tree-structured Parzen estimator: Bergstra et al. 2011, "Algorithms for hyper-parameter
optimization") and says which trials are not worth going on with: those below the median of the earlier ones at the same
epoch. The study is an SQLite database in a directory of its own, beside the best trial's run.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexgrad.errors import InputError
from lexgrad.experiments.spaces import Range, Space
from lexgrad.train.progress import Progress

if TYPE_CHECKING:
    import optuna

STUDY = "study.db"
METRICS = ("accuracy", "macro_f1", "loss", "perplexity")
FALLING = ("loss", "perplexity")
STARTUP = 5  # trials at random points, and never stopped early, before anything is concluded from them
NOTE = "note"


class Stop(Exception):  # noqa: N818 - no error: the trial is just not worth going on with
    """A trial does worse than most others did at its age."""


@dataclass(frozen=True)
class Trial:
    """A trial that is over.

    Attributes:
        number: from 0, in the order in which trials began.
        state: "complete", "pruned" (stopped early) or "failed".
        value: of the metric, so far as it came; None where it failed.
        point: the settings that were tried, as the search has them.
        epochs: how many were trained.
        seconds: how long it took.
        note: why it failed.
    """

    number: int
    state: str
    value: float | None
    point: Mapping[str, Any]
    epochs: int
    seconds: float
    note: str = ""


class Study:
    """A search's memory. Made or joined with ``Study.open``.

    Attributes:
        path: the directory.
        metric: one of ``METRICS``.
        spaces: where it looks, by setting.
    """

    def __init__(self, path: Path, asked: Mapping[str, Any], spaces: Mapping[str, Space], study: optuna.Study) -> None:
        self.path, self.asked, self.spaces, self._study = path, dict(asked), dict(spaces), study
        self.metric = str(asked["metric"])

    @classmethod
    def open(
        cls, path: Path, asked: Mapping[str, Any], spaces: Mapping[str, Space], first: Mapping[str, Any], seed: int
    ) -> Study:
        """Begin a study, or join the one that is there.

        Args:
            path: its directory.
            asked: metric, model, fixed settings and data; has to be what the study was begun with.
            spaces: where to look.
            first: a point to try first, such as the defaults; may be part of one, or empty.
            seed: of the proposals. A process that joins draws others.

        Raises:
            InputError: Optuna is not installed, or the study is another one or damaged.
        """
        optuna = _optuna()
        told = {**asked, "spaces": {name: str(space) for name, space in spaces.items()}}
        plain = json.loads(json.dumps(told))
        with _readable(path / STUDY), _quiet():
            storage = _storage(path / STUDY)
            direction = "minimize" if asked["metric"] in FALLING else "maximize"
            study = optuna.create_study(storage=storage, study_name="lexgrad", load_if_exists=True, direction=direction)
            begun = study.user_attrs.get("asked")
            if begun is None:
                study.set_user_attr("asked", plain)
            elif begun != plain:
                raise InputError(f"{path} holds a study begun with {_difference(begun, plain)}")
            joined = int(study.user_attrs.get("joined", 0))
            study.set_user_attr("joined", joined + 1)
            study.sampler = optuna.samplers.TPESampler(
                seed=seed + joined, n_startup_trials=STARTUP, multivariate=True, constant_liar=True
            )
            study.pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=2)
            if first and all(trial.state.name == "FAIL" for trial in study.get_trials(deepcopy=False)):
                study.enqueue_trial({name: _plain(value) for name, value in first.items()})
        return cls(path, plain, spaces, study)

    @classmethod
    def read(cls, path: Path) -> Study:
        """Open a study to look at it.

        Raises:
            InputError: there is none, it is damaged, or Optuna is not installed.
        """
        optuna = _optuna()
        if not (path / STUDY).is_file():
            raise InputError(f"{path} holds no study: it has no {STUDY}")
        with _readable(path / STUDY), _quiet():
            study = optuna.load_study(study_name="lexgrad", storage=_storage(path / STUDY))
            asked = dict(study.user_attrs["asked"])
        return cls(path, asked, {}, study)

    def trials(self) -> list[Trial]:
        """Return the trials that are over, of every process; those that a person interrupted are none."""
        over = ("COMPLETE", "PRUNED")
        return [_trial(frozen) for frozen in self._study.get_trials(deepcopy=False) if frozen.state.name in over]

    def best(self) -> Trial | None:
        """Return the best complete trial, of several the first; None where there is none."""
        return self._best_of(self.trials())

    def _best_of(self, trials: Sequence[Trial]) -> Trial | None:
        sign = 1 if self.metric in FALLING else -1
        complete = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
        return min(complete, key=lambda trial: (sign * float(trial.value or 0.0), trial.number), default=None)

    def run_of(self, trial: int) -> Path:
        """Return where the run of a trial, by its number, lies as long as it is the best; names count from 1."""
        return self.path / f"trial-{trial + 1:03d}"

    def try_one(self, objective: Callable[[Mapping[str, Any], Watcher], float]) -> Trial:
        """Take the next point and try it.

        Args:
            objective: trains at a point of the space and returns the metric; tells the watcher how it goes.
                Its InputError or NonFiniteError is a trial that failed; any other exception goes through.
        """
        from lexgrad.errors import NonFiniteError

        optuna = _optuna()
        states = optuna.trial.TrialState
        with _quiet():
            trial = self._study.ask()
            point = {name: _suggest(trial, name, space) for name, space in self.spaces.items()}
        watcher = Watcher(trial, self.metric, self.run_of(trial.number))
        value, state, note = None, states.PRUNED, ""
        try:
            value, state = objective(point, watcher), states.COMPLETE
        except Stop:
            pass
        except (InputError, NonFiniteError) as fault:
            note = str(fault)
            trial.set_user_attr(NOTE, note)  # a pruned trial without values counts as the worst there is
        except BaseException:
            with _quiet():
                self._study.tell(trial, state=states.FAIL)
            shutil.rmtree(watcher.path, ignore_errors=True)
            raise
        with _quiet():
            trial.set_user_attr("epochs", watcher.epochs)
            self._study.tell(trial, values=value, state=state if state == states.PRUNED else None)
        self._tidy()
        return next(done for done in self.trials() if done.number == trial.number)

    def importances(self) -> dict[str, float]:
        """Return the share of each setting in the metric's variance, largest first; empty for too few trials.

        By functional analysis of variance over a random forest (Hutter et al. 2014, "An efficient approach for
        assessing hyperparameter importance").
        """
        optuna = _optuna()
        complete = [trial for trial in self.trials() if trial.state == "complete"]
        if len(complete) < 4 or len({trial.value for trial in complete}) < 2:
            return {}
        with _quiet():
            evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
            try:
                found = optuna.importance.get_param_importances(self._study, evaluator=evaluator)
            except (ValueError, RuntimeError):  # settings that hardly ever varied
                return {}
        return {name: float(share) for name, share in found.items()}

    def _tidy(self) -> None:
        """Remove the runs of finished trials but for the best one's; one that is not the best never becomes it.

        The best is one of the trials that are gone through: another process may finish a better one meanwhile.
        """
        trials = self.trials()
        best = self._best_of(trials)
        for trial in trials:
            if best is None or trial.number != best.number:
                shutil.rmtree(self.run_of(trial.number), ignore_errors=True)


class Watcher(Progress):
    """Follows one trial; tells the study of each epoch's dev metric, and stops the trial where it falls behind.

    Attributes:
        path: where the trial's run may be saved.
        epochs: how many are done.
    """

    def __init__(self, trial: optuna.Trial, metric: str, path: Path) -> None:
        self._trial, self._metric, self.path, self.epochs = trial, metric, path, 0
        self._best: float | None = None

    @property
    def number(self) -> int:
        """The trial's."""
        return int(self._trial.number)

    def report(self, step: int, value: float) -> None:
        """Tell the metric after ``step`` epochs or folds.

        Raises:
            Stop: most earlier trials did better at this point.
        """
        self.epochs = step
        with _quiet():
            self._trial.report(value, step)
            if self._trial.should_prune():
                raise Stop

    def on_dev(self, epoch: int, metrics: Mapping[str, Any], best: bool) -> None:
        """See Progress.on_dev. The best epoch's weights are kept, so that is what counts, not the latest's."""
        better = min if self._metric in FALLING else max
        value = value_of(metrics, self._metric)
        self._best = value if self._best is None else better(self._best, value)
        self.report(epoch, self._best)


def value_of(metrics: Mapping[str, Any], metric: str) -> float:
    """Return a metric.

    Raises:
        InputError: it is not among those that were measured.
    """
    if metric not in metrics:
        known = [name for name in METRICS if name in metrics]
        raise InputError(f"there is no {metric} of this model; --metric is one of {', '.join(known) or 'none'}")
    return float(metrics[metric])


def _suggest(trial: optuna.Trial, name: str, space: Space) -> Any:
    if not isinstance(space, Range):
        return trial.suggest_categorical(name, space.words)
    if space.whole:
        step = 1 if space.step is None else int(space.step)
        return trial.suggest_int(name, int(space.low), int(space.high), step=step, log=space.log)
    return trial.suggest_float(name, space.low, space.high, step=space.step, log=space.log)


def _trial(frozen: optuna.trial.FrozenTrial) -> Trial:
    import optuna

    note = str(frozen.user_attrs.get(NOTE, ""))
    state = "failed" if note else "complete" if frozen.state == optuna.trial.TrialState.COMPLETE else "pruned"
    seconds = frozen.duration.total_seconds() if frozen.duration else 0.0
    epochs = int(frozen.user_attrs.get("epochs", 0))
    value = None if frozen.value is None or state == "failed" else float(frozen.value)
    return Trial(frozen.number, state, value, dict(frozen.params), epochs, seconds, note)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as missing:
        raise InputError("a search needs Optuna, which is not installed: pip install 'lexgrad[tune]'") from missing
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _storage(file: Path) -> Any:
    """The database. Its connections are closed at once: nobody says when a study is done with."""
    import sqlalchemy.pool

    seconds_to_wait = 100  # while another process writes
    settings = {"connect_args": {"timeout": seconds_to_wait}, "poolclass": sqlalchemy.pool.NullPool}
    return _optuna().storages.RDBStorage(f"sqlite:///{file.as_posix()}", engine_kwargs=settings)


@contextmanager
def _quiet() -> Iterator[None]:
    """What Optuna warns of is what it calls experimental of its own; nothing that a person could do anything about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """What SQLAlchemy and Optuna say of a file that is no study, as one line."""
    import sqlalchemy.exc

    try:
        yield
    except (sqlalchemy.exc.DatabaseError, KeyError, RuntimeError) as fault:
        reason = str(getattr(fault, "orig", None) or fault).splitlines()[0]
        raise InputError(f"{file} can not be used as a study ({reason}); choose another --out") from fault


def _difference(begun: Mapping[str, Any], given: Mapping[str, Any], of: str = "") -> str:
    """The first thing that differs between two studies, of spaces and settings the one that does."""
    name = next(name for name in {**begun, **given} if begun.get(name) != given.get(name))
    before, now = begun.get(name), given.get(name)
    if isinstance(before, dict) and isinstance(now, dict):
        return _difference(before, now, f"{name}: ")
    return f"{of}{name} {_short(before)}; it cannot go on with {_short(now)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def ranked(trials: Sequence[Trial], metric: str) -> list[Trial]:
    """Complete trials, the best first, then those stopped early."""
    sign = 1 if metric in FALLING else -1
    return sorted(
        (trial for trial in trials if trial.value is not None),
        key=lambda trial: (trial.state != "complete", sign * float(trial.value or 0.0), trial.number),
    )
