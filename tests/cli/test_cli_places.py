"""Where runs are saved, and what may be done with a directory that exists."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from lexgrad.cli.places import opened_run, stem
from lexgrad.errors import InputError
from lexgrad.train.run import Run


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def trained(model: str, source: str, out: Path | None = None, **options: bool) -> Path:
    """Act a training that gets as far as its configuration."""
    flags = {"resume": False, "overwrite": False} | options
    with opened_run(model, source, out, **flags) as run:
        run.write_config({"model": model})
    return run.path


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("data/sst2_train.csv", "sst2_train"),
        ("sst2_train.csv.gz", "sst2_train"),
        ("v1.2/my texts.TSV", "my-texts"),
        ("stsa.binary.train.txt", "stsa.binary.train"),
        ("builtin:python-docstrings", "python-docstrings"),
        ("builtin:python-docstrings:train", "python-docstrings-train"),
        ("-", "stdin"),
        (".csv", "csv"),
        ("日本.csv", "日本"),
    ],
)
def test_stem(source: str, name: str) -> None:
    assert stem(source) == name


def test_default_directories_are_numbered() -> None:
    assert trained("softmax", "a.csv") == Path("runs/softmax-a-1")
    assert trained("softmax", "a.csv") == Path("runs/softmax-a-2")
    assert trained("ffnn", "a.csv") == Path("runs/ffnn-a-1")


def test_a_run_is_not_replaced_unasked() -> None:
    trained("softmax", "a.csv", Path("mine"))
    with pytest.raises(InputError, match=r"mine already holds a run.*--resume.*--overwrite"):
        trained("softmax", "a.csv", Path("mine"))
    assert trained("softmax", "a.csv", Path("mine"), overwrite=True) == Path("mine")


def test_resume_finds_the_latest_run_of_that_name() -> None:
    for _ in range(10):
        trained("softmax", "a.csv")
    with opened_run("softmax", "a.csv", None, resume=True, overwrite=False) as run:
        assert (run.path, run.resuming) == (Path("runs/softmax-a-10"), True)


def test_nothing_to_resume() -> None:
    with pytest.raises(InputError, match=r"nothing to resume.*--out"):
        trained("softmax", "a.csv", resume=True)
    with pytest.raises(InputError, match="mine is not a run directory"):
        trained("softmax", "a.csv", Path("mine"), resume=True)


def test_resume_and_overwrite_contradict() -> None:
    with pytest.raises(InputError, match="--resume and --overwrite"):
        trained("softmax", "a.csv", resume=True, overwrite=True)


def fail_in(run: Run, *, after_writing: bool, trained: bool = False) -> None:
    if after_writing:
        run.write_config({"model": "softmax"})
    if trained:
        (run.path / "checkpoint.safetensors").write_text("trained")
    raise InputError("a fault in the texts")


@pytest.mark.parametrize("out", [None, Path("mine")])
@pytest.mark.parametrize("after_writing", [False, True])
def test_a_failure_before_anything_is_trained_leaves_no_run(out: Path | None, after_writing: bool) -> None:
    with (
        pytest.raises(InputError, match="a fault in the texts"),
        opened_run("softmax", "a.csv", out, resume=False, overwrite=False) as run,
    ):
        fail_in(run, after_writing=after_writing)
    assert not run.path.exists()


@pytest.mark.parametrize("after_writing", [False, True])
def test_a_directory_of_the_users_stays_as_it_was(after_writing: bool) -> None:
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("my own", encoding="utf-8")
    with (
        pytest.raises(InputError, match="a fault in the texts"),
        opened_run("softmax", "a.csv", Path("mine"), resume=False, overwrite=False) as run,
    ):
        fail_in(run, after_writing=after_writing)
    assert [file.name for file in Path("mine").iterdir()] == ["notes.txt"]


def test_what_was_trained_before_a_failure_stays() -> None:
    with (
        pytest.raises(InputError, match="a fault in the texts"),
        opened_run("softmax", "a.csv", None, resume=False, overwrite=False) as run,
    ):
        fail_in(run, after_writing=True, trained=True)
    assert sorted(file.name for file in run.path.iterdir()) == ["checkpoint.safetensors", "config.json"]


def test_runs_is_a_file() -> None:
    Path("runs").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="runs is a file"):
        trained("softmax", "a.csv")


def replaced(writes: str | None, fault: type[BaseException]) -> None:
    """Begin to replace the run in ``mine``, write a file or not, and fail."""
    with suppress(fault), opened_run("softmax", "a.csv", Path("mine"), resume=False, overwrite=True) as run:
        run.write_config({"model": "new"})
        if writes:
            (run.path / writes).write_text("new")
        raise fault


@pytest.mark.parametrize("fault", [InputError, KeyboardInterrupt, OSError])
def test_a_run_that_is_not_replaced_after_all_is_still_there(fault: type[BaseException]) -> None:
    trained("softmax", "a.csv", Path("mine"))
    Path("mine/model.safetensors").write_text("old")
    before = {file.name: file.read_bytes() for file in Path("mine").iterdir()}
    replaced(None, fault)
    assert {file.name: file.read_bytes() for file in Path("mine").iterdir()} == before
    replaced("checkpoint.safetensors", fault)
    assert sorted(file.name for file in Path("mine").iterdir()) == ["checkpoint.safetensors", "config.json"]
    assert Run.open("mine").config()["model"] == "new"
