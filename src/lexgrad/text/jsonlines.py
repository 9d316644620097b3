"""JSON Lines: one object a line; and how values of other types become labels."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from lexgrad.errors import InputError, suggest
from lexgrad.text.lines import LinesTable
from lexgrad.text.sources import Source
from lexgrad.text.tables import Row, refuse_missing_label, refuse_nul

# JSON can spell a half with an escape; UTF-8 has no bytes for it.
_SURROGATE = re.compile("[\ud800-\udfff]")

_KINDS = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}

Object = dict[str, Any]


class JsonLinesTable(LinesTable):
    """One JSON object a line; blank lines are passed over."""

    def __init__(self, source: Source, codec: str, text: str, label: str | None) -> None:
        self._text, self._label = text, label
        self._decode = json.JSONDecoder().raw_decode
        super().__init__(source, codec, labelled=label is not None)

    def _parse(self, lines: list[str], numbers: range) -> Iterator[Row]:
        key = self._text
        for number, line in zip(numbers, lines, strict=True):
            if not line or line.isspace():
                continue
            fields = self._object(line, number)
            text = fields.get(key)
            if not isinstance(text, str):
                self._refuse_text(fields, number)
            if "\0" in text:
                refuse_nul(self.source, number)
            if not text.isascii() and _SURROGATE.search(text):
                raise InputError(
                    f"{self.source}: row {number}: {key!r} has half of a surrogate pair; "
                    "\\ud800 to \\udfff stand in pairs"
                )
            yield Row(text, None if self._label is None else self._label_of(fields, self._label, number), number)

    def _object(self, line: str, number: int) -> Object:
        try:
            fields, end = self._decode(line) if line[0] == "{" else (None, 0)
            if end != len(line):
                fields = json.loads(line)  # space around it, or a fault that this names
        except json.JSONDecodeError as error:
            raise InputError(
                f"{self.source}: row {number}, column {error.colno}: not valid JSON: {error.msg}"
            ) from error
        except (RecursionError, ValueError) as error:  # nested too deeply; an integer of thousands of digits
            raise InputError(f"{self.source}: row {number}: not usable JSON: {error}") from error
        if not isinstance(fields, dict):
            raise InputError(f"{self.source}: row {number}: expected an object on every line, found {_kind(fields)}")
        return fields

    def _refuse_text(self, fields: Object, number: int) -> NoReturn:
        value = self._value(fields, self._text, number, "text")
        raise InputError(f"{self.source}: row {number}: expected {self._text!r} to be text, found {_kind(value)}")

    def _value(self, fields: Object, key: str, number: int, what: str) -> Any:
        if key in fields:
            return fields[key]
        raise InputError(
            f"{self.source}: row {number} has no {key!r}{suggest(key, fields)}; its keys are "
            f"{', '.join(map(repr, fields)) or 'none'}; name the {what} with {what}=... (--{what} ...)"
        )

    def _label_of(self, fields: Object, key: str, number: int) -> str:
        value = self._value(fields, key, number, "label")
        label = label_text(value)
        if label is None:
            raise InputError(
                f"{self.source}: row {number}: expected {key!r} to be text or a number, found {_kind(value)}"
            )
        if not label:
            refuse_missing_label(self.source, number)
        return label


def label_text(value: object) -> str | None:
    """Return a label as text, ``""`` where it is missing, None where the value can not be a label.

    Booleans become ``"true"`` and ``"false"``. Whole floats lose their point: pandas makes floats of a column
    of integers as soon as one is missing, and writes the missing one as NaN.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() else str(value)
    return "" if value is None else None


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "null")
