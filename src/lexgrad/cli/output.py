"""Where a command's words go: results to standard output, everything said on the way to standard error."""

from __future__ import annotations

import functools
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class Output:
    """The two streams of a command.

    With ``as_json`` standard output carries nothing but one JSON object, its last line, and reports for
    people go to standard error. With ``quiet`` nothing but errors and the result itself is said.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet

    @functools.cached_property
    def notices(self) -> Console:
        """Where things are said on the way; made when there is something to say, because rich takes a while."""
        return _console(sys.stderr)

    @functools.cached_property
    def _reports(self) -> Console:
        return self.notices if self.as_json else _console(sys.stdout)

    @property
    def width(self) -> int:
        """How many columns a report may take."""
        return self._reports.width

    def note(self, text: str) -> None:
        """Say something on the way, on standard error."""
        if not self.quiet:
            self.notices.print(text, markup=False, highlight=False, soft_wrap=True)

    def report(self, *parts: RenderableType, whole: bool = False) -> None:
        """Print a report for people: tables, or lines of text; ``whole``: no line is broken where nobody looks on."""
        if self.quiet:
            return
        for part in parts:
            unbroken = isinstance(part, str) or (whole and not self._reports.is_terminal)
            self._reports.print(part, markup=False, highlight=False, soft_wrap=unbroken)

    def result(self, value: dict[str, Any]) -> None:
        """Print the JSON object, if it was asked for."""
        if self.as_json:
            write_json(value)


def write_json(value: dict[str, Any]) -> None:
    """Write ``value`` to standard output as one line of strict JSON."""
    sys.stdout.write(to_json(value) + "\n")
    sys.stdout.flush()


def to_json(value: Any) -> str:
    """One line of strict JSON; a number that JSON cannot carry (NaN, infinity) becomes null."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def to_json_lines(values: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What ``to_json`` gives for each of some objects with text as keys; quickly where all in them is plain."""
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    for value in values:
        try:
            yield encode(value)
        except (TypeError, ValueError):
            yield to_json(value)


def _plain(value: Any) -> Any:
    """The same value in Python's own types: NumPy's scalars and arrays, tuples and paths do not fit JSON."""
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def use_utf8() -> None:
    """Write UTF-8 whatever the system's code page says, so that no text of the user's can fail to print.

    What has no UTF-8 form (a lone surrogate from a file name, say) is written as an escape that JSON knows. A stream
    that was closed before the program began holds nothing and keeps nothing.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open until the end
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    return Console(file=stream, highlight=False)
