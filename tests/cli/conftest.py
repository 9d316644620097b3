"""A way to run the command line in this process, and small files to run it on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lexgrad.cli.main import main


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """The last line of standard output."""
        value: dict[str, Any] = json.loads(self.out.splitlines()[-1], parse_constant=_not_json)
        return value

    def mistake(self) -> str:
        """The one line of a user's mistake."""
        assert self.code == 2, self.err
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: ")
        return lines[0]


def _not_json(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


Lexgrad = Callable[..., Ran]


@pytest.fixture
def lexgrad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lexgrad:
    """Run ``lexgrad`` with these arguments in an empty folder, as if at a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("LEXGRAD_DEBUG", raising=False)

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Ran(int(ending.value.code or 0), printed.out, printed.err)

    return run


FILMS = ("a lovely film", "what a lovely story", "lovely acting and a warm story", "a warm and funny film")
FLOPS = ("a dull film", "dull story and dull acting", "what a dreadful bore", "dreadful and dull")


def write_films(path: Path, copies: int = 4) -> Path:
    """A CSV of texts that any classifier can tell apart."""
    rows = [f"{text} {number},good" for number in range(copies) for text in FILMS]
    rows += [f"{text} {number},bad" for number in range(copies) for text in FLOPS]
    path.write_text("text,label\n" + "".join(row + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A training file of two classes."""
    return write_films(tmp_path / "films.csv")
