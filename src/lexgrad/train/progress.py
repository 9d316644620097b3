"""What training tells whoever watches it, and the signal that a person stopped it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lexgrad.errors import LexgradError


class Interrupted(LexgradError):  # noqa: N818  # a person's wish, not an error
    """Ctrl-C was pressed; the state has been saved where there is a run directory.

    Attributes:
        checkpoint: the checkpoint that was written, or None when training had no run directory.
        epoch: the epoch (from 1) in which training stopped.
        step: how many steps of that epoch are done.
    """

    def __init__(self, checkpoint: Path | None, epoch: int, step: int) -> None:
        self.checkpoint, self.epoch, self.step = checkpoint, epoch, step
        saved = f"saved to {checkpoint}; resume to go on" if checkpoint else "nothing was saved (no run directory)"
        super().__init__(f"training was stopped in epoch {epoch} after {step} steps; {saved}")


class Progress:
    """Watches a training; every method does nothing here, so subclasses override what they show.

    The calls come in this order: ``on_data`` while texts are read and encoded, ``on_wait`` before what takes a while,
    and ``on_note`` where there is something to say; ``on_start`` once, then for each epoch ``on_epoch``, ``on_steps``
    many times, ``on_dev`` (only with a dev set), ``on_epoch_end``; at last ``on_end``.
    ``on_steps`` is called a few dozen times a second.
    """

    def on_data(self, what: str, examples: int, fraction: float | None = None, unit: str = "texts") -> None:
        """Tell that ``examples`` texts went through a pass named ``what``, such as "reading" or "encoding".

        ``fraction`` in [0, 1] says how far the pass has come where the source knows its size; ``unit`` what is counted.
        """

    def on_wait(self, what: str) -> None:
        """Tell what is under way where nobody can say how far it has come, such as "compiling"."""

    def on_note(self, text: str) -> None:
        """Tell a line that a person should see once, such as how many words have pretrained vectors."""

    def on_start(self, *, epochs: int, steps: int, examples: int, first_epoch: int, first_step: int) -> None:
        """Announce ``epochs`` of ``steps`` steps over ``examples`` texts; a resumed run starts later.

        ``first_epoch`` counts from 1; ``first_step`` is how many steps of that epoch were done before.
        """

    def on_epoch(self, epoch: int, epochs: int) -> None:
        """Announce epoch ``epoch`` (from 1) of ``epochs``."""

    def on_steps(self, *, losses: NDArray[Any], examples: int, tokens: int, step: int, steps: int) -> None:
        """Report the steps up to ``step`` (from 1) of ``steps`` of this epoch since the last report.

        ``losses`` (how many they were,) are each batch's mean loss in nats; ``examples`` and ``tokens`` are those of
        all of them (``tokens`` counts words, or stored features where there are no words).
        """

    def on_dev(self, epoch: int, metrics: Mapping[str, Any], best: bool) -> None:
        """Report the dev set's metrics (see ``lexgrad.train.metrics``); ``best`` says whether they are the best yet."""

    def on_epoch_end(self, row: Mapping[str, Any]) -> None:
        """Report the row that ``metrics.jsonl`` and ``history_`` get.

        The row has epoch, step, loss, learning_rate, examples, tokens and seconds, and with a dev set also
        dev_loss, dev_accuracy, dev_macro_f1 and best.
        """

    def on_end(self, *, epochs: int, stopped_early: bool) -> None:
        """Tell that training is done after ``epochs`` epochs; ``stopped_early`` when patience ran out."""
