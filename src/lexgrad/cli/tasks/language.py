"""Language: lines of text in, how probable they are out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from lexgrad.cli.language import open_corpus, perplexity_headline, perplexity_report
from lexgrad.cli.tasks.task import Task
from lexgrad.errors import InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lexgrad.models.base import Model


class Language(Task):
    """See Task."""

    columns = ("text", "encoding", "format")
    rates: ClassVar[Mapping[str, str]] = {"tokens_per_second": "tokens"}

    def open(self, source: str, columns: Mapping[str, str]) -> Any:
        """See Task.open: a corpus."""
        return open_corpus(source, columns)

    def check(self, data: Any) -> None:
        """See Task.check.

        Raises:
            InputError: as it is read; or all lines are blank.
        """
        if not sum(bool(text.strip()) for text in data.texts()):
            raise InputError(f"{data.source}: expected lines of text, found blank ones alone")

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
