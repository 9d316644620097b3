"""Every mistake of a user's: exit code 2 and one line that says what, where, and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Lexgrad

TRAIN = ("--epochs", "2", "--quiet")
ROWS = "text,label\na fine film,good\na dull film,bad\n"

# What a file holds, and what the line about it must say.
FILES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "empty": (b"", ("empty",)),
    "heading only": (b"text,label\n", ("x.csv",)),
    "no text column": (b"txet,label\na,b\n", ("'text'", "'txet'", "--text")),
    "no label column": (b"text,class\na,b\n", ("'label'", "'class'", "--label")),
    "ragged row": (ROWS.encode() + b"a,b,c\n", ("row 4", "2", "3")),
    "wrong encoding": (ROWS.encode() + b"caf\xe9 au lait,good\n", ("row 4", "0xe9", "byte", "--encoding")),
    "one class only": (b"text,label\na,good\nb,good\n", ("at least two classes", "good")),
    "binary": (bytes(range(256)) * 8, ("x.csv",)),
}


@pytest.mark.parametrize("fault", FILES)
def test_faulty_training_file(lexgrad: Lexgrad, fault: str) -> None:
    content, parts = FILES[fault]
    Path("x.csv").write_bytes(content)
    line = lexgrad("train", "logistic", "x.csv", *TRAIN).mistake()
    assert all(part in line for part in ("x.csv", *parts)), line
    assert not list(Path("runs").glob("*"))


@pytest.mark.parametrize("fault", [name for name in FILES if name != "one class only"])
@pytest.mark.parametrize("which", ["--dev", "--test"])
def test_faulty_dev_or_test_file_is_found_before_training(
    lexgrad: Lexgrad, films: Path, fault: str, which: str
) -> None:
    content, parts = FILES[fault]
    Path("x.csv").write_bytes(content)
    line = lexgrad("train", "logistic", films, which, "x.csv", *TRAIN).mistake()
    assert all(part in line for part in ("x.csv", *parts)), line
    assert not list(Path("runs").glob("*"))


def test_bf16_on_a_processor_without_it(lexgrad: Lexgrad, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXGRAD_CPU", "portable")
    line = lexgrad("train", "logistic", films, "--precision", "bf16", *TRAIN).mistake()
    assert all(part in line for part in ("bf16", "AMX", "AVX512-BF16", "use fp32")), line
    assert not list(Path("runs").glob("*"))


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("train", "logistic", "flims.csv"), ("flims.csv",)),
        (("train", "logistic", ""), ("name of a file; got an empty one",)),
        (("train", "ffnn", "films.csv", "--vectors", ""), ("name of a file; got an empty one",)),
        (("train", "logistic", "films.csv", "--dev", "dev.csv"), ("dev.csv",)),
        (("train", "logistics", "films.csv"), ("'logistics'", "'logistic'")),
        (("train", "logistic", "films.csv", "--set", "lerning_rate=1"), ("'lerning_rate'", "'learning_rate'")),
        (("train", "logistic", "films.csv", "--set", "learning_rate=fast"), ("'learning_rate'", "'fast'")),
        (("train", "logistic", "films.csv", "--set", "optimizer=adma"), ("'adma'", "'adam'")),
        (("train", "logistic", "films.csv", "--precision", "fp8"), ("precision", "'fp8'", "fp32")),
        (("train", "logistic", "films.csv", "--vectors", "v.txt"), ("vectors",)),
        (("train", "ffnn", "films.csv", "--vectors", "v.txt"), ("v.txt",)),
        (("train", "logistic", "films.csv", "--text", "label", "--label", "klass"), ("'klass'",)),
        (("train", "logistic", "films.csv", "--encoding", "klingon"), ("klingon",)),
        (("train", "logistic", "films.csv", "--format", "cvs"), ("'cvs'", "'csv'")),
        (("train", "logistic", "."), ("folder",)),
        (("train", "logistic", "films.csv", "--out", "films.csv"), ("films.csv",)),
        (("train", "logistic", "films.csv", "--out", "films.csv/x"), ("films.csv",)),
        (("train", "logistic", "films.csv", "--resume"), ("nothing to resume",)),
        (("train", "logistic", "builtin:python-docstring"), ("python-docstrings",)),
        (("train", "logistic", "builtin:python-docs"), ("label",)),
        (("train", "logistic", "-", "--dev", "-"), ("standard input",)),
        (("evaluate", "nowhere", "films.csv"), ("nowhere",)),
        (("predict", "nowhere", "a text"), ("nowhere",)),
        (("show", "nowhere"), ("nowhere",)),
        (("show", "films.csv"), ("films.csv",)),
    ],
    ids=lambda value: "" if isinstance(value[-1], str) and len(value) == 1 else " ".join(value),
)
def test_mistakes(lexgrad: Lexgrad, films: Path, arguments: tuple[str, ...], parts: tuple[str, ...]) -> None:
    quick = TRAIN if arguments[0] == "train" else ()
    line = lexgrad(*arguments, *quick).mistake()
    assert all(part in line for part in parts), line


def test_logistic_tells_two_classes_apart(lexgrad: Lexgrad) -> None:
    Path("x.csv").write_text("text,label\na,1\nb,2\nc,3\n", encoding="utf-8")
    line = lexgrad("train", "logistic", "x.csv", *TRAIN).mistake()
    assert "3 classes" in line


def test_vectors_of_another_width(lexgrad: Lexgrad, films: Path) -> None:
    Path("v.txt").write_text("lovely 1 2 3\ndull 4 5 6\n", encoding="utf-8")
    line = lexgrad("train", "ffnn", films, "--vectors", "v.txt", "--set", "dimensions=5", *TRAIN).mistake()
    assert "3" in line
    assert "5" in line
    Path("v.txt").write_text("lovely 1 2 3\ndull 4 5\n", encoding="utf-8")
    line = lexgrad("train", "ffnn", films, "--vectors", "v.txt", *TRAIN).mistake()
    assert "v.txt" in line
    assert "line 2" in line


def test_a_label_that_training_did_not_have(lexgrad: Lexgrad, films: Path) -> None:
    Path("x.csv").write_text("text,label\na,good\nb,god\n", encoding="utf-8")
    line = lexgrad("train", "logistic", films, "--test", "x.csv", "--out", "r", *TRAIN).mistake()
    assert "x.csv: row 3: label 'god' is not one of" in line
    assert "saved in r" in line
    assert "row 3: label 'god'" in lexgrad("evaluate", "r", "x.csv").mistake()
    line = lexgrad("train", "logistic", films, "--dev", "x.csv", "--out", "again", *TRAIN).mistake()
    assert "x.csv: row 3: label 'god' is not one of the model's classes (bad, good) (did you mean 'good'?)" in line
    assert not Path("again").exists()


# ---- run directories ---------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def garbage(path: Path) -> None:
    path.write_bytes(b"\x00\xff garbage")


def remove(path: Path) -> None:
    path.unlink()


def edit(**changes: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        config = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(config | changes), encoding="utf-8")

    return change


@pytest.fixture
def trained(lexgrad: Lexgrad, films: Path) -> Path:
    assert lexgrad("train", "logistic", films, "--out", "r", *TRAIN).code == 0
    return Path("r")


DAMAGES: list[tuple[str, Callable[[Path], None], str]] = [
    ("config.json", cut, "config.json"),
    ("config.json", garbage, "config.json"),
    ("config.json", remove, "config.json"),
    ("config.json", edit(format=99, lexgrad="9.9"), "upgrade lexgrad"),
    ("config.json", edit(format="x"), "config.json"),
    ("config.json", edit(model="logitsic"), "config.json"),
    ("config.json", edit(settings=[]), "config.json"),
    ("config.json", edit(classes=3), "config.json"),
    ("config.json", edit(encoder={}), "r: "),
    ("model.safetensors", cut, "model.safetensors"),
    ("model.safetensors", garbage, "model.safetensors"),
    ("model.safetensors", remove, "r"),
    ("tokenizer.json", cut, "tokenizer.json"),
    ("tokenizer.json", garbage, "tokenizer.json"),
    ("tokenizer.json", remove, "tokenizer.json"),
    ("metrics.jsonl", garbage, "metrics.jsonl"),
]


@pytest.mark.parametrize(
    ("file", "damage", "part"), DAMAGES, ids=[f"{index} {name}" for index, (name, _, _) in enumerate(DAMAGES)]
)
def test_damaged_run(
    lexgrad: Lexgrad, trained: Path, films: Path, file: str, damage: Callable[[Path], None], part: str
) -> None:
    damage(trained / file)
    for command in (("evaluate", trained, films), ("predict", trained, "a text")):
        line = lexgrad(*command).mistake()
        assert part in line, line
    shown = lexgrad("show", trained)
    assert shown.code in {0, 2}, shown.err
    if shown.code == 2:
        assert part in shown.mistake()


@pytest.mark.parametrize("damage", [cut, garbage])
def test_damaged_checkpoint_is_not_resumed(
    lexgrad: Lexgrad, trained: Path, films: Path, damage: Callable[[Path], None]
) -> None:
    damage(trained / "checkpoint.safetensors")
    line = lexgrad("train", "logistic", films, "--out", "r", *TRAIN, "--resume").mistake()
    assert "checkpoint.safetensors" in line


def test_resume_with_other_data_or_settings(lexgrad: Lexgrad, trained: Path, films: Path) -> None:
    resume = ("--out", "r", *TRAIN, "--resume")
    assert "l2" in lexgrad("train", "logistic", films, *resume, "--set", "l2=0.5").mistake()
    assert "softmax" in lexgrad("train", "softmax", films, *resume).mistake()
    films.write_text(films.read_text(encoding="utf-8") + "one more,good\n", encoding="utf-8")
    assert "with other training data" in lexgrad("train", "logistic", films, *resume).mistake()


def test_resume_with_a_dev_file_that_was_not_there(lexgrad: Lexgrad, trained: Path, films: Path) -> None:
    line = lexgrad("train", "logistic", films, "--dev", films, "--out", trained, *TRAIN, "--resume").mistake()
    assert "r was started with other dev data (none)" in line


def test_a_folder_of_runs_is_no_run(lexgrad: Lexgrad, films: Path) -> None:
    lexgrad("train", "logistic", films, "--seeds", 2, "--test", films, "--out", "both", *TRAIN)
    line = lexgrad("predict", "both", "a text").mistake().replace("\\", "/")
    assert "it has no config.json; runs in it: both/seed-0, both/seed-1" in line


def test_too_rare_words(lexgrad: Lexgrad, films: Path) -> None:
    line = lexgrad("train", "ffnn", films, "--set", "min_count=999", "--out", "r", *TRAIN).mistake()
    assert "films.csv: no word is there 999 times or more: lower min_count" in line
    line = lexgrad("train", "ffnn", films, "--set", "tokens=bpe", "--set", "max_features=9", *TRAIN).mistake()
    assert "'bpe' has 257 tokens or more" in line
    assert not Path("r").exists()
