"""`lexgrad train` and the commands that read what it saved, from file to answer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from lexgrad.cli.predict import BATCH
from tests.cli.conftest import Lexgrad, write_films

QUICK = ("--epochs", "3")


def test_train_reports_and_says_what_is_next(lexgrad: Lexgrad, films: Path) -> None:
    ran = lexgrad("train", "logistic", films, "--test", films, *QUICK)
    assert ran.code == 0
    assert "epoch 1/3: loss" in ran.err
    assert "trained logistic with" in ran.out
    assert "test: accuracy 1.0000" in ran.out
    assert "true \\ predicted" in ran.out
    run = str(Path("runs/logistic-films-1"))
    assert f"saved in {run}" in ran.out
    assert f"lexgrad predict {run}" in ran.out.replace("'", "")
    assert sorted(path.name for path in Path(run).iterdir()) == [
        "checkpoint.safetensors",
        "config.json",
        "metrics.jsonl",
        "model.safetensors",
        "tokenizer.json",
    ]


@pytest.mark.parametrize("model", ["logistic", "softmax", "ffnn"])
def test_train_json_and_evaluate_json_agree(lexgrad: Lexgrad, films: Path, model: str) -> None:
    dev = write_films(films.with_name("dev.csv"), copies=2)
    ran = lexgrad("train", model, films, "--dev", dev, "--test", films, *QUICK, "--json", "--seed", "7")
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 1
    assert "trained" in ran.err
    told = ran.json()
    assert set(told) == {
        "model",
        "run",
        "seed",
        "epochs",
        "parameters",
        "train_seconds",
        "examples_per_second",
        "tokens_per_second",
        "dev",
        "test",
    }
    assert (told["model"], told["seed"], told["epochs"]) == (model, 7, 3)
    assert {"accuracy", "macro_f1", "loss", "n"} <= set(told["test"])
    assert told["dev"]["n"] == 16
    again = lexgrad("evaluate", told["run"], films, "--json")
    assert again.json() == told["test"]
    shown = lexgrad("show", told["run"], "--json").json()
    numbers = sum(int(np.prod(row["shape"])) for row in shown["parameters"])
    assert numbers == told["parameters"]


def test_without_dev_and_test_they_are_null(lexgrad: Lexgrad, films: Path) -> None:
    told = lexgrad("train", "logistic", films, *QUICK, "--json").json()
    assert (told["dev"], told["test"]) == (None, None)


def test_quiet_prints_only_the_run(lexgrad: Lexgrad, films: Path) -> None:
    ran = lexgrad("train", "logistic", films, "--out", "mine", *QUICK, "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "mine\n", "")


def test_quiet_json_prints_only_the_object(lexgrad: Lexgrad, films: Path) -> None:
    ran = lexgrad("train", "logistic", films, *QUICK, "--quiet", "--json")
    assert ran.err == ""
    assert ran.out.count("\n") == 1
    assert ran.json()["model"] == "logistic"


def test_same_seed_same_weights(lexgrad: Lexgrad, films: Path) -> None:
    for out in ("one", "two"):
        assert lexgrad("train", "ffnn", films, "--out", out, *QUICK, "--seed", "3").code == 0
    assert Path("one/model.safetensors").read_bytes() == Path("two/model.safetensors").read_bytes()
    assert lexgrad("train", "ffnn", films, "--out", "three", *QUICK, "--seed", "4").code == 0
    assert Path("one/model.safetensors").read_bytes() != Path("three/model.safetensors").read_bytes()


def test_settings_reach_the_model(lexgrad: Lexgrad, films: Path) -> None:
    ran = lexgrad("train", "ffnn", films, "--out", "r", *QUICK, "--set", "dimensions=6", "--set", "units=4")
    assert ran.code == 0
    parameters = load_file("r/model.safetensors")
    assert parameters["W1"].shape == (6, 4)


def test_columns_format_and_encoding(lexgrad: Lexgrad, films: Path, tmp_path: Path) -> None:
    rows = [line.rsplit(",", 1) for line in films.read_text(encoding="utf-8").splitlines()[1:]]
    text = "stars\treview\n" + "".join(f"{label}\t{text} café\n" for text, label in rows)
    (tmp_path / "reviews.data").write_bytes(text.encode("cp1252"))
    options = ("--text", "review", "--label", "stars", "--format", "tsv")
    told = ("--encoding", "cp1252")
    ran = lexgrad("train", "logistic", "reviews.data", *options, *told, *QUICK, "--out", "r")
    assert ran.code == 0, ran.err
    assert lexgrad("evaluate", "r", "reviews.data", *options, *told, "--json").json()["n"] == 32
    assert lexgrad("evaluate", "r", "reviews.data", *options, "--encoding", "detect").code == 0
    assert "cp1252" in lexgrad("evaluate", "r", "reviews.data", *options).mistake()


def test_an_existing_run_is_refused(lexgrad: Lexgrad, films: Path) -> None:
    train = ("train", "logistic", films, "--out", "mine", *QUICK)
    assert lexgrad(*train).code == 0
    before = Path("mine/model.safetensors").read_bytes()
    line = lexgrad(*train, "--seed", "5").mistake()
    assert "--resume" in line
    assert "--overwrite" in line
    assert Path("mine/model.safetensors").read_bytes() == before
    assert lexgrad(*train, "--set", "l2=1", "--overwrite").code == 0
    assert Path("mine/model.safetensors").read_bytes() != before


def test_predict_texts(lexgrad: Lexgrad, films: Path) -> None:
    lexgrad("train", "logistic", films, "--out", "r", "--epochs", "20", "--quiet")
    ran = lexgrad("predict", "r", "what a lovely film", "dull, dull, dull", "", "漢字 \u2028")
    assert ran.code == 0
    answers = [json.loads(line) for line in ran.out.split("\n") if line]
    assert [answer["text"] for answer in answers] == ["what a lovely film", "dull, dull, dull", "", "漢字 \u2028"]
    assert [answer["label"] for answer in answers[:2]] == ["good", "bad"]
    for answer in answers:
        assert set(answer["probabilities"]) == {"good", "bad"}
        assert sum(answer["probabilities"].values()) == pytest.approx(1)
        assert answer["label"] == max(answer["probabilities"], key=answer["probabilities"].__getitem__)


def test_predict_a_file(lexgrad: Lexgrad, films: Path) -> None:
    lexgrad("train", "logistic", films, "--out", "r", "--epochs", "20", "--quiet")
    ran = lexgrad("predict", "r", "--file", films)
    answers = [json.loads(line) for line in ran.out.splitlines()]
    wanted = [line.rsplit(",", 1) for line in films.read_text(encoding="utf-8").splitlines()[1:]]
    assert [[answer["text"], answer["label"]] for answer in answers] == wanted
    Path("unlabelled.jsonl").write_text('{"words": "lovely"}\n', encoding="utf-8")
    ran = lexgrad("predict", "r", "--file", "unlabelled.jsonl", "--text", "words")
    assert json.loads(ran.out)["label"] == "good"


def test_predict_a_file_of_several_batches(lexgrad: Lexgrad, films: Path) -> None:
    lexgrad("train", "logistic", films, "--out", "r", *QUICK, "--quiet")
    texts = [f"text number {number}" for number in range(2 * BATCH + 1)]
    Path("many.txt").write_text("\n".join(texts), encoding="utf-8")
    ran = lexgrad("predict", "r", "--file", "many.txt")
    assert [json.loads(line)["text"] for line in ran.out.splitlines()] == texts


def test_predict_takes_texts_one_way(lexgrad: Lexgrad, films: Path) -> None:
    lexgrad("train", "logistic", films, "--out", "r", *QUICK, "--quiet")
    assert "--file" in lexgrad("predict", "r", "a text", "--file", films).mistake()


def test_show(lexgrad: Lexgrad, films: Path) -> None:
    lexgrad("train", "ffnn", films, "--dev", films, "--out", "r", *QUICK, "--quiet")
    ran = lexgrad("show", "r")
    assert ran.code == 0
    for part in ("ffnn", "bad, good", "learning_rate", "W1", "total", "dev accuracy"):
        assert part in ran.out
    shown = lexgrad("show", "r", "--json").json()
    assert [row["epoch"] for row in shown["metrics"]] == [1, 2, 3]
    assert shown["config"]["model"] == "ffnn"


def test_models(lexgrad: Lexgrad) -> None:
    ran = lexgrad("models")
    assert ran.code == 0
    assert all(name in ran.out for name in ("logistic", "softmax", "ffnn", "learning_rate", "dropout"))
    told = lexgrad("models", "--json").json()["models"]
    assert told["ffnn"]["settings"]["pool"]["default"] == "mean"
    assert told["ffnn"]["settings"]["pool"]["help"]
    assert list(lexgrad("models", "softmax", "--json").json()["models"]) == ["softmax"]
    assert "'ffnn'" in lexgrad("models", "fnn").mistake()
    assert "made by `lexgrad mix`, not by train" in ran.out
    assert told["mixture-lm"] == {"help": told["mixture-lm"]["help"], "made_by": "mix", "settings": {}}
    assert {model["made_by"] for name, model in told.items() if name != "mixture-lm"} == {"train"}


def test_builtin_text_brings_its_own_parts(lexgrad: Lexgrad) -> None:
    ran = lexgrad("train", "softmax", "builtin:python-docstrings", "--epochs", "1", "--json")
    assert ran.code == 0, ran.err
    assert "test: builtin:python-docstrings:test" in ran.err
    told = ran.json()
    assert told["run"] == str(Path("runs/softmax-python-docstrings-1"))
    assert told["dev"]["n"] > 100
    again = lexgrad("evaluate", told["run"], "builtin:python-docstrings:test", "--json")
    assert again.json() == told["test"]
