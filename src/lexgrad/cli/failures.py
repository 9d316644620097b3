"""What went wrong, as one readable line and an exit code; a bug, and only a bug, shows its traceback."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

import typer

from lexgrad.debugging import asked
from lexgrad.errors import LexgradError, suggest

SUCCESS = 0
BUG = 1
MISTAKE = 2
INTERRUPTED = 130  # 128 + SIGINT, what a shell reports
TERMINATED = 143  # 128 + SIGTERM

# Typer's class of errors in how a command was written. Where it lives differs between versions of typer
# (click's own, later a copy inside typer), but it is always the base of the public BadParameter.
UsageError: Any = typer.BadParameter.__mro__[1]


class Stopped(Exception):  # noqa: N818 - a person's wish, not an error
    """A command was interrupted and has already said what there is to say; carries the exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def guarded(action: Callable[[], Any]) -> int:
    """Run ``action`` and return the exit code; what it raises becomes one line on standard error."""
    try:
        action()
    except Stopped as stop:
        return stop.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as problem:
        return _report(problem)
    return SUCCESS


def _report(problem: Exception) -> int:
    if isinstance(problem, OSError) and _is_broken_pipe(problem):
        return _reader_went_away()
    line = _one_line(problem)
    if line is None:
        traceback.print_exception(problem)
        _say("error: this is a bug in lexgrad, not a mistake of yours: please report it with the lines above")
        return BUG
    if asked("traceback"):
        traceback.print_exception(problem)
    _say(f"error: {line}")
    return MISTAKE


def _one_line(problem: Exception) -> str | None:
    """The message for a mistake or a misfortune of the user's; None for a bug."""
    if isinstance(problem, UsageError):
        text = _usage_line(problem)
    elif isinstance(problem, LexgradError):
        text = str(problem)
    elif isinstance(problem, OSError):
        text = _system_line(problem)
    elif isinstance(problem, MemoryError):
        text = "not enough memory" + (f": {problem}" if str(problem) else "")
    else:
        return None
    return " ".join(text.split())


def _usage_line(problem: Any) -> str:
    """Typer's message without its box, and the nearest name for an option that does not exist."""
    context = getattr(problem, "ctx", None)
    path = context.command_path if context is not None else "lexgrad"
    if (option := getattr(problem, "option_name", None)) is not None and hasattr(problem, "possibilities"):
        known = [name for parameter in context.command.params for name in parameter.opts] if context else []
        text = f"no option {option}{suggest(option, [name for name in known if name.startswith('-')])}"
    else:
        text = problem.format_message().rstrip(".")
        text = text[:1].lower() + text[1:]
    return f"{text} (see {path} --help)"


def _system_line(problem: OSError) -> str:
    """What the operating system refused, and for which file."""
    reason = problem.strerror or str(problem) or type(problem).__name__
    reason = reason[:1].lower() + reason[1:]
    if problem.filename is None:
        return reason
    name = os.fsdecode(problem.filename) if isinstance(problem.filename, bytes | str) else problem.filename
    return f"{name}: {reason}"


def _is_broken_pipe(problem: OSError) -> bool:
    # Windows reports a closed pipe as an invalid argument of a write that names no file.
    windows = os.name == "nt" and problem.errno == errno.EINVAL and problem.filename is None
    return isinstance(problem, BrokenPipeError) or windows


def _reader_went_away() -> int:
    """`lexgrad predict ... | head` is not an error. Python must not flush into the closed pipe at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return SUCCESS


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
