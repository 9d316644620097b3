"""What a person sees while a model trains: a live bar at a terminal, an occasional plain line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lexgrad.train.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from lexgrad.cli.output import Output

REFRESH_SECONDS = 0.1  # the bar's numbers change at most this often; a step may take microseconds
LINE_SECONDS = 1.0  # lines about epochs come at most this often, but for the first and the last
LONG_EPOCH_SECONDS = 30.0  # without a bar, a line comes at least this often
SMOOTHING = 0.98  # how much of the shown loss is carried over from one step to the next


class Meter:
    """Counts examples and tokens and turns them into rates; its clock can be replaced."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._started = clock()
        self.examples = 0
        self.tokens = 0

    def add(self, examples: int, tokens: int) -> None:
        """Count what steps have read."""
        self.examples += examples
        self.tokens += tokens

    def rates(self) -> tuple[float, float]:
        """Examples and tokens a second since the meter was made."""
        seconds = max(self._clock() - self._started, 1e-9)
        return self.examples / seconds, self.tokens / seconds


class Display(Progress):
    """Shows a training on a console. Use it as a context manager: leaving it clears the bar."""

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._console = console
        self._clock = clock
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._epochs = 0
        self._epoch = 0
        self._loss: float | None = None
        self._dev = ""
        self._meter: Meter | None = None
        self._next_refresh = 0.0
        self._next_line = 0.0
        self._pass = ""
        self._pass_began = 0.0

    def __enter__(self) -> Display:
        if self._console.is_terminal:
            self._bar = _bar(self._console)
            self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def on_data(self, what: str, examples: int, fraction: float | None = None, unit: str = "texts") -> None:
        """Show how far a pass over the texts has come, and how fast it is."""
        now = self._clock()
        if what != self._pass:
            self._pass, self._pass_began = what, now
            if self._bar is None:
                self._next_refresh = now + LONG_EPOCH_SECONDS
        if now < self._next_refresh and (self._bar is None or fraction != 1.0):
            return
        seconds = now - self._pass_began
        rate = f", {short_number(examples / seconds)} {unit}/s" if seconds > REFRESH_SECONDS else ""
        numbers = f"{examples:,} {unit}{rate}"
        if self._bar is None:
            self._next_refresh = now + LONG_EPOCH_SECONDS
            self._line(f"{what}: {numbers}" + ("" if fraction is None else f", {fraction:.0%} read"))
            return
        self._next_refresh = now + REFRESH_SECONDS
        self._show(what, fraction, numbers)

    def on_wait(self, what: str) -> None:
        """Show what is under way."""
        if self._bar is not None:
            self._show(what, None, "")

    def on_note(self, text: str) -> None:
        """Print it."""
        self._line(text)

    def on_start(self, *, epochs: int, steps: int, examples: int, first_epoch: int, first_step: int) -> None:
        """Begin to measure, and say where a resumed run goes on."""
        self._epochs = epochs
        self._meter, self._next_refresh = Meter(self._clock), 0.0
        if first_epoch > epochs:
            self._line(f"all {epochs} epochs are done already")
        elif (first_epoch, first_step) != (1, 0):
            self._line(f"going on in epoch {first_epoch} of {epochs} after {first_step} of {steps} steps")

    def on_epoch(self, epoch: int, epochs: int) -> None:
        """Remember which epoch it is."""
        self._epoch, self._epochs = epoch, epochs

    def on_steps(self, *, losses: NDArray[Any], examples: int, tokens: int, step: int, steps: int) -> None:
        """Count the steps; redraw if it is time."""
        if self._meter is None:
            self._meter = Meter(self._clock)
        self._meter.add(examples, tokens)
        kept = SMOOTHING ** len(losses)
        mean = float(losses.mean())
        self._loss = mean if self._loss is None else kept * self._loss + (1 - kept) * mean
        now = self._clock()
        if now < self._next_refresh:
            return
        if self._bar is None:
            if self._next_refresh:  # the first steps are no news
                self._line(f"epoch {self._epoch}/{self._epochs} step {step}/{steps}: {self._numbers()}")
            self._next_refresh = now + LONG_EPOCH_SECONDS
            return
        self._next_refresh = now + REFRESH_SECONDS
        done = ((self._epoch - 1) * steps + step) / max(self._epochs * steps, 1)
        self._show(f"epoch {self._epoch}/{self._epochs}", done, self._numbers())

    def on_dev(self, epoch: int, metrics: Mapping[str, Any], best: bool) -> None:
        """Remember the dev set's metric for the bar."""
        if "accuracy" in metrics:
            self._dev = f"dev {metrics['accuracy']:.3f}"
        elif metrics["tokens"] == metrics["words"]:
            self._dev = f"dev {metrics['perplexity']:.2f}"
        else:  # the perplexity of a word says little of a model of characters
            self._dev = f"dev loss {metrics['loss']:.4f}"

    def on_epoch_end(self, row: Mapping[str, Any]) -> None:
        """Print a line about the epoch, unless the last one was printed a moment ago."""
        epoch, now = row["epoch"], self._clock()
        if now < self._next_line and epoch != self._epochs:
            return
        self._next_line = now + LINE_SECONDS
        if self._bar is None:
            self._next_refresh = now + LONG_EPOCH_SECONDS
        rates = self._rates() if self._bar is None else ""  # the bar shows them all the time
        self._line(epoch_line(row, self._epochs) + rates)

    def on_end(self, *, epochs: int, stopped_early: bool) -> None:
        """Say why training ended, where it is not plain from the number of epochs."""
        if stopped_early:
            self._line(f"stopped after epoch {epochs}: the dev set has not improved any more")

    def _numbers(self) -> str:
        parts = [
            f"loss {self._loss:.4f}" if self._loss is not None else "",
            self._dev,
            self._rates().lstrip(", "),
        ]
        return "  ".join(part for part in parts if part)

    def _rates(self) -> str:
        if self._meter is None or not self._meter.examples:
            return ""
        examples, tokens = self._meter.rates()
        of_examples = f", {short_number(examples)} examples/s" if examples != tokens else ""  # a token is an example
        return f"{of_examples}, {short_number(tokens)} tokens/s"

    def _show(self, what: str, fraction: float | None, numbers: str) -> None:
        assert self._bar is not None
        if self._task is None:
            self._task = self._bar.add_task(what, total=None, numbers="")
        elif self._bar.tasks[0].description.split(maxsplit=1)[0] != what.split(maxsplit=1)[0]:
            self._bar.reset(self._task)  # another pass: its time left has nothing to do with the last one's
        total = None if fraction is None else 1.0
        self._bar.update(self._task, description=what, total=total, completed=fraction or 0.0, numbers=numbers)

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def watching(output: Output, make: Callable[[Console], Display] | None = None) -> Iterator[Progress]:
    """Show on standard error what is told while the block runs; nothing where the command is to be quiet.

    Args:
        output: the command's streams.
        make: a display of another kind.
    """
    if output.quiet:
        yield Progress()
        return
    with (make or Display)(output.notices) as display:
        yield display


