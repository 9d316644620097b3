"""`train --folds` and `--seeds`: a run directory each, means and deviations, stopped and continued."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lexgrad.cli import repeat
from tests.cli.conftest import Lexgrad

FEW = ("--epochs", "2", "--batch", "4")


@pytest.fixture(autouse=True)
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXGRAD_ENGINE", "interpreter")


def test_folds(lexgrad: Lexgrad, films: Path) -> None:
    ran = lexgrad("train", "logistic", films, "--folds", 3, "--dev", "25%", *FEW, "--json")
    assert ran.code == 0, ran.err
    result = ran.json()
    assert [row["run"] for row in result["runs"]] == ["fold-1", "fold-2", "fold-3"]
    assert sum(row["held_out"]["n"] for row in result["runs"]) == 32
    assert [row["dev"]["n"] for row in result["runs"]] == [5, 5, 5]
    mean = sum(row["held_out"]["accuracy"] for row in result["runs"]) / 3
    assert result["summary"]["held_out"]["accuracy"]["mean"] == pytest.approx(mean)
    assert "fold 2 of 3: held-out fold accuracy" in ran.err
    assert result["path"] == str(Path("runs/logistic-films-1"))
    shown = lexgrad("show", result["path"])
    assert "held-out fold:" in shown.out
    assert "±" in shown.out
    assert lexgrad("show", result["path"], "--json").json()["summary"] == result["summary"]
    one = lexgrad("predict", "runs/logistic-films-1/fold-2", "a lovely film")
    assert json.loads(one.out)["label"] == "good"


def test_seeds(lexgrad: Lexgrad, films: Path) -> None:
    ran = lexgrad("train", "ffnn", films, "--seeds", 2, "--seed", 5, "--test", films, *FEW, "--out", "runs", "--json")
    assert ran.code == 0, ran.err
    rows = ran.json()["runs"]
    assert [row["seed"] for row in rows] == [5, 6]
    kept = [json.loads(Path("runs", row["run"], "config.json").read_text())["settings"]["seed"] for row in rows]
    assert kept == [5, 6]
    again = lexgrad("train", "ffnn", films, "--seed", 6, "--test", films, *FEW, "--json").json()
    assert again["test"]["loss"] == rows[1]["test"]["loss"], "one of several is the run that it would be alone"


def test_stopped_and_continued(lexgrad: Lexgrad, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = ("train", "ffnn", films, "--folds", 3, *FEW, "--out")
    whole = lexgrad(*order, "whole", "--json").json()
    epochs = []

    class Stopping(repeat._Bar):
        def on_epoch(self, epoch: int, epochs_: int) -> None:
            super().on_epoch(epoch, epochs_)
            epochs.append(epoch)
            if len(epochs) == 4:  # the second epoch of the second fold
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(repeat, "_Bar", Stopping)
        stopped = lexgrad(*order, "parts")
    assert stopped.code == 130
    assert "stopped in fold 2 of 3, epoch 2 after 0 steps, all is saved in parts" in stopped.err
    command = stopped.err.splitlines()[-1].removeprefix("continue with: ").split()
    assert command[-5:] == ["--out", "parts", "--folds", "3", "--resume"]
    assert len(json.loads(Path("parts/results.json").read_text())["runs"]) == 1
    resumed = lexgrad(*command[1:], "--json")
    assert resumed.code == 0, resumed.err

    def plain(result: dict[str, Any]) -> list[dict[str, Any]]:
        return [{name: value for name, value in row.items() if name != "train_seconds"} for row in result["runs"]]

    assert plain(resumed.json()) == plain(whole)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--seeds", 2), ("--seeds", "--folds, --dev or --test")),
        (("--folds", 1), ("--folds", "equal to 2")),
        (("--folds", 99), ("2 to 32 folds", "films.csv", "99")),
        (("--folds", 2, "--resume"), ("nothing to resume", "--out")),
        (("--dev", "0%"), ("--dev 0%", "10%")),
        (("--dev", "120%"), ("--dev 120%", "below 100%")),
        (("--folds", 2, "--set", "units=2,2"), ("units", "layers")),
        (("--folds", 2, "--resume", "--overwrite"), ("--resume", "--overwrite")),
    ],
)
def test_mistakes(lexgrad: Lexgrad, films: Path, arguments: tuple[Any, ...], parts: tuple[str, ...]) -> None:
    line = lexgrad("train", "ffnn", films, *FEW, *arguments).mistake()
    assert all(part in line for part in parts), line
    assert not list(Path().glob("runs/*"))


def test_other_trainings_than_those_begun(lexgrad: Lexgrad, films: Path) -> None:
    order = ("train", "logistic", films, "--folds", 2, *FEW, "--out", "here")
    assert lexgrad(*order, "--quiet").out == "here\n"
    assert "--resume" in lexgrad(*order).mistake()
    assert "was begun with folds 2; cannot go on with 3" in lexgrad(*order, "--folds", 3, "--resume").mistake()
    assert "was begun with settings" in lexgrad(*order, "--set", "l2=1", "--resume").mistake()
    assert lexgrad(*order, "--threads", 1, "--resume", "--quiet").code == 0
    replaced = lexgrad(*order, "--set", "l2=1", "--overwrite", "--json").json()
    assert [row["epochs"] for row in replaced["runs"]] == [2, 2]
    Path("here/results.json").write_text("{")
    assert "damaged" in lexgrad("show", "here").mistake()
