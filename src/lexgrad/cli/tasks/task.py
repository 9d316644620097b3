"""What a task is to the commands that train, measure and use models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lexgrad.errors import InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lexgrad.models.base import Model


class Task(ABC):
    """Opens the data that models of this task learn from, and says in words and tables how they did."""

    @abstractmethod
    def open(self, source: str, columns: Mapping[str, str]) -> Any:
        """Open a file (or standard input, or builtin:NAME) of training or held-out data; what ``fit`` takes.

        Args:
            source: as the person wrote it.
            columns: those of text, label, encoding, format that were given.

        Raises:
            InputError: it is missing, unreadable, or of another kind.
        """

    def check(self, data: Any) -> None:
        """Read held-out data once, so that its faults show before hours of training."""
        for _ in data:
            pass

    def folds(self, data: Any, count: int) -> Sequence[tuple[Any, Any]]:
        """Cut training data for a cross-validation: ``count`` pairs of all but one part, and that part.

        Raises:
            InputError: this task's data are not cut, or there are not enough of them.
        """
        raise InputError("--folds and a share as --dev cut texts with labels; give the parts as files of their own")

    def held_out(self, data: Any, share: float) -> tuple[Any, Any]:
        """Cut training data in two: what is left, and a share of it to watch.

        Raises:
            InputError: as ``folds``.
        """
        return self.folds(data, 0)[0]

    @abstractmethod
    def summary(self, report: Mapping[str, Any]) -> str:
        """One line of what was trained; ``report`` is ``model.report_``."""

    @abstractmethod
    def headline(self, title: str, metrics: Mapping[str, Any]) -> str:
        """One line of what ``model.evaluate`` returned."""

    def metrics_report(self, title: str, metrics: Mapping[str, Any], width: int) -> Iterable[RenderableType]:
        """What ``model.evaluate`` returned, in full; ``width`` columns are there."""
        yield self.headline(title, metrics)

    @abstractmethod
    def next_command(self, place: str) -> str:
        """What a person may want to type next; ``place`` is the run's path, quoted for a shell."""

    def answers(self, model: Model, texts: Sequence[str]) -> Iterable[Mapping[str, Any]]:
        """What `lexgrad predict` prints of each text, one JSON object each.

        Raises:
            InputError: models of this task do not label texts.
        """
        raise InputError(f"a {model.name} model does not label texts")
