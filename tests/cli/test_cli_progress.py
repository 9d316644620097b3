"""What is shown while a model trains."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from lexgrad.cli.output import Output
from lexgrad.cli.progress import Display, Meter, short_number, watching


class Clock:
    """A clock that stands still until it is told to move on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def train(display: Display, clock: Clock, *, epochs: int, seconds: float) -> None:
    """Act a training of two steps an epoch."""
    with display:
        display.on_data("reading", 20, 0.5)
        display.on_start(epochs=epochs, steps=2, examples=20, first_epoch=1, first_step=0)
        for epoch in range(1, epochs + 1):
            display.on_epoch(epoch, epochs)
            for step in (1, 2):
                clock.now += seconds / 2
                display.on_steps(losses=np.array([1 / epoch]), examples=10, tokens=50, step=step, steps=2)
            display.on_dev(epoch, {"accuracy": 0.5, "loss": 0.7, "macro_f1": 0.4}, best=epoch == 1)
            row = {
                "epoch": epoch,
                "loss": 1 / epoch,
                "dev_loss": 0.7,
                "dev_accuracy": 0.5,
                "best": epoch == 1,
            }
            display.on_epoch_end(row)
        display.on_end(epochs=epochs, stopped_early=False)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
@pytest.mark.parametrize("terminal", [True, False])
def test_any_width(width: int, terminal: bool) -> None:
    clock, file = Clock(), io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=width)
    train(Display(console, clock=clock), clock, epochs=3, seconds=2.0)
    assert "epoch 3/3: loss 0.3333" in file.getvalue()


def test_long_passes_over_the_texts_are_told_without_a_terminal() -> None:
    clock, file = Clock(), io.StringIO()
    display = Display(Console(file=file, width=200), clock=clock)
    for done in range(1, 101):
        display.on_data("reading", done * 1000, done / 100)
        clock.now += 1.0
    display.on_data("encoding", 10, None)
    clock.now += 31.0
    display.on_data("encoding", 62, None, "lines")
    assert file.getvalue().splitlines() == [
        "reading: 31,000 texts, 1.03k texts/s, 31% read",
        "reading: 61,000 texts, 1.02k texts/s, 61% read",
        "reading: 91,000 texts, 1.01k texts/s, 91% read",
        "encoding: 62 lines, 2 lines/s",
    ]


def test_plain_lines_without_a_terminal() -> None:
    clock, file = Clock(), io.StringIO()
    train(Display(Console(file=file, width=200), clock=clock), clock, epochs=2, seconds=2.0)
    assert file.getvalue().splitlines() == [
        "epoch 1/2: loss 1.0000, dev accuracy 0.5000, dev loss 0.7000 (best yet), 10 examples/s, 50 tokens/s",
        "epoch 2/2: loss 0.5000, dev accuracy 0.5000, dev loss 0.7000, 10 examples/s, 50 tokens/s",
    ]


def test_lines_are_occasional() -> None:
    clock, file = Clock(), io.StringIO()
    train(Display(Console(file=file, width=200), clock=clock), clock, epochs=1000, seconds=0.01)
    lines = file.getvalue().splitlines()
    assert 10 <= len(lines) <= 12
    assert lines[0].startswith("epoch 1/1000")
    assert lines[-1].startswith("epoch 1000/1000")


def test_resumed_training_says_where_it_goes_on() -> None:
    file = io.StringIO()
    display = Display(Console(file=file, width=200))
    display.on_start(epochs=5, steps=9, examples=90, first_epoch=2, first_step=4)
    assert file.getvalue() == "going on in epoch 2 of 5 after 4 of 9 steps\n"


def test_where_every_token_is_an_example_the_rate_is_said_once() -> None:
    clock, file = Clock(), io.StringIO()
    display = Display(Console(file=file, width=200), clock=clock)
    display.on_start(epochs=1, steps=2, examples=20, first_epoch=1, first_step=0)
    clock.now += 2
    display.on_steps(losses=np.array([1.0]), examples=700, tokens=700, step=1, steps=2)
    display.on_epoch_end({"epoch": 1, "loss": 1.0})
    assert file.getvalue() == "epoch 1/1: loss 1.0000, 350 tokens/s\n"


def test_what_takes_a_while_is_shown_at_a_terminal() -> None:
    for terminal in (True, False):
        file = io.StringIO()
        with Display(Console(file=file, force_terminal=terminal, width=80)) as display:
            display.on_data("encoding", 20, 1.0)
            display.on_wait("compiling")
        assert ("compiling" in file.getvalue()) is terminal


@pytest.mark.parametrize("quiet", [True, False])
def test_a_quiet_command_watches_nothing(quiet: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with watching(Output(quiet=quiet)) as progress:
        progress.on_note("vectors: 3 of 4 words")
    assert capsys.readouterr().err == ("" if quiet else "vectors: 3 of 4 words\n")


def test_early_stopping_is_said() -> None:
    file = io.StringIO()
    display = Display(Console(file=file, width=200))
    display.on_end(epochs=7, stopped_early=True)
    assert "stopped after epoch 7" in file.getvalue()


def test_meter_counts_rates() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.add(30, 600)
    meter.add(10, 200)
    clock.now += 4
    assert meter.rates() == (10, 200)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (3.14159, "3.1"), (941.2, "941"), (12_345, "12.3k"), (999_999, "1M"), (4_600_000, "4.6M")],
)
def test_short_number(value: float, text: str) -> None:
    assert short_number(value) == text


def test_a_long_epoch_gives_a_sign_of_life() -> None:
    clock, file = Clock(), io.StringIO()
    display = Display(Console(file=file, width=200), clock=clock)
    display.on_start(epochs=1, steps=100, examples=1000, first_epoch=1, first_step=0)
    display.on_epoch(1, 1)
    for step in range(1, 101):
        clock.now += 1
        display.on_steps(losses=np.array([0.5]), examples=10, tokens=50, step=step, steps=100)
    lines = file.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[0] == "epoch 1/1 step 31/100: loss 0.5000  10 examples/s, 50 tokens/s"


@pytest.mark.parametrize(("tokens", "shown"), [(10, "dev 20.09"), (50, "dev loss 1.5000")])
def test_of_a_language_model_of_characters_the_loss_is_shown(tokens: int, shown: str) -> None:
    clock, file = Clock(), io.StringIO()
    display = Display(Console(file=file, width=200), clock=clock)
    display.on_start(epochs=2, steps=99, examples=990, first_epoch=1, first_step=0)
    display.on_dev(1, {"loss": 1.5, "perplexity": 20.0855, "words": 10, "tokens": tokens}, best=True)
    display.on_epoch_end({"epoch": 1, "loss": 1.7, "dev_loss": 1.5, "dev_perplexity": 20.0855, "best": True})
    display.on_epoch(2, 2)
    clock.now += 60
    display.on_steps(losses=np.array([1.6]), examples=10, tokens=50, step=1, steps=99)
    lines = file.getvalue().splitlines()
    assert lines[0] == "epoch 1/2: loss 1.7000, dev loss 1.5000, dev perplexity 20.09 (best yet)"
    assert lines[1].startswith(f"epoch 2/2 step 1/99: loss 1.6000  {shown}  ")
