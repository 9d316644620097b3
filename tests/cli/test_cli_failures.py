"""Exit codes, and the one line that says what went wrong."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from lexgrad.cli.failures import Stopped, guarded
from lexgrad.errors import InputError


def raising(problem: BaseException) -> Callable[[], None]:
    def action() -> None:
        raise problem

    return action


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (InputError("row 3: expected 2 fields,\n  got 3"), "error: row 3: expected 2 fields, got 3"),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "x.csv"),
            "error: x.csv: no such file or directory",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "x.csv"), "error: x.csv: permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), "error: no space left on device"),
        (MemoryError("Unable to allocate 9 TiB"), "error: not enough memory: Unable to allocate 9 TiB"),
    ],
)
def test_a_mistake_is_one_line(problem: Exception, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(raising(problem)) == 2
    assert capsys.readouterr() == ("", line + "\n")


def test_traceback_on_request(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LEXGRAD_DEBUG", "nonfinite,traceback")
    assert guarded(raising(InputError("no"))) == 2
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.endswith("error: no\n")


def test_a_bug_shows_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(raising(ZeroDivisionError("division by zero"))) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "bug in lexgrad" in err.splitlines()[-1]


def test_interrupted() -> None:
    assert guarded(raising(KeyboardInterrupt())) == 130
    assert guarded(raising(Stopped(143))) == 143


def test_success() -> None:
    assert guarded(lambda: None) == 0
