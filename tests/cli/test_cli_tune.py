"""`lexgrad tune`: the best run kept, joined and continued, stopped, drawn; and what can not be searched."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lexgrad.cli import tune
from lexgrad.experiments.search import Study
from lexgrad.models.settings_files import read_settings
from tests.cli.conftest import Lexgrad

pytest.importorskip("optuna")

SMALL = ("--epochs", 2, "--set", "dimensions=4", "--space", "learning_rate=1e-3..1e-1:log", "--space", "units=2..8")


@pytest.fixture(autouse=True)
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXGRAD_ENGINE", "interpreter")


def test_search_on_a_dev_set(lexgrad: Lexgrad, films: Path) -> None:
    order = ("tune", "ffnn", films, "--dev", films, *SMALL, "--only", "--out", "here")
    ran = lexgrad(*order, "--trials", 3, "--json")
    assert ran.code == 0, ran.err
    found = ran.json()
    assert [set(trial["point"]) for trial in found["trials"]] == [{"learning_rate", "units"}] * 3
    assert "trial 3 of 3: accuracy" in ran.err
    joined = lexgrad(*order, "--trials", 5, "--resume", "--json").json()
    assert joined["trials"][:3] == found["trials"]
    assert len(joined["trials"]) == 5
    best = joined["best"]
    assert Path(joined["run"]) == Path("here", f"trial-{best['number'] + 1:03d}")
    measured = lexgrad("evaluate", joined["run"], films, "--json").json()
    assert measured["accuracy"] == best["value"]
    kept = json.loads(Path(joined["run"], "config.json").read_text())["settings"]
    assert kept["learning_rate"] == best["point"]["learning_rate"]
    assert (kept["dimensions"], kept["monitor"], kept["epochs"]) == (4, "accuracy", 2)
    file = read_settings("here/best.toml")
    assert file.model == "ffnn"
    assert file.values["units"] == best["point"]["units"]
    again = lexgrad("train", "ffnn", films, "--dev", films, "--settings", "here/best.toml", "--json").json()
    assert again["dev"]["accuracy"] == best["value"], "the file is the trial"
    assert "5 trials: " in lexgrad("show", "here").out
    if joined["plot"]:
        assert Path(joined["plot"]).read_text().startswith("<?xml")
        assert lexgrad("plot", "search", "here", "--out", "here/p.png").code == 0


def test_search_by_folds(lexgrad: Lexgrad, films: Path) -> None:
    ran = lexgrad("tune", "logistic", films, "--folds", 2, "--trials", 2, "--epochs", 2, "--metric", "loss", "--json")
    assert ran.code == 0, ran.err
    found = ran.json()
    assert "l2" in found["best"]["point"], "the model's own spaces"
    assert found["best"]["value"] == min(trial["value"] for trial in found["trials"])
    assert found["study"] == str(Path("runs/logistic-films-tune-1"))
    assert json.loads(lexgrad("predict", found["run"], "a lovely film").out)["label"] in ("good", "bad")


@pytest.mark.parametrize(
    ("model", "search"),
    [
        ("ffnn-lm", ("--epochs", 1, "--set", "dimensions=3", "--space", "units=2..4", "--only")),
        ("ngram-lm", ("--space", "order=1..3", "--only")),
    ],
)
def test_language_models_by_their_perplexity(
    lexgrad: Lexgrad, tmp_path: Path, model: str, search: tuple[Any, ...]
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat\nthe dog sat on the cat\na cat saw the dog\n" * 8, encoding="utf-8")
    ran = lexgrad("tune", model, text, "--dev", text, "--trials", 2, *search, "--out", "lm", "--json")
    assert ran.code == 0, ran.err
    found = ran.json()
    assert found["metric"] == "perplexity"
    assert found["best"]["value"] == min(trial["value"] for trial in found["trials"])
    measured = lexgrad("perplexity", found["run"], text, "--json").json()
    assert measured["perplexity"] == pytest.approx(found["best"]["value"], rel=1e-6)
    again = lexgrad("tune", model, text, "--dev", text, "--trials", 3, *search, "--out", "lm", "--resume", "--json")
    assert len(again.json()["trials"]) == 3, again.err


def test_stopped_and_continued(lexgrad: Lexgrad, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = ("tune", "ffnn", films, "--dev", films, *SMALL, "--trials", 3, "--out", "here")
    epochs = []

    class Stopping(tune.TrialDisplay):
        def on_epoch(self, epoch: int, epochs_: int) -> None:
            super().on_epoch(epoch, epochs_)
            epochs.append(epoch)
            if len(epochs) == 4:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tune, "TrialDisplay", Stopping)
        stopped = lexgrad(*order)
    assert stopped.code == 130
    assert "stopped; 1 finished trials are kept in here, the best with accuracy" in stopped.err
    command = stopped.err.splitlines()[-1].removeprefix("continue with: ").split()
    assert command[-1] == "--resume"
    resumed = lexgrad(*command[1:], "--json")
    assert resumed.code == 0, resumed.err
    assert len(resumed.json()["trials"]) == 3


def test_time_that_is_up(lexgrad: Lexgrad, films: Path) -> None:
    order = ("tune", "ffnn", films, "--dev", films, *SMALL, "--minutes", 0, "--out", "here")
    assert "no trial was finished" in lexgrad(*order).err.splitlines()[-1]


def test_the_best_settings_are_trained_in_full_when_time_is_up(
    lexgrad: Lexgrad, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, try_one = [0.0], Study.try_one

    def once(study: Any, objective: Any) -> Any:
        trial = try_one(study, objective)
        now[0] = 1e9
        return trial

    monkeypatch.setattr(Study, "try_one", once)
    monkeypatch.setattr(tune, "time", SimpleNamespace(monotonic=lambda: now[0]))
    order = ("tune", "logistic", films, "--folds", 2, "--epochs", 1, "--minutes", 5)
    ran = lexgrad(*order, "--out", "here", "--json")
    assert ran.code == 0, ran.err
    assert len(ran.json()["trials"]) == 1
    assert Path("here/trial-001/model.safetensors").is_file()


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--space", "units=2..8", "--set", "units=4"), ("units", "fixed, as 4", "2..8")),
        (("--only",), ("nothing to search", "--space")),
        (("--metric", "accurcy"), ("--metric", "did you mean 'accuracy'")),
        (("--space", "units"), ("--space units", "name=low..high")),
        (("--dev", "10%", "--folds", 3), ("--dev and --folds",)),
        (("--resume",), ("nothing to resume", "--out")),
        (("--folds", 40), ("2 to 32 folds",)),
        (("--space", "init=normal,xavierr"), ("'init'", "xavier")),
    ],
)
def test_mistakes(lexgrad: Lexgrad, films: Path, arguments: tuple[Any, ...], parts: tuple[str, ...]) -> None:
    line = lexgrad("tune", "ffnn", films, *arguments).mistake()
    assert all(part in line for part in parts), line
    assert not list(Path().glob("runs/*"))


def test_an_existing_search_is_not_overwritten_by_chance(lexgrad: Lexgrad, films: Path) -> None:
    order = ("tune", "logistic", films, "--dev", films, "--epochs", 1, "--trials", 1, "--out", "here", "--quiet")
    assert lexgrad(*order).out == str(Path("here/trial-001")) + "\n"
    assert "--resume" in lexgrad(*order).mistake()
    line = lexgrad(*order, "--metric", "loss", "--resume").mistake()
    assert "begun with metric" in line
    assert lexgrad(*order, "--metric", "loss", "--overwrite").code == 0
