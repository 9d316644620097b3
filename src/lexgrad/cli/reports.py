"""Tables for people: metrics, precision and recall by class, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

MATRIX_CLASSES = 12  # a confusion matrix of more classes than this says nothing at a glance


def metrics_report(title: str, metrics: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Accuracy, macro F1 and loss; then a row for each class; then the confusion matrix, if it is small."""
    yield f"{title}: " + ", ".join(_headline(metrics))
    classes: Mapping[str, Mapping[str, Any]] = metrics.get("classes", {})
    if classes:
        yield table(
            ("class", "precision", "recall", "F1", "texts"),
            [
                (name, decimal(row["precision"]), decimal(row["recall"]), decimal(row["f1"]), f"{row['n']:,}")
                for name, row in classes.items()
            ],
        )
    matrix = metrics.get("confusion_matrix")
    if matrix and len(matrix) <= MATRIX_CLASSES:
        yield confusion_table(list(classes), matrix)


def _headline(metrics: Mapping[str, Any]) -> Iterator[str]:
    yield f"accuracy {decimal(metrics['accuracy'])}"
    yield f"macro F1 {decimal(metrics['macro_f1'])}"
    yield f"loss {decimal(metrics['loss'])}"
    yield f"{metrics['n']:,} texts"


def confusion_table(classes: Sequence[str], matrix: Sequence[Sequence[int]]) -> Table:
    """Rows are the true classes, columns the predicted ones."""
    rows = [
        (name, *(f"{count:,}" if count else "·" for count in counts))
        for name, counts in zip(classes, matrix, strict=True)
    ]
    return table(("true \\ predicted", *classes), rows)


def table(
    heading: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: Iterable[int] = (0,)
) -> Table:
    """A plain table: words on the left, numbers on the right; no cell is read as markup."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    words = set(text_columns)
    for place, name in enumerate(heading):
        made.add_column(Text(name), justify="left" if place in words else "right", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def decimal(value: float | None) -> str:
    """Four decimals; a number that is none shows as it is."""
    return "-" if value is None else f"{value:.4f}"
