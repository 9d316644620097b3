"""What goes to which stream, and JSON that every parser accepts."""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexgrad.cli.output import Output, to_json, to_json_lines, use_utf8


def test_json_is_strict() -> None:
    value = {
        "a": math.nan,
        "b": [math.inf, np.float32(0.5)],
        3: np.arange(2),
        "p": Path("x"),
        "t": (True, None),
    }
    assert json.loads(to_json(value)) == {
        "a": None,
        "b": [None, 0.5],
        "3": [0, 1],
        "p": "x",
        "t": [True, None],
    }


def test_json_is_one_line_whatever_the_text() -> None:
    assert "\n" not in to_json({"text": "a\nb\u2028c"})


def test_lines_of_json_are_what_one_by_one_gives() -> None:
    values: list[dict[str, Any]] = [
        {"text": "é\n", "p": [0.1, 2]},
        {"p": math.nan},
        {"p": np.float32(0.5)},
        {"t": {"a": None, "b": True}},
    ]
    assert list(to_json_lines(values)) == [to_json(value) for value in values]


def test_json_keeps_standard_output_for_the_object(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.note("on the way")
    output.report("a report [bold]of[/] words")
    output.result({"x": 1})
    printed = capsys.readouterr()
    assert printed.out == '{"x": 1}\n'
    assert printed.err == "on the way\na report [bold]of[/] words\n"


def test_without_json_the_report_is_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.note("on the way")
    output.report("report")
    output.result({"x": 1})
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("report\n", "on the way\n")


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(quiet=True)
    output.note("on the way")
    output.report("report")
    output.result({"x": 1})
    assert capsys.readouterr() == ("", "")


def test_streams_that_were_closed_before_the_program_began(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    use_utf8()
    assert sys.stdin.read() == ""
    assert not sys.stdout.isatty()
    print("nobody hears this", file=sys.stderr)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.close()


def test_a_code_page_that_lacks_the_character_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252", newline=""))
    use_utf8()
    Output().report("│ ŷ 漢 \udcff")
    sys.stdout.flush()
    assert raw.getvalue() == "│ ŷ 漢 \\udcff\n".encode()
