"""Word vectors: texts in, a vector for every word out."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from lexgrad.cli.tasks.task import Task

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lexgrad.models.base import Model


class Vectors(Task):
    """See Task."""

    columns = ("text", "encoding", "format")
    rates: ClassVar[Mapping[str, str]] = {"tokens_per_second": "words"}
    measured = False  # nothing is tuned on a dev set: all of a built-in text is learned from

    def open(self, source: str, columns: Mapping[str, str]) -> Any:
        """See Task.open: a corpus: a file, a folder, a pattern, or standard input."""
        from lexgrad.text.corpus import Corpus

        return Corpus.open(source, **columns)

    def check(self, data: Any) -> None:
        """See Task.check."""
        for _ in data.pieces():
            pass

    def learned(self, report: Mapping[str, Any]) -> str:
        """See Task.learned."""
        return f"vectors of {report['words']:,} words"

    def headline(self, title: str, metrics: Mapping[str, Any]) -> str:
        """See Task.headline."""
        loss, missing = metrics["loss"], metrics["missing"]
        shown = "none" if loss is None else f"{loss:.4f}"
        return (
            f"{title}: loss {shown} nats per pair of words, {metrics['pairs']:,} pairs, "
            f"{missing:,} of {metrics['words'] + missing:,} words without a vector"
        )

    def metrics_report(self, title: str, metrics: Mapping[str, Any], width: int) -> Iterable[RenderableType]:
        """See Task.metrics_report."""
        yield self.headline(title, metrics)

    def next_command(self, place: str, model: Model) -> str:
        """See Task.next_command."""
        words = model.vocabulary_
        telling = next((word for word in words if len(word) > 4 and word.isalpha()), words[0])
        return f"lexgrad neighbors {place} {shlex.quote(telling)}"


TASK = Vectors()
