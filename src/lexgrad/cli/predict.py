"""`lexgrad predict`: texts in, JSON lines out, in batches, as they come."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from lexgrad.cli.output import Output, to_json_lines
from lexgrad.cli.tasks import task_of
from lexgrad.errors import InputError

if TYPE_CHECKING:
    from lexgrad.models.base import Model

BATCH = 2048  # texts classified at a time
READ = 1 << 16  # bytes taken from standard input at most at a time


def run_predict(run: Path, texts: Sequence[str], file: str | None, columns: Mapping[str, str], output: Output) -> None:
    """Print what the model says of each text, one JSON object a line.

    Raises:
        InputError: the run or the file cannot be used, or texts were given in two ways.
    """
    from lexgrad.models import load

    if texts and file is not None:
        raise InputError("texts were given both as arguments and with --file: give one of them")
    model = load(run)
    task_of(model).answers(model, [])  # a model that labels no texts says so now, before any is waited for
    if texts:
        batches: Iterable[Sequence[Any]] = [texts]
    elif file is not None:
        batches = task_of(model).batches(file, columns, BATCH)
    else:
        if sys.stdin.isatty():
            output.note("type texts, one a line; end with Ctrl-D (Windows: Ctrl-Z, Enter)")
        batches = lines_as_they_come(sys.stdin.buffer, columns)
    for batch in batches:
        _answer(model, batch, output.width if sys.stdout.isatty() else None)


def _answer(model: Model, texts: Sequence[Any], width: int | None) -> None:
    """Print answers as JSON, or for people where there are ``width`` columns."""
    task = task_of(model)
    answers = task.answers(model, texts)
    lines = to_json_lines(answers) if width is None else (task.shown(answer, width) for answer in answers)
    sys.stdout.writelines(line + "\n" for line in lines)
    sys.stdout.flush()


def lines_as_they_come(stream: BinaryIO, columns: Mapping[str, str]) -> Iterator[Sequence[str]]:
    """Batches of whole lines: as many as have arrived, so that a person or a pipe is answered at once.

    Raises:
        InputError: bytes that do not decode, with their line, after the lines before it; or an encoding that
            does not exist.
    """
    if columns.keys() & {"text", "format"} or columns.get("encoding") == "detect":
        raise InputError("standard input is read as one text a line; for columns, formats and guesses use --file -")
    from lexgrad.text.encodings import known_codec

    name = known_codec(columns.get("encoding", "utf-8-sig"))
    decoder = codecs.getincrementaldecoder(name)()
    read = getattr(stream, "read1", stream.read)
    waiting, line, block, fault = "", 1, b"?", None
    while block and fault is None:
        block = read(READ)
        try:
            waiting += decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            fault = error
            waiting += error.object[: error.start].decode(name)
        except UnicodeError:  # of UTF-16 without the mark that says the order of its bytes
            raise InputError(f"standard input begins with no byte-order mark: name {name}-le or {name}-be") from None
        *lines, waiting = waiting.split("\n")
        if not block and waiting:
            lines.append(waiting)
        line += len(lines)
        for start in range(0, len(lines), BATCH):
            yield [text.removesuffix("\r") for text in lines[start : start + BATCH]]
    if fault is not None:
        raise InputError(
            f"standard input line {line}: byte 0x{fault.object[fault.start]:02x} is not "
            f"{name.removesuffix('-sig')}; give its encoding with --encoding, such as --encoding cp1252"
        )
