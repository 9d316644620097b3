"""Classification: texts with labels in, labels out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from lexgrad.cli.reports import headline, metrics_report
from lexgrad.cli.sources import open_labelled
from lexgrad.cli.tasks.task import Task

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lexgrad.models.base import Model
    from lexgrad.models.classifiers.base import TextClassifier


class Classification(Task):
    """See Task."""

    def open(self, source: str, columns: Mapping[str, str]) -> Any:
        """See Task.open: a table of texts and labels."""
        return open_labelled(source, columns)

    def folds(self, data: Any, count: int) -> Sequence[tuple[Any, Any]]:
        """See Task.folds: stratified."""
        from lexgrad.experiments.splits import folds

        return folds(data, count)

    def held_out(self, data: Any, share: float) -> tuple[Any, Any]:
        """See Task.held_out: stratified."""
        from lexgrad.experiments.splits import held_out

        return held_out(data, share)

    def headline(self, title: str, metrics: Mapping[str, Any]) -> str:
        """See Task.headline."""
        return headline(title, metrics)

    def metrics_report(self, title: str, metrics: Mapping[str, Any], width: int) -> Iterable[RenderableType]:
        """See Task.metrics_report: by class as well, and the confusion matrix."""
        return metrics_report(title, metrics, width)

    def next_command(self, place: str, model: Model) -> str:
        """See Task.next_command."""
        return f'lexgrad predict {place} "some text"'

    def answers(self, model: Model, texts: Sequence[str]) -> Iterable[Mapping[str, Any]]:
        """See Task.answers: {"text", "label", "probabilities"}."""
        classifier = cast("TextClassifier", model)
        classes = [str(name) for name in classifier.classes_]
        probabilities = classifier.predict_proba(list(texts))
        chosen = classifier.decision_.choose(probabilities)
        for text, best, row in zip(texts, chosen, probabilities.tolist(), strict=True):
            yield {"text": text, "label": classes[best], "probabilities": dict(zip(classes, row, strict=True))}


TASK = Classification()
