"""Tables for people: metrics, precision and recall by class, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

TRUE_CLASS_WIDTH = 18  # of the confusion matrix's first column
MATRIX_CLASSES = 12  # a confusion matrix of more classes than this says nothing at a glance


def metrics_report(title: str, metrics: Mapping[str, Any], width: int) -> Iterator[RenderableType]:
    """Accuracy, macro F1 and loss; then a row for each class; then the confusion matrix, if it is small."""
    yield headline(title, metrics)
    classes: Mapping[str, Mapping[str, Any]] = metrics.get("classes", {})
    if classes:
        yield ""
        yield table(
            ("class", "precision", "recall", "F1", "texts"),
            [
                (name, decimal(row["precision"]), decimal(row["recall"]), decimal(row["f1"]), f"{row['n']:,}")
                for name, row in classes.items()
            ],
        )
    matrix = metrics.get("confusion_matrix")
    if matrix and len(matrix) <= MATRIX_CLASSES:
        yield ""
        yield confusion_table(list(classes), matrix, width)


def headline(title: str, metrics: Mapping[str, Any]) -> str:
    """One line: accuracy, macro F1, loss and how many texts."""
    parts = [f"{called(name)} {decimal(metrics[name])}" for name in ("accuracy", "macro_f1", "loss")]
    return f"{title}: {', '.join(parts)}, {metrics['n']:,} texts"


def confusion_table(classes: Sequence[str], matrix: Sequence[Sequence[int]], width: int) -> RenderableType:
    """Rows are the true classes, columns the predicted ones; names are cut so that ``width`` columns hold it all."""
    number = max(len(f"{count:,}") for counts in matrix for count in counts)
    room = (width - TRUE_CLASS_WIDTH) // len(classes) - 2  # two blanks between columns
    if room < number:
        return f"the confusion matrix needs a wider terminal than {width} columns; --json has it as well"
    rows = [
        (_cut(name, TRUE_CLASS_WIDTH), *(f"{count:,}" if count else "·" for count in counts))
        for name, counts in zip(classes, matrix, strict=True)
    ]
    return table(("true \\ predicted", *(_cut(name, max(room, number)) for name in classes)), rows)


def _cut(name: str, width: int) -> str:
    from rich.text import Text

    text = Text(name)
    text.truncate(width, overflow="ellipsis")
    return text.plain


def table(heading: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: Iterable[int] = (0,)) -> Table:
    """A plain table: words on the left, numbers on the right; no cell is read as markup.

    Where the terminal is too narrow, words and headings are broken, but a number stays whole.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    lines, words = list(rows), set(text_columns)
    for place, name in enumerate(heading):
        if place in words:
            made.add_column(Text(name), overflow="fold", min_width=4)
        else:
            widest = max((len(line[place]) for line in lines), default=1)
            made.add_column(Text(name), justify="right", overflow="fold", min_width=widest)
    for line in lines:
        made.add_row(*(Text(cell) for cell in line))
    return made


def called(metric: str) -> str:
    """What people call a metric: ``macro F1``, ``calibration error``."""
    return metric.replace("_", " ").replace(" f1", " F1")


def decimal(value: float | None) -> str:
    """Four decimals; a number that is none shows as it is."""
    return "-" if value is None else f"{value:.4f}"
