"""Tables fit the terminal, and a number is never broken."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from lexgrad.cli.reports import metrics_report, table

NAMES = ["negative", "[b]positive[/]", "数字", "description of things", "LOC", "a", "b", "c", "d", "e", "f", "g", "h"]


def report(classes: int, width: int) -> list[str]:
    matrix = [[1000 + 10 * row + column for column in range(classes)] for row in range(classes)]
    metrics = {
        "accuracy": 0.25,
        "macro_f1": 0.125,
        "loss": float("nan"),
        "n": 1234,
        "classes": {name: {"precision": 1, "recall": 0.5, "f1": 0.6667, "n": 1234} for name in NAMES[:classes]},
        "confusion_matrix": matrix,
    }
    file = io.StringIO()
    console = Console(file=file, width=width)
    for part in metrics_report("test", metrics, width):
        console.print(part, markup=False, highlight=False, soft_wrap=isinstance(part, str))
    return file.getvalue().splitlines()


@pytest.mark.parametrize("classes", [2, 5, 12])
@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_numbers_stay_whole_at_any_width(classes: int, width: int) -> None:
    lines = report(classes, width)
    assert lines[0] == "test: accuracy 0.2500, macro F1 0.1250, loss nan, 1,234 texts"
    tables = [line for line in lines[1:] if not line.startswith("the confusion matrix")]
    assert all(len(line) <= width for line in tables)
    assert sum("0.6667  1,234" in line for line in lines) == classes
    shown = any("true \\ predicted" in line for line in lines)
    assert shown == any("1,010" in line and "1,011" in line for line in lines)
    assert shown or any("wider terminal" in line for line in lines)


def test_a_matrix_of_many_classes_is_left_out() -> None:
    assert not any("true" in line for line in report(13, 200))


def test_names_are_no_markup() -> None:
    assert any("[b]positive[/]" in line for line in report(2, 80))


def test_an_empty_table() -> None:
    Console(file=io.StringIO()).print(table(("a", "b"), []))
