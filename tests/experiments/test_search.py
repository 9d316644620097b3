"""A study: what it remembers, who may join it, which run it keeps, and what it says of damaged ones."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lexgrad.errors import InputError
from lexgrad.experiments.search import STUDY, Study, Trial, Watcher, ranked
from lexgrad.experiments.spaces import Choices, Range, Space

pytest.importorskip("optuna")

ASKED = {"metric": "accuracy", "model": "ffnn", "settings": {"epochs": 3}}
SPACES: dict[str, Space] = {
    "learning_rate": Range(1e-4, 1e-1, whole=False, log=True),
    "units": Range(10, 100, whole=True, step=10),
    "pool": Choices(("mean", "max")),
}


def begun(path: Path, **changes: Any) -> Study:
    given: dict[str, Any] = {
        "asked": ASKED,
        "spaces": SPACES,
        "first": {"units": 50, "pool": "max"},
        "seed": 0,
    } | changes
    return Study.open(path, **given)


def objective(point: Mapping[str, Any], watcher: Watcher) -> float:
    """Best at learning_rate 0.01, whatever the rest; leaves a run behind."""
    watcher.path.mkdir()
    value = 1.0 - 0.1 * abs(float(point["learning_rate"]) - 0.01)
    for epoch in (1, 2, 3):
        watcher.on_dev(epoch, {"accuracy": value * (0.8 + epoch / 15)}, best=True)
    return value


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of twelve trials in two sittings."""
    folder = tmp_path_factory.mktemp("study")
    study = begun(folder)
    for _ in range(6):
        study.try_one(objective)
    study = begun(folder)
    for _ in range(6):
        study.try_one(objective)
    return folder


def test_points_lie_in_the_spaces_and_the_defaults_come_first(path: Path) -> None:
    trials = Study.read(path).trials()
    assert [trial.number for trial in trials] == list(range(12))
    assert (trials[0].point["units"], trials[0].point["pool"]) == (50, "max")
    for trial in trials:
        assert 1e-4 <= trial.point["learning_rate"] <= 1e-1
        assert trial.point["units"] in range(10, 101, 10)
        assert trial.point["pool"] in ("mean", "max")
    assert len({trial.point["learning_rate"] for trial in trials}) == 12, "who joins draws other points"


def test_only_the_best_run_is_kept(path: Path) -> None:
    study = Study.read(path)
    best = study.best()
    assert best is not None
    assert best.value == max(trial.value or 0.0 for trial in study.trials() if trial.state == "complete")
    assert [folder.name for folder in path.glob("trial-*")] == [f"trial-{best.number + 1:03d}"]
    assert ranked(study.trials(), "accuracy")[0] == best


def test_what_mattered(path: Path) -> None:
    shares = Study.read(path).importances()
    assert next(iter(shares)) == "learning_rate"
    assert sum(shares.values()) == pytest.approx(1.0)


def _tries_three(path: Path, both: Any) -> None:
    study = begun(path)

    def together(point: Mapping[str, Any], watcher: Watcher) -> float:
        both.wait(120)  # for the other one: two trials are always under way
        return objective(point, watcher)

    for _ in range(3):
        study.try_one(together)


def test_processes_share_a_study_at_the_same_time(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    both = spawn.Barrier(2)
    begun(tmp_path)
    processes = [spawn.Process(target=_tries_three, args=(tmp_path, both)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    study = Study.read(tmp_path)
    trials, best = study.trials(), study.best()
    assert [trial.number for trial in trials] == list(range(6))
    complete = [trial for trial in trials if trial.state == "complete"]
    assert len(complete) >= 5, "the last one alone may be stopped early, where it begins to report after five others"
    assert {trial.state for trial in trials} <= {"complete", "pruned"}
    assert len({trial.point["learning_rate"] for trial in trials}) == 6, "each draws other points"
    assert best is not None
    assert best.value == max(trial.value or 0.0 for trial in complete)
    assert [folder.name for folder in tmp_path.glob("trial-*")] == [f"trial-{best.number + 1:03d}"]


def test_a_better_trial_that_another_process_finishes_meanwhile_keeps_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, other = begun(tmp_path), begun(tmp_path)
    finished: list[Trial] = []

    def perfect(point: Mapping[str, Any], watcher: Watcher) -> float:
        watcher.path.mkdir()
        return 1.0

    def slowly() -> list[Trial]:
        trials = Study.read(tmp_path).trials()
        if not finished:
            finished.append(other.try_one(perfect))
        return trials

    with monkeypatch.context() as patch:
        patch.setattr(study, "trials", slowly)
        study.try_one(objective)
    assert study.best() == finished[0]
    assert study.run_of(finished[0].number).is_dir()


def test_trials_that_fall_behind_are_stopped(tmp_path: Path) -> None:
    study = begun(tmp_path)
    for _ in range(6):
        study.try_one(objective)

    def bad(point: Mapping[str, Any], watcher: Watcher) -> float:
        for epoch in (1, 2, 3):
            watcher.on_dev(epoch, {"accuracy": 0.1}, best=False)
        raise AssertionError("it should have been stopped")

    trial = study.try_one(bad)
    assert (trial.state, trial.value, trial.epochs) == ("pruned", 0.1, 2)


def test_a_trial_that_fails_is_remembered_and_one_that_is_interrupted_is_not(tmp_path: Path) -> None:
    study = begun(tmp_path)

    def refused(point: Mapping[str, Any], watcher: Watcher) -> float:
        raise InputError("units gives 2 hidden layers")

    failed = study.try_one(refused)
    assert (failed.state, failed.value, failed.note) == ("failed", None, "units gives 2 hidden layers")

    def stopped(point: Mapping[str, Any], watcher: Watcher) -> float:
        watcher.path.mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.try_one(stopped)
    assert study.trials() == [failed]
    assert not list(tmp_path.glob("trial-*"))
    assert study.best() is None
    assert study.importances() == {}


def test_another_search_can_not_join(path: Path) -> None:
    with pytest.raises(InputError, match='holds a study begun with metric "accuracy"; it cannot go on with "loss"'):
        begun(path, asked={**ASKED, "metric": "loss"})
    with pytest.raises(InputError, match=r"begun with spaces: learning_rate .* cannot go on with null"):
        begun(path, spaces={"units": Range(1, 5, whole=True)})


def test_what_is_no_study(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no study: it has no study\.db"):
        Study.read(tmp_path)
    (tmp_path / STUDY).write_text("no database at all, only words")
    with pytest.raises(InputError, match=r"study\.db can not be used as a study \(file is not a database\)"):
        begun(tmp_path)
    with pytest.raises(InputError, match=r"study\.db can not be used as a study"):
        Study.read(tmp_path)
