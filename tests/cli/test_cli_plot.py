"""`lexgrad plot`, and `lexgrad show --health`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Lexgrad

pytest.importorskip("matplotlib", reason="plots need matplotlib: pip install 'lexgrad[plot]'")

FILMS = "text,label\n" + "a lovely film,good\na dull film,bad\nlovely and warm,good\nslow and dull,bad\n" * 3


@pytest.fixture
def films(tmp_path: Path) -> Path:
    path = tmp_path / "films.csv"
    path.write_text(FILMS, encoding="utf-8")
    return path


def test_activations_and_where_they_are_written(lexgrad: Lexgrad, tmp_path: Path) -> None:
    assert "written to activations.svg" in lexgrad("plot", "activations").out
    assert (tmp_path / "activations.svg").read_text(encoding="utf-8").count("<svg") == 1
    told = lexgrad("plot", "activations", "relu", "--out", "a.png", "--json").json()
    assert told == {"plot": "Activations and their derivatives: relu", "file": "a.png"}
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_descent_of_an_expression(lexgrad: Lexgrad, tmp_path: Path) -> None:
    ran = lexgrad("plot", "descent", "(a-1)**2 + 3*b**2", "--at", "a=4", "--at", "b=2", "--rate", "0.1", "--steps", 5)
    assert ran.code == 0, ran.err
    assert "over a and b: written to descent.svg" in ran.out
    assert (tmp_path / "descent.svg").stat().st_size > 1000
    matrix = lexgrad(
        "plot", "descent", "L = sum((W-2)**2)", "--at", "W=[[1,2],[3,5]]", "--over", "W[0,0]", "--over", "W[1,1]"
    )
    assert matrix.code == 0, matrix.err


def test_descent_and_health_of_a_run(lexgrad: Lexgrad, films: Path, tmp_path: Path) -> None:
    lexgrad(
        "train", "ffnn", films, "--out", "r", "--epochs", 2, "--set", "units=3", "--set", "activation=relu", "--watch"
    )
    ran = lexgrad(
        "plot", "descent", "r", films, "--over", "W1[0,0]", "--over", "b2[0]", "--rate", "1", "--out", "d.png"
    )
    assert ran.code == 0, ran.err
    assert (tmp_path / "d.png").exists()
    assert lexgrad("plot", "health", "r").code == 0
    shown = lexgrad("show", "r", "--health")
    assert "ReLU 1" in shown.out
    assert "gradient at first" in shown.out
    told = lexgrad("show", "r", "--health", "--json").json()
    assert set(told["parameters"]) == {"E", "W1", "b1", "W2", "b2"}
    assert told["records"] == len(told["measured"]) == 2


def test_the_boundary_of_exclusive_or(lexgrad: Lexgrad, tmp_path: Path) -> None:
    assert lexgrad("plot", "boundary", "--epochs", 2, "--units", 2, "--out", "b.svg").code == 0
    assert (tmp_path / "b.svg").exists()


def test_mistakes_are_answered_in_one_line(lexgrad: Lexgrad, films: Path) -> None:
    lexgrad("train", "logistic", films, "--out", "r", "--epochs", 1)
    for arguments, part in [
        (("activations", "--out", "a.gif"), "saved as .svg or .png; got 'a.gif'"),
        (("activations", "rleu"), "did you mean 'relu'?"),
        (("descent", "a**2 + b"), "where does descent start? give --at a=... --at b=..."),
        (("descent", "a + b", "--at", "a"), "--at is NAME=VALUE"),
        (("descent", "r"), "over labelled texts: lexgrad plot descent r FILE"),
        (("descent", "r", films), "say which two weights with --over"),
        (("boundary", "--activation", "tan"), "did you mean 'tanh'?"),
        (("health", "r"), "was not watched"),
        (("health", "nowhere"), "nowhere is not a run directory"),
    ]:
        assert part in lexgrad("plot", *arguments).mistake()
    assert "train with --watch" in lexgrad("show", "r", "--health").mistake()
