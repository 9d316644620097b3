"""Stopped and continued: Ctrl-C, SIGTERM, a kill in mid-save; the weights of an uninterrupted run in the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lexgrad.models import FeedForward
from lexgrad.models.classifiers import base, fitting
from tests.cli.conftest import Lexgrad

posix = pytest.mark.skipif(os.name == "nt", reason="Windows cannot send a console's Ctrl-C to one process")

TRAIN = ("--epochs", "6", "--seed", "1", "--batch", "4")

# A training, a step at a time, that waits in its third epoch until a signal comes: it says so, then reads what never
# comes.
WAITING = """
import sys
from lexgrad.train import loop
from lexgrad.cli import progress
from lexgrad.cli.main import main

class Waiting(progress.Display):
    def on_steps(self, **step):
        super().on_steps(**step)
        if self._epoch == 3 and step["step"] == 2:
            print("ready", file=sys.stderr, flush=True)
            sys.stdin.read()

progress.Display = Waiting
loop.LAUNCH_SECONDS = 0
main(sys.argv[1:])
"""

# A training that dies without a word while it writes its fourth checkpoint, the new one still under another name.
DYING = """
import os, sys
from lexgrad import files
from lexgrad.cli.main import main
from lexgrad.train.loop import Plan

Plan.__init__.__kwdefaults__["epoch_seconds"] = -1.0  # every epoch is saved, however short
saves, fsync = [], os.fsync
def dies(handle):
    fsync(handle)
    name = [path for path in os.listdir(sys.argv[-1]) if path.startswith(".checkpoint")]
    if name:
        saves.append(name)
        if len(saves) == 4:
            os._exit(9)
