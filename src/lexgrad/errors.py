"""The errors that lexgrad raises on purpose, and the suggestion of a nearest name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LexgradError(Exception):
    """Anything that lexgrad raises on purpose derives from this."""


class InputError(LexgradError, ValueError):
    """A user's mistake. The message is one line: what was expected, what came, where, and what to do.

    Attributes:
        located: whether the message already names the operation and the user's line.
    """

    located: bool = False


class ShapeError(InputError):
    """An operation was given types or shapes that it is not defined for."""


class NonFiniteError(LexgradError, FloatingPointError):
    """A computation produced its first NaN or infinity; the message names the operation and the line."""


def suggest(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the known name nearest to ``name``, or an empty string."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""
