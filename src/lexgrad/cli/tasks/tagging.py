"""Tagging: sentences of tagged words in, a tag for each word out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from lexgrad.cli.reports import confusion_table, decimal, table
from lexgrad.cli.tasks.task import Task

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lexgrad.models.base import Model
    from lexgrad.models.tagging.tagger import Tagger

CONFUSIONS = 10  # of the commonest mistakes
MATRIX_TAGS = 6  # a matrix of more tags than this says less than the list of mistakes


class Tagging(Task):
    """See Task."""

    columns = ("field", "encoding", "format")
    rates: ClassVar[Mapping[str, str]] = {"examples_per_second": "sentences", "tokens_per_second": "words"}

    def open(self, source: str, columns: Mapping[str, str]) -> Any:
        """See Task.open: a table of tagged sentences."""
        from lexgrad.text.tagged import open_tagged

        return open_tagged(source, **columns)

    def folds(self, data: Any, count: int) -> Sequence[tuple[Any, Any]]:
        """See Task.folds: of whole sentences."""
        from lexgrad.experiments.splits import sentence_folds

        return sentence_folds(data, count)

    def held_out(self, data: Any, share: float) -> tuple[Any, Any]:
        """See Task.held_out: of whole sentences."""
        from lexgrad.experiments.splits import sentences_held_out

        return sentences_held_out(data, share)

    def batches(self, file: str, columns: Mapping[str, str], size: int) -> Iterator[Sequence[Any]]:
        """See Task.batches: words of CoNLL-U or of columns, else texts."""
        from lexgrad.text.tagged import TAGGED_FORMATS, format_of, open_tagged

        if columns.get("format", format_of(file)) not in TAGGED_FORMATS:
            return super().batches(file, columns, size)
        self.check_columns(columns)
        sentences = (sentence.words for sentence in open_tagged(file, **{**columns, "field": None}))
        return iter(lambda: list(itertools.islice(sentences, size)), [])

    def headline(self, title: str, metrics: Mapping[str, Any]) -> str:
        """See Task.headline: of words, of unknown words, of sentences."""
        unknown = f"unknown words {decimal(metrics['unknown_accuracy'])} (of {metrics['unknown_words']:,}), "
        return (
            f"{title}: accuracy {decimal(metrics['accuracy'])}, {unknown if metrics['unknown_words'] else ''}"
            f"whole sentences {decimal(metrics['sentence_accuracy'])}, macro F1 {decimal(metrics['macro_f1'])}, "
            f"loss {decimal(metrics['loss'])}, {metrics['n']:,} words in {metrics['sentences']:,} sentences"
        )

    def metrics_report(self, title: str, metrics: Mapping[str, Any], width: int) -> Iterable[RenderableType]:
        """See Task.metrics_report: by tag as well, and the commonest mistakes."""
        yield self.headline(title, metrics)
        tags: Mapping[str, Mapping[str, Any]] = metrics["classes"]
        rows = [
            (name, decimal(row["precision"]), decimal(row["recall"]), decimal(row["f1"]), f"{row['n']:,}")
            for name, row in tags.items()
        ]
        yield ""
        yield table(("tag", "precision", "recall", "F1", "words"), rows)
        if len(tags) <= MATRIX_TAGS:
            yield ""
            yield confusion_table(list(tags), metrics["confusion_matrix"], width)
        elif metrics["confusions"]:
            mistakes = [(row["true"], row["predicted"], f"{row['n']:,}") for row in metrics["confusions"][:CONFUSIONS]]
            yield ""
            yield table(("commonest mistakes: true", "predicted", "words"), mistakes, text_columns=(0, 1))

    def next_command(self, place: str, model: Model) -> str:
        """See Task.next_command."""
        return f'lexgrad predict {place} "some text"'

    def answers(self, model: Model, texts: Sequence[Any]) -> Iterable[Mapping[str, Any]]:
        """See Task.answers: {"words", "tags"}, a text being cut into words."""
        from lexgrad.models.tagging.sentences import words_of

        sentences = words_of(texts)
        for words, tags in zip(sentences, cast("Tagger", model).predict(sentences), strict=True):
            yield {"words": words, "tags": tags.tolist()}

    def shown(self, answer: Mapping[str, Any], width: int) -> str:
        """See Task.shown: tags below their words."""
        from rich.cells import cell_len

        lines: list[tuple[str, str]] = []
        for pair in zip(answer["words"], answer["tags"], strict=True):
            room = max(map(cell_len, pair))
            cells = [cell + " " * (room - cell_len(cell)) for cell in pair]
            if not lines or cell_len(lines[-1][0]) + 2 + room > width:
                lines.append(("", ""))
            words, tags = lines[-1]
            gap = "  " if words else ""
            lines[-1] = words + gap + cells[0], tags + gap + cells[1]
        return "\n".join(f"{words.rstrip()}\n{tags.rstrip()}\n" for words, tags in lines)


TASK = Tagging()
