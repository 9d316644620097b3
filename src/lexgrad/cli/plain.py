"""Words of a command line as plain values, without pydantic: importing that takes longer than most commands do."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

import typer

_WHOLE = re.compile(r"[+-]?[0-9]+")


def read_plainly(command: Any, above: Any = None) -> None:
    """Let the parameters of a command of typer's, and of those under it, read what is well formed by themselves.

    Versions of typer that ask pydantic for every value do so still for one that is not well formed, and say what is
    wrong with it; other versions stay as they are.
    """
    context = typer.Context(command, parent=above, **command.context_settings)
    for parameter in command.get_params(context):  # --help is among them, and has its names from the context
        if getattr(parameter, "_runtime_param", parameter) is None:
            parameter._runtime_param = _Plain()
    for inner in getattr(command, "commands", {}).values():
        read_plainly(inner, context)


class _Plain:
    """Stands where typer keeps what it has made to read a parameter's values."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value that is meant; typer's own way to it where this is none."""
        wanted, least = param.type_descriptor.annotation, param.type_descriptor.parameter_info.min
        try:
            return _read(value, wanted, -math.inf if least is None else least)
        except (ValueError, TypeError, KeyError):
            param._runtime_param = None
            return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def _read(value: Any, wanted: Any, least: float) -> Any:
    if get_origin(wanted) is list:
        (wanted,) = get_args(wanted)
        return () if value is None else [_one(part, wanted, least) for part in value]
    return None if value is None else _one(value, wanted, least)


def _one(value: Any, wanted: Any, least: float) -> Any:
    if type(value) is not wanted:
        if not isinstance(value, str | Path):
            raise TypeError
        value = _READERS[wanted](value)
    if wanted in (int, float) and not value >= least:
        raise ValueError
    return value


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError
    return int(text)


_READERS: dict[Any, Callable[[Any], Any]] = {str: str, int: _whole, float: float, Path: Path}