files.os.fsync = dies
main(sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    """Programs that are started here hear Ctrl-C, even where whoever runs the tests in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def uninterrupted(lexgrad: Lexgrad, films: Path) -> bytes:
    assert lexgrad("train", "ffnn", films, "--dev", films, *TRAIN, "--out", "whole", "--quiet").code == 0
    return Path("whole/model.safetensors").read_bytes()


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_and_resumed(lexgrad: Lexgrad, films: Path, number: signal.Signals, code: int) -> None:
    train = ("train", "ffnn", str(films), "--dev", str(films), *TRAIN, "--out", "r")
    command = [sys.executable, "-c", WAITING, *train]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stderr is not None
        said = [line for line in iter(process.stderr.readline, "ready\n") if line]
        process.send_signal(number)
        out, err = process.communicate()
    assert process.returncode == code, "".join(said) + err
    assert out == ""
    stopped, resume = err.splitlines()
    assert stopped.startswith("stopped in epoch 3 after 2 steps, saved to r")
    assert resume.startswith("continue with: lexgrad train ffnn")
    assert resume.endswith("--out r --resume")
    assert Path("r/checkpoint.safetensors").exists()
    assert "resume it" in lexgrad("predict", "r", "a text").mistake()
    assert "not finished" in lexgrad("show", "r").out
    ran = lexgrad(*train, "--resume")
    assert ran.code == 0, ran.err
    assert "going on in epoch 3 of 6 after 2 of 8 steps" in ran.err
    assert Path("r/model.safetensors").read_bytes() == uninterrupted(lexgrad, films)
    assert len(Path("r/metrics.jsonl").read_text(encoding="utf-8").splitlines()) == 6


@posix
def test_ctrl_c_in_the_command_itself(films: Path) -> None:
    command = [sys.executable, "-m", "lexgrad", "train", "softmax", str(films), "--epochs", "1000000", "--out", "r"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, encoding="utf-8", cwd=films.parent) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("epoch 1/1000000")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "continue with: lexgrad train softmax" in err
    assert (films.parent / "r" / "checkpoint.safetensors").exists()


def stop(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_behind_the_last_step(lexgrad: Lexgrad, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = ("train", "ffnn", films, *TRAIN, "--out", "r")
    with monkeypatch.context() as patch:
        patch.setattr(FeedForward, "look_through", stop)
        ran = lexgrad(*train)
    assert ran.code == 130
    assert ran.err.splitlines()[-2] == "stopped; what was trained is saved in r"
    assert ran.err.endswith("--out r --resume\n")
    assert lexgrad(*train, "--resume").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(base, "classification_metrics", stop)
        ran = lexgrad(*train, "--overwrite", "--test", films)
    assert ran.code == 130
    assert ran.err.endswith("stopped while it was measured; the model itself is trained and saved in r\n")
    assert lexgrad("predict", "r", "a text").code == 0


def test_ctrl_c_while_texts_are_read(lexgrad: Lexgrad, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "learn_encoder", stop)
    ran = lexgrad("train", "ffnn", films, *TRAIN, "--out", "r")
    assert (ran.code, ran.err) == (130, "stopped before training began; nothing was saved\n")
    assert not Path("r").exists()


def test_a_kill_while_saving_leaves_the_last_checkpoint(lexgrad: Lexgrad, films: Path) -> None:
    train = ("train", "ffnn", str(films), "--dev", str(films), *TRAIN, "--quiet", "--out", "r")
    done = subprocess.run([sys.executable, "-c", DYING, *train], capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr
    assert list(Path("r").glob(".checkpoint*")), "it died while it wrote"
    ran = lexgrad("train", "ffnn", films, "--dev", films, *TRAIN, "--out", "r", "--resume")
    assert ran.code == 0, ran.err
    assert "going on in epoch 4 of 6" in ran.err
    assert Path("r/model.safetensors").read_bytes() == uninterrupted(lexgrad, films)


def test_resuming_a_finished_run_changes_nothing(lexgrad: Lexgrad, films: Path) -> None:
    whole = uninterrupted(lexgrad, films)
    ran = lexgrad("train", "ffnn", films, "--dev", films, *TRAIN, "--out", "whole", "--resume")
    assert ran.code == 0, ran.err
    assert Path("whole/model.safetensors").read_bytes() == whole


def test_epochs_can_be_raised_where_the_schedule_does_not_depend_on_them(lexgrad: Lexgrad, films: Path) -> None:
    train = ("train", "softmax", films, "--set", "schedule=constant", "--quiet")
    assert lexgrad(*train, "--out", "whole", "--epochs", "6").code == 0
    assert lexgrad(*train, "--out", "parts", "--epochs", "2").code == 0
    assert lexgrad(*train, "--out", "parts", "--epochs", "6", "--resume").code == 0
    assert Path("parts/model.safetensors").read_bytes() == Path("whole/model.safetensors").read_bytes()


PREDICT = ("-m", "lexgrad", "predict", "r")


def test_predict_answers_as_lines_come(lexgrad: Lexgrad, films: Path) -> None:
    lexgrad("train", "logistic", films, "--out", "r", *TRAIN, "--quiet")
    with subprocess.Popen(
        [sys.executable, *PREDICT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for text in ("lovely", "dull"):
            process.stdin.write(text + "\n")
            process.stdin.flush()
            assert f'"text": "{text}"' in process.stdout.readline()  # before the next text is written
        process.stdin.close()
        assert process.wait() == 0


def test_predict_into_a_closed_pipe_is_quiet(lexgrad: Lexgrad, films: Path) -> None:
    lexgrad("train", "logistic", films, "--out", "r", *TRAIN, "--quiet")
    Path("many.txt").write_text("a lovely film\n" * 20_000, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, *PREDICT, "--file", "many.txt"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0


@posix
def test_ctrl_c_while_predicting(lexgrad: Lexgrad, films: Path) -> None:
    lexgrad("train", "logistic", films, "--out", "r", *TRAIN, "--quiet")
    with subprocess.Popen(
        [sys.executable, *PREDICT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("lovely\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert (process.returncode, err) == (130, "")
