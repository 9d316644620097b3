"""Which encoding a file is in, told or found out, and where its first byte is that does not fit."""

from __future__ import annotations

import codecs
import encodings.aliases
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO

from lexgrad.errors import InputError, suggest
from lexgrad.text.sources import Source

DETECT = "detect"
CHUNK = 1 << 20
SAMPLE = 1 << 16

# UTF-32's little-endian mark begins with UTF-16's, so it is looked for first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_OF_NAMES_AND_LITERALS = {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"}

OpenBytes = Callable[[], AbstractContextManager[BinaryIO]]


@dataclass(frozen=True)
class BadByte:
    """The first byte that does not fit: its value, its offset (from 0) and its line (from 1)."""

    value: int
    offset: int
    line: int


def choose_encoding(source: Source, told: str | None) -> str:
    """Return the name of the codec to read ``source`` with.

    A byte-order mark decides; else what was told; else UTF-8. ``"detect"`` takes UTF-8 where the whole file
    is valid UTF-8, and otherwise what charset-normalizer makes of its lines that are not ASCII.

    Raises:
        InputError: the encoding told is unknown, or contradicts the mark, or none could be detected.
    """
    with source.open() as stream:
        start = stream.read(4)
    marked = next((codec for mark, codec in _MARKS if start.startswith(mark)), None)
    if told is None or told.lower() == DETECT:
        return marked or (_detected(source) if told else "utf-8")
    codec = known_codec(told)
    if marked is None and codec in ("utf-16", "utf-32") and start:
        raise InputError(
            f"{source.name}: begins with no byte-order mark, and so encoding={told!r} does not say the order of its "
            f"bytes: name {codec}-le or {codec}-be, or leave the encoding out"
        )
    if marked is None:
        return codec
    if not codec.startswith(marked.removesuffix("-sig")):
        raise InputError(
            f"{source.name}: begins with the byte-order mark of {marked.removesuffix('-sig')}, "
            f"but encoding={told!r} was asked for; leave the encoding out"
        )
    return marked


def find_bad_byte(open_bytes: OpenBytes, codec: str) -> BadByte | None:
    """Return the first byte that ``codec`` can not decode, or None when all can; reads in pieces of 1 MiB."""
    decoder = codecs.getincrementaldecoder(codec)()
    taken, lines = 0, 1
    with open_bytes() as stream:
        while True:
            chunk = stream.read(CHUNK)
            taken += len(chunk)
            try:
                lines += decoder.decode(chunk, final=not chunk).count("\n")
            except UnicodeDecodeError as error:
                good = error.object[: error.start].decode(codec.removesuffix("-sig"), "replace")
                # The decoder may have held bytes back from earlier; its object ends where we have read to.
                offset = taken - len(error.object) + error.start
                return BadByte(error.object[error.start], offset, lines + good.count("\n"))
            if not chunk:
                return None


def lines_before(open_bytes: OpenBytes, codec: str, offset: int) -> Iterator[str]:
    """Yield the decoded lines up to byte ``offset``, the last one (where the offset lies) never empty."""
    with open_bytes() as stream:
        lines = io.TextIOWrapper(io.BufferedReader(_Prefix(stream, offset)), encoding=codec, newline="\n")
        last = ""
        for line in lines:
            if last.endswith("\n"):
                yield last
            last = line
        if last.endswith("\n"):
            yield last
            last = ""
        yield last + "?"


def guess_encoding(source: Source) -> str | None:
    """Return what charset-normalizer takes the lines that are not ASCII for, or None when it can not tell."""
    from charset_normalizer import from_bytes

    matches = from_bytes(_telling_lines(source))
    best = matches.best()
    if best is None:
        return None
    # Short Western texts look the same in a dozen code pages: the commonest one goes first.
    western = any("cp1252" in match.could_be_from_charset and match.chaos <= best.chaos + 0.1 for match in matches)
    return "cp1252" if western else best.encoding


def _detected(source: Source) -> str:
    if find_bad_byte(source.open, "utf-8") is None and b"\0" not in _telling_lines(source):
        return "utf-8"
    guess = guess_encoding(source)
    if guess is None:
        raise InputError(f"{source.name}: could not tell the encoding; name it: encoding='cp1252' (--encoding cp1252)")
    return guess


def _telling_lines(source: Source) -> bytes:
    """Return up to 64 KiB of lines with a byte that is NUL or not ASCII: only they tell encodings apart."""
    kept = bytearray()
    with source.open() as stream:
        while len(kept) < SAMPLE:
            line = stream.readline(SAMPLE)
            if not line:
                break
            if b"\0" in line or not line.isascii():
                kept += line
    return bytes(kept[:SAMPLE])


def known_codec(told: str) -> str:
    """Return Python's name of an encoding that files may be in.

    Raises:
        InputError: there is none of this name.
    """
    try:
        b"a".decode(told, "replace")  # codecs between bytes, such as hex, refuse here
        found = codecs.lookup(told).name
    except (LookupError, UnicodeError):
        found = ""
    if not found or found.replace("_", "-") in _OF_NAMES_AND_LITERALS:
        known = sorted({*encodings.aliases.aliases, *encodings.aliases.aliases.values()} - {told.lower()})
        raise InputError(f"there is no text encoding {told!r}{suggest(told.lower(), known)}")
    return found


class _Prefix(io.RawIOBase):
    """The first ``size`` bytes of a stream."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._left = stream, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)
