"""The texts that a command was given: files in any format, standard input, or what ships with Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lexgrad.errors import InputError

if TYPE_CHECKING:
    from lexgrad.text.readers import Table

BUILTIN = "builtin:"


@dataclass(frozen=True)
class Split:
    """The sources of a training; dev and test may be missing."""

    train: str
    dev: str | None
    test: str | None


def split_of(train: str, dev: str | None, test: str | None, *, whole: bool = False) -> Split:
    """A built-in set named as a whole brings its own parts for training, dev and test, unless it is wanted ``whole``.

    Raises:
        InputError: standard input is named twice.
    """
    if [train, dev, test].count("-") > 1:
        raise InputError("standard input (-) can be read only once: give the other texts as files")
    if whole or not train.startswith(BUILTIN) or train.count(":") > 1:
        return Split(train, dev, test)
    from lexgrad.text.builtin import splits

    parts = splits(train.removeprefix(BUILTIN))
    return Split(parts["train"], dev or parts["dev"], test or parts["test"])


def share_of(dev: str | None) -> float | None:
    """The share in (0, 1) of the training texts that ``10%`` asks for; None where a file is named.

    Raises:
        InputError: not above 0 and below 100 %.
    """
    number = (dev or "").removesuffix("%")
    if dev is None or number == dev or not number.replace(".", "", 1).isdecimal():
        return None
    if not 0 < float(number) < 100:
        raise InputError(f"--dev {dev}: expected a share above 0% and below 100%, such as 10%")
    return float(number) / 100


def open_labelled(source: str, columns: Mapping[str, str]) -> Table:
    """Open texts with labels; ``columns`` may hold text, label, encoding and format.

    Raises:
        InputError: the source is missing, unreadable, or has no labels.
    """
    from lexgrad.text.readers import open_table

    table = open_table(source, **columns)
    if not table.has_labels:
        raise InputError(
            f"{table.source} has no labels: expected a table with a column of them, or lines with __label__; "
            "if it is a table, name its format with --format"
        )
    return table