def epoch_line(row: Mapping[str, Any], epochs: int) -> str:
    """One epoch as words: ``epoch 3/10: loss 0.4113, dev accuracy 0.8014, dev loss 0.4402 (best yet)``."""
    parts = [f"epoch {row['epoch']}/{epochs}: loss {_decimal(row['loss'])}"]
    if "dev_accuracy" in row:
        parts.append(f"dev accuracy {_decimal(row['dev_accuracy'])}")
        parts.append(f"dev loss {_decimal(row['dev_loss'])}")
    if "dev_perplexity" in row:
        parts.append(f"dev loss {_decimal(row['dev_loss'])}")
        parts.append(f"dev perplexity {row['dev_perplexity']:.2f}")
    measured = "dev_accuracy" in row or "dev_perplexity" in row
    return ", ".join(parts) + (" (best yet)" if row.get("best") and measured else "")


def counted(number: int, what: str) -> str:
    """``1 epoch``, ``5 epochs``."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def short_number(value: float) -> str:
    """A rate in three digits or so: ``941``, ``12.3k``, ``4.6M``."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= 0.9995 * size:  # what rounds to 1000 of a unit is 1 of the next
            return f"{value / size:.3g}{unit}"
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _decimal(value: float | None) -> str:
    return "nan" if value is None else f"{value:.4f}"


def _bar(console: Console) -> Bar:
    """A bar that leaves columns out where the terminal is too narrow for them."""
    from rich.progress import BarColumn, ProgressColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.table import Column

    whole = Column(no_wrap=True)
    columns: list[ProgressColumn] = [TextColumn("{task.description}", table_column=whole)]
    if console.width >= 100:
        columns.append(BarColumn(bar_width=20))
    if console.width >= 50:
        columns += [TaskProgressColumn(), TimeRemainingColumn(compact=True)]
    numbers = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    columns.append(TextColumn("{task.fields[numbers]}", table_column=numbers))
    return Bar(*columns, console=console, transient=True, expand=True)
