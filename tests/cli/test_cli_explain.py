"""`lexgrad explain`: expressions and runs, every format, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Lexgrad
from tests.explain.tex import check_syntax

FIRST = ("L = c*(a + 2*b)", "--at", "a=3", "--at", "b=1", "--at", "c=-2")
SLIDE = (
    "z1 = W1*x1; a1 = relu(z1); z2 = W2*a1; a2 = sigmoid(z2); L = -(y*log(a2) + (1-y)*log(1-a2))",
    *(part for value in ("y=1", "a2=2.5", "W2=1.5", "z1=3", "x1=4.2") for part in ("--at", value)),
)


def test_the_first_example_as_text(lexgrad: Lexgrad) -> None:
    ran = lexgrad("explain", *FIRST, "--wrt", "b", "--check")
    assert ran.code == 0
    assert "= c · 1 · 2" in ran.out
    assert "∂L/∂b = -4" in ran.out
    assert "finite differences -4" in ran.err


def test_the_first_example_as_json(lexgrad: Lexgrad) -> None:
    read = lexgrad("explain", *FIRST, "--format", "json").json()
    assert read["value"] == -10.0
    assert read["gradients"] == {"a": -2.0, "b": -4.0, "c": 5.0}
    read = lexgrad("explain", *FIRST, "--wrt", "b", "--format", "json").json()
    (path,) = read["paths"]
    assert [set(factor) for factor in path["factors"]] == [{"of", "with_respect_to", "formula", "value"}] * 3
    assert (path["product"], read["sum"]) == (-4.0, -4.0)


@pytest.mark.parametrize("form", ["text", "latex", "markdown", "json", "html", "svg"])
@pytest.mark.parametrize("example", [FIRST, SLIDE])
def test_every_format_on_standard_output_and_in_a_file(
    lexgrad: Lexgrad, tmp_path: Path, example: tuple[str, ...], form: str
) -> None:
    asked = ("--wrt", "b" if example is FIRST else "W1")
    printed = lexgrad("explain", *example, *asked, "--format", form)
    assert printed.code == 0, printed.err
    assert ("-4" in printed.out or "−4" in printed.out) if example is FIRST else "9.45" in printed.out
    file = tmp_path / "out"
    written = lexgrad("explain", *example, *asked, "--format", form, "--out", file)
    assert (written.code, written.out) == (0, "")
    if form != "text":  # rich's tables are for the terminal, plain ones for files
        assert file.read_text(encoding="utf-8") == printed.out
    if form == "latex":
        check_syntax(printed.out)


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("L.svg", "<svg"),
        ("L.tex", "\\documentclass"),
        ("L.json", "{"),
        ("L.html", "<!doctype html>"),
        ("L.md", "**"),
        ("L.txt", "Forward"),
    ],
)
def test_the_suffix_says_the_format(lexgrad: Lexgrad, name: str, begins: str) -> None:
    assert lexgrad("explain", *FIRST, "--wrt", "b", "--out", name).code == 0
    assert Path(name).read_text(encoding="utf-8").startswith(begins)


def test_a_picture_besides(lexgrad: Lexgrad) -> None:
    ran = lexgrad("explain", *FIRST, "--wrt", "b", "--svg", "L.svg")
    assert "∂L/∂b = -4" in ran.out
    assert Path("L.svg").read_text(encoding="utf-8").startswith("<svg")


def test_the_five_factors(lexgrad: Lexgrad) -> None:
    out = lexgrad("explain", *SLIDE, "--wrt", "W1").out
    assert "= (-0.4) · (-3.75) · 1.5 · 1 · 4.2" in out
    assert "z1 and a2 are given here, not computed" in out


def test_matrices(lexgrad: Lexgrad) -> None:
    ran = lexgrad(
        "explain", "L = sum((x @ W) * [1, 2])", "--at", "x=[1,2]", "--at", "W=[[1,2],[3,4]]", "--wrt", "W[1,1]"
    )
    assert "∂L/∂W[1, 1] = 4" in ran.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("__import__('os').system('true')",), "no function"),
        (("().__class__",), "not allowed"),
        (("9**9**9",), "too high"),
        (("(" * 150 + "1" + ")" * 150,), "nested more than"),
        (("1+" * 20_000 + "1",), "characters; 4,000 are allowed"),
        (("L = a*b", "--at", "a=1"), "b has no value: give --at b=..."),
        (("L = a*b",), "a, b have no value: give --at a=... --at b=..."),
        (("L = a", "--at", "a"), "--at is NAME=VALUE"),
        (("L = a", "--at", "a=b"), "the value of a is a number"),
        (("L = a", "--at", "a=1", "--at", "a=2"), "gives a twice"),
        (("L = a", "--at", "a=1", "--at", "q=2"), "nothing called 'q'"),
        ((*FIRST, "--wrt", "q"), "nothing called 'q'"),
        ((*FIRST, "--format", "jsn"), "did you mean 'json'"),
        ((*FIRST, "--steps", "most"), "steps is"),
        ((*FIRST, "--label", "good"), "--label is for runs"),
        ((*SLIDE, "--wrt", "W1", "--check"), "given, not computed"),
        (("L = a * [1, 2]", "--at", "a=1"), "scalar"),
        (("runs/none", "--text", "a"), "runs/none"),
    ],
    ids=lambda value: value[0][:20] if isinstance(value, tuple) else "",
)
def test_mistakes_are_one_line(lexgrad: Lexgrad, arguments: tuple[str, ...], message: str) -> None:
    assert message in lexgrad("explain", *arguments).mistake()


@pytest.fixture
def run(lexgrad: Lexgrad) -> str:
    rows = ["a lovely film,good", "lovely and clever,good", "a dull film,bad", "dull and slow,bad"]
    Path("train.csv").write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert lexgrad("train", "ffnn", "train.csv", "--out", "run", "--epochs", 2, "--quiet").code == 0
    return "run"


def test_a_run(lexgrad: Lexgrad, run: str) -> None:
    ran = lexgrad("explain", run, "--text", "a lovely *slow* film", "--wrt", "W1[0,0]", "--label", "good")
    assert ran.code == 0, ran.err
    for part in ("ffnn:", "loss of 'good'", "gradient × input", "leave-one-out", "lovely", "z1", "a1", "∂L/∂W1[0, 0]"):
        assert part in ran.out
    read = lexgrad("explain", run, "--text", "a lovely film", "--format", "json").json()
    assert [word["token"] for word in read["words"]] == ["a", "lovely", "film"]
    assert set(read["words"][0]) == {"token", "known", "gradient_x_input", "leave_one_out"}
    assert {step["name"]: step["shape"] for step in read["steps"]}["a1"] == [1, 100]
    page = lexgrad("explain", run, "--text", "a |film|", "--format", "markdown").out
    assert "| \\| (unknown) |" in page
    for form in ("text", "latex", "html", "svg"):
        assert lexgrad("explain", run, "--text", "a film", "--format", form, "--out", f"out.{form}").code == 0
    check_syntax(Path("out.latex").read_text(encoding="utf-8"))
    assert "say which text to explain" in lexgrad("explain", run).mistake()
    assert "--at gives values to an expression" in lexgrad("explain", run, "--text", "a", "--at", "a=1").mistake()
    assert "no label" in lexgrad("explain", run, "--text", "a", "--label", "so").mistake()
    json.dumps(read)
