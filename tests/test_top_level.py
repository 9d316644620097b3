"""``import lexgrad``: lazy, light, and true to its lists of names."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import lexgrad as lg

SOURCE = Path(lg.__file__)
HEAVY = {"numpy", "sklearn", "scipy", "pyarrow", "tokenizers", "typer", "rich", "safetensors", "llvmlite"}


def python(program: str) -> str:
    """What a program prints in a new Python."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_it_loads_nothing_heavy() -> None:
    loaded = python("import sys, lexgrad; print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))")
    assert not HEAVY & set(loaded.split())


def test_asking_what_there_is_loads_nothing_either() -> None:
    loaded = python("import sys, lexgrad; dir(lexgrad); lexgrad.__version__; print('numpy' in sys.modules)")
    assert loaded == "False"


def test_the_graph_room_needs_the_standard_library_only() -> None:
    loaded = python("import sys, lexgrad.graph; print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))")
    assert not HEAVY & set(loaded.split())


def for_type_checkers() -> dict[str, str]:
    """The names under TYPE_CHECKING, with the rooms that they come from."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    found = {}
    for statement in block.body:
        assert isinstance(statement, ast.ImportFrom)
        for alias in statement.names:
            assert alias.asname == alias.name  # so that it is re-exported
            found[alias.name] = str(statement.module).removeprefix("lexgrad.")
    return found


def test_the_two_lists_of_names_agree() -> None:
    assert for_type_checkers() == lg._HOME
    assert {*lg.__all__} == {"__version__", *lg._HOME}
    assert len(lg.__all__) == len(set(lg.__all__))


@pytest.mark.parametrize("name", sorted(lg._HOME))
def test_every_name_is_what_its_room_says(name: str) -> None:
    room = importlib.import_module(f"lexgrad.{lg._HOME[name]}")
    assert getattr(lg, name) is getattr(room, name)


def test_names_in_rooms_are_true() -> None:
    for room in ("graph", "ops", "trace", "grad", "evaluate", "eager"):
        module = importlib.import_module(f"lexgrad.{room}")
        assert len(module.__all__) == len(set(module.__all__))
        for name in module.__all__:
            assert hasattr(module, name)


@pytest.mark.parametrize(
    "program",
    [
        "import lexgrad.grad; import lexgrad as lg; print(lg.grad(lambda x: x * x)(3.0))",
        "import lexgrad as lg; import lexgrad.grad; print(lg.grad(lambda x: x * x)(3.0))",
        "import lexgrad as lg; lg.grad; import lexgrad.grad; print(lg.grad(lambda x: x * x)(3.0))",
        "from lexgrad.grad import gradient; from lexgrad import grad; print(grad(lambda x: x * x)(3.0))",
        "import lexgrad.trace, lexgrad as lg; print(len(lg.trace(lambda x: x * x, 3.0)) + 4.0)",
        "import lexgrad.evaluate, lexgrad as lg; g = lg.trace(abs, 6.0); print(lg.evaluate(g, {'x': 6.0})['out'])",
    ],
)
def test_the_function_is_meant_where_a_room_has_its_name(program: str) -> None:
    assert python(program) == "6.0"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'lexgrad' has no attribute 'gradd'"):
        lg.gradd  # noqa: B018


def test_star_brings_all() -> None:
    assert python("from lexgrad import *; print(softmax, Dim)").startswith("<function softmax")
