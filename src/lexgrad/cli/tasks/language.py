"""Language: lines of text in, how probable they are out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lexgrad.cli.language import open_corpus, perplexity_headline, perplexity_report
from lexgrad.cli.progress import counted, short_number
from lexgrad.cli.tasks.task import Task

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lexgrad.models.base import Model


class Language(Task):
    """See Task."""

    def open(self, source: str, columns: Mapping[str, str]) -> Any:
        """See Task.open: a corpus."""
        return open_corpus(source, {name: value for name, value in columns.items() if name != "label"})

    def check(self, data: Any) -> None:
        """See Task.check."""
        for _ in data.texts():
            pass

    def summary(self, report: Mapping[str, Any]) -> str:
        """See Task.summary."""
        return (
            f"with {report['parameters']:,} parameters for {counted(report['epochs'], 'epoch')} "
            f"in {report['train_seconds']:.1f} s ({short_number(report['tokens_per_second'])} tokens/s)"
        )

    def headline(self, title: str, metrics: Mapping[str, Any]) -> str:
        """See Task.headline."""
        return perplexity_headline(title, metrics)

    def metrics_report(self, title: str, metrics: Mapping[str, Any], width: int) -> Iterable[RenderableType]:
        """See Task.metrics_report."""
        return perplexity_report(title, metrics)

    def next_command(self, place: str, model: Model) -> str:
        """See Task.next_command."""
        return f"lexgrad generate {place}"


TASK = Language()
