"""`lexgrad cache`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import lexgrad as lg
from lexgrad.cli.main import app


def lines(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["cache", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_says_how_much_there_is_and_removes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXGRAD_CACHE", str(tmp_path / "objects"))
    nothing = {"folder": str(tmp_path / "objects"), "objects": 0, "bytes": 0}
    assert json.loads(lines("--json").splitlines()[-1]) == nothing
    lg.compile(lg.tanh, lg.Type("float", (3,)))
    (tmp_path / "objects" / "notes.txt").write_text("mine")
    found = json.loads(lines("--json").splitlines()[-1])
    assert found["objects"] == 1
    assert found["bytes"] > 0
    assert "1 objects" in lines("--clear")
    assert json.loads(lines("--json").splitlines()[-1]) == nothing
    assert (tmp_path / "objects" / "notes.txt").exists()


def test_says_that_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXGRAD_CACHE", "off")
    assert "LEXGRAD_CACHE is off" in lines()
