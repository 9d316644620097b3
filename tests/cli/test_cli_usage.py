"""Help, version, and what is said about a command that was mistyped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lexgrad import __version__
from tests.cli.conftest import Lexgrad

COMMANDS = ("train", "evaluate", "predict", "show", "plot", "models")
PLOTS = ("activations", "descent", "boundary", "health")
HEAVY = (
    "numpy",
    "sklearn",
    "scipy",
    "pyarrow",
    "tokenizers",
    "safetensors",
    "lexgrad.models",
    "lexgrad.graph",
    "matplotlib",
)


def test_version(lexgrad: Lexgrad) -> None:
    assert lexgrad("--version").out == f"lexgrad {__version__}\n"


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_names_every_command(lexgrad: Lexgrad, arguments: tuple[str, ...]) -> None:
    ran = lexgrad(*arguments)
    assert ran.code == 0
    assert all(command in ran.out for command in COMMANDS)


@pytest.mark.parametrize("command", [*(name for name in COMMANDS if name != "plot"), *map("plot {}".format, PLOTS)])
def test_help_has_examples(lexgrad: Lexgrad, command: str) -> None:
    ran = lexgrad(*command.split(), "--help")
    assert ran.code == 0
    assert f"  lexgrad {command}" in ran.out
    assert lexgrad(*command.split(), "-h").out == ran.out


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from lexgrad.cli.main import main\n"
        "try: main(['--help'])\n"
        f"except SystemExit: print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("trian",), ("'trian'", "'train'", "lexgrad --help")),
        (
            ("train", "logistic", "x.csv", "--epoch", "3"),
            ("no option --epoch", "'--epochs'", "lexgrad train --help"),
        ),
        (("train", "logistic", "x.csv", "--epochs", "ten"), ("'--epochs'",)),
        (("train", "logistic", "x.csv", "--epochs", "0"), ("'--epochs'", "1")),
        (("train", "logistic", "x.csv", "--out"), ("--out", "requires an argument")),
        (("train", "logistic"), ("missing argument 'TRAIN'",)),
        (("train",), ("missing argument 'MODEL'",)),
        (("show", "a", "b"), ("b",)),
        (("--wat",), ("no option --wat", "lexgrad --help")),
    ],
)
def test_mistyped_command_is_one_line(lexgrad: Lexgrad, arguments: tuple[str, ...], parts: tuple[str, ...]) -> None:
    line = lexgrad(*arguments).mistake()
    assert all(part in line for part in parts), line


def test_module_runs_as_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "lexgrad", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("lexgrad ")


@pytest.mark.parametrize(
    "arguments", [["generate", "nowhere", "--tokens", "3"], ["plot", "activations", "--reach", "3"]]
)
def test_plain_values_are_read_without_pydantic(arguments: list[str], tmp_path: Path) -> None:
    program = (
        "import sys; from lexgrad.cli.main import main\n"
        f"try: main({arguments})\n"
        "except SystemExit: print('pydantic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--temperature", "wild"), "'--temperature'"),
        (("--temperature", "-1"), "'--temperature'"),
        (("--temperature", "nan"), "'--temperature'"),
        (("--tokens", "2.5"), "'--tokens'"),
        (("--tokens", "-1"), "'--tokens'"),
    ],
)
def test_a_value_that_is_none_is_refused(lexgrad: Lexgrad, arguments: tuple[str, ...], said: str) -> None:
    assert said in lexgrad("generate", "run", *arguments).mistake()
