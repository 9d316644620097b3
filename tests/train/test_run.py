"""Run directories: refused when taken, readable after a kill in mid-save, clear about damage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexgrad.errors import InputError
from lexgrad.train import position as position_module
from lexgrad.train.position import Position, load_position, save_position
from lexgrad.train.run import Run


def some_position(value: float = 1.5) -> Position:
    return Position(
        parameters={"w": np.array([value, 2.0], np.float32), "b": np.array(0.25)},
        state={"w_mean": np.zeros(2, np.float32)},
        epoch=2,
        step=3,
        updates=17,
        loss_sum=0.1 + 0.2,
        examples=6,
        best={"w": np.array([9.0, 9.0], np.float32)},
        best_value=-1 / 3,
        rows=({"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.6}),
    )


def same(a: Position, b: Position) -> None:
    for group in ("parameters", "state", "best"):
        x, y = getattr(a, group) or {}, getattr(b, group) or {}
        assert x.keys() == y.keys()
        for name in x:
            assert x[name].dtype == y[name].dtype
            assert x[name].shape == y[name].shape
            np.testing.assert_array_equal(x[name], y[name])
    for name in ("epoch", "step", "updates", "loss_sum", "examples", "best_value", "worse", "rows", "stopped_early"):
        assert getattr(a, name) == getattr(b, name)


def test_a_position_comes_back_exactly(tmp_path: Path) -> None:
    save_position(tmp_path / "c.safetensors", some_position())
    same(load_position(tmp_path / "c.safetensors"), some_position())


def test_a_kill_in_mid_save_leaves_the_previous_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.create(tmp_path / "run")
    run.save(some_position())

    def killed(path: Path, tensors: Any, notes: Any) -> None:
        path.write_bytes(b"half a file")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(position_module, "write_tensor_file", killed)
        with pytest.raises(KeyboardInterrupt):
            run.save(some_position(7.0))
    found = run.load()
    assert found is not None
    same(found, some_position())
    assert sorted(item.name for item in run.path.iterdir()) == ["checkpoint.safetensors", "metrics.jsonl"]


def test_metrics_are_written_from_the_checkpoint(tmp_path: Path) -> None:
    run = Run.create(tmp_path)
    run.save(some_position())
    run.save(some_position())
    assert run.read_metrics() == [{"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.6}]


def test_a_taken_directory_is_refused(tmp_path: Path) -> None:
    Run.create(tmp_path).write_config({"model": "logistic"})
    with pytest.raises(InputError, match="already holds a run"):
        Run.create(tmp_path)
    Run.create(tmp_path, overwrite=True)
    assert not (tmp_path / "config.json").exists()
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        Run.create(tmp_path / "file")


def test_config_says_format_and_version(tmp_path: Path) -> None:
    run = Run.create(tmp_path)
    run.write_config({"model": "logistic"})
    config = Run.open(tmp_path).config()
    assert config["format"] == 1
    assert config["model"] == "logistic"
    assert "lexgrad" in config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not a run directory"),
        ("{", "damaged"),
        ("[]", "damaged"),
        ('{"model": 1}', "damaged"),
        (json.dumps({"format": 99, "lexgrad": "9.9"}), "written by lexgrad 9.9.*upgrade"),
    ],
)
def test_what_is_wrong_with_a_directory(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=message):
        Run.open(tmp_path)


def test_a_missing_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such directory"):
        Run.open(tmp_path / "nowhere")


def test_a_damaged_checkpoint(tmp_path: Path) -> None:
    run = Run.create(tmp_path)
    assert run.load() is None
    (tmp_path / "checkpoint.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"checkpoint\.safetensors is damaged"):
        run.load()
    run.write_model({"w": np.zeros(2)})
    (tmp_path / "model.safetensors").replace(tmp_path / "checkpoint.safetensors")
    with pytest.raises(InputError, match="not a checkpoint"):
        run.load()


def test_an_unfinished_run_says_so(tmp_path: Path) -> None:
    run = Run.create(tmp_path)
    run.save(some_position())
    with pytest.raises(InputError, match="not finished"):
        run.read_model()


def test_a_damaged_row_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1}\n{"epo')
    with pytest.raises(InputError, match="line 2"):
        Run(tmp_path).read_metrics()
