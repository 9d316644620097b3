"""What a task is to the commands that train, measure and use models."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from lexgrad.cli.output import to_json
from lexgrad.cli.progress import counted, short_number
from lexgrad.errors import InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lexgrad.models.base import Model


class Task(ABC):
    """Opens the data that models of this task learn from, and says in words and tables how they did.

    Attributes:
        columns: the options that say how its files are read.
        rates: what of a report is a rate, and of what.
    """

    columns: ClassVar[tuple[str, ...]] = ("text", "label", "encoding", "format")
    rates: ClassVar[Mapping[str, str]] = {"examples_per_second": "examples", "tokens_per_second": "tokens"}

    measured = True
    """Whether a built-in set named as a whole is cut into parts for training, dev and test."""

    @abstractmethod
    def open(self, source: str, columns: Mapping[str, str]) -> Any:
        """Open a file (or standard input, or builtin:NAME) of training or held-out data; what ``fit`` takes.

        Args:
            source: as the person wrote it.
            columns: those of text, label, field, encoding, format that were given.

        Raises:
            InputError: it is missing, unreadable, or of another kind.
        """

    def check_columns(self, columns: Mapping[str, str]) -> None:
        """Refuse options that say nothing to models of this task.

        Raises:
            InputError: there is one.
        """
        for name in columns:
            if name not in self.columns:
                raise InputError(
                    f"--{name} says nothing to this model; its files are read with "
                    f"{', '.join(f'--{known}' for known in self.columns)}"
                )

    def check(self, data: Any) -> None:
        """Read held-out data once, so that its faults show before hours of training."""
        for _ in data:
            pass

    def folds(self, data: Any, count: int) -> Sequence[tuple[Any, Any]]:
        """Cut training data for a cross-validation: ``count`` pairs of all but one part, and that part.

        Raises:
            InputError: this task's data are not cut, or there are not enough of them.
        """
        raise InputError(
            "--folds, and a share as --dev, are for texts with labels and for tagged sentences: these data are not cut;"
            " name files, --dev FILE"
        )

    def held_out(self, data: Any, share: float) -> tuple[Any, Any]:
        """Cut training data in two: what is left, and a share of it to watch.

        Raises:
            InputError: as ``folds``.
        """
        return self.folds(data, 0)[0]

    def summary(self, report: Mapping[str, Any]) -> str:
        """One line of what was trained; ``report`` is ``model.report_``."""
        rates = ", ".join(f"{short_number(report[name])} {what}/s" for name, what in self.rates.items())
        return (
            f"with {self.learned(report)} for {counted(report['epochs'], 'epoch')} "
            f"in {report['train_seconds']:.1f} s ({rates})"
        )

    def learned(self, report: Mapping[str, Any]) -> str:
        """What a training has found, and how much of it."""
        return f"{report['parameters']:,} parameters"

    @abstractmethod
    def headline(self, title: str, metrics: Mapping[str, Any]) -> str:
        """One line of what ``model.evaluate`` returned."""

    def metrics_report(self, title: str, metrics: Mapping[str, Any], width: int) -> Iterable[RenderableType]:
        """What ``model.evaluate`` returned, in full; ``width`` columns are there."""
        yield self.headline(title, metrics)

    @abstractmethod
    def next_command(self, place: str, model: Model) -> str:
        """What a person may want to type next, of ``model``, which is saved at ``place`` (quoted for a shell)."""

    def batches(self, file: str, columns: Mapping[str, str], size: int) -> Iterator[Sequence[Any]]:
        """What `lexgrad predict --file` answers, ``size`` texts (or whatever ``answers`` takes) at a time.

        Raises:
            InputError: as for ``open``.
        """
        from lexgrad.text.readers import open_table

        if "field" in columns:
            self.check_columns(columns)
        texts = iter(open_table(file, label=None, **columns).texts())
        return iter(lambda: list(itertools.islice(texts, size)), [])

    def answers(self, model: Model, texts: Sequence[Any]) -> Iterable[Mapping[str, Any]]:
        """What `lexgrad predict` prints of each text, one JSON object each.

        Raises:
            InputError: models of this task do not label texts.
        """
        raise InputError(f"a {model.name} model does not label texts; try {self.next_command('RUN', model)}")

    def shown(self, answer: Mapping[str, Any], width: int) -> str:
        """An answer as a person reads it at a terminal of so many columns; elsewhere it is JSON."""
        return to_json(answer)
