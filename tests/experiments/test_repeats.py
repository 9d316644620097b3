"""Means and deviations over several trainings."""

from __future__ import annotations

import statistics

import pytest

from lexgrad.experiments.repeats import numbers_of, parts_of, spread, summary


def test_spread_is_the_samples() -> None:
    values = [0.81, 0.84, 0.79, 0.85]
    assert spread(values) == {
        "mean": pytest.approx(statistics.mean(values)),
        "deviation": pytest.approx(statistics.stdev(values)),
        "n": 4,
    }
    assert spread([0.5]) == {"mean": 0.5, "deviation": None, "n": 1}


def test_only_what_every_run_has_is_averaged() -> None:
    rows = [
        {"run": "seed-0", "test": {"accuracy": 0.5, "odd": 1.0, "n": 9}, "dev": {"accuracy": 0.6, "n": 3}},
        {"run": "seed-1", "test": {"accuracy": 0.7, "n": 9}},
    ]
    assert list(summary(rows)) == ["test"]
    assert summary(rows)["test"] == {"accuracy": spread([0.5, 0.7])}


def test_numbers_are_kept_and_tables_are_not() -> None:
    metrics = {"accuracy": 0.5, "n": 4, "classes": {}, "loss": float("inf"), "confusion_matrix": [[1]]}
    assert numbers_of(metrics) == {"accuracy": 0.5, "n": 4}


def test_runs_are_named_by_fold_and_seed() -> None:
    assert [part.name for part in parts_of([("t", "d", None)], [3, 4])] == ["seed-3", "seed-4"]
    sets = [("t", None, "h")] * 10
    assert [part.name for part in parts_of(sets, [0])][::9] == ["fold-01", "fold-10"]
    assert parts_of(sets, [0, 1])[-1].name == "fold-10-seed-1"
    assert parts_of(sets, [0, 1])[-1].title == "fold 10 of 10, seed 1"
