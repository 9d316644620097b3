"""Where bytes come from: a file, a gzipped file or standard input, opened anew as often as asked."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import sys
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lexgrad.errors import InputError, suggest

GZIP_MAGIC = b"\x1f\x8b"
STANDARD_INPUT = "-"


class Source:
    """The bytes of one file, decompressed when it is gzip; ``open`` begins at the first byte every time.

    Attributes:
        name: what messages call it.
        path: where the bytes lie (a temporary copy when they came from standard input).
        total_bytes: size on disk, compressed if the file is.
        compressed: whether the file is gzip, told by its first two bytes.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self._raw: BinaryIO | None = None
        try:
            with path.open("rb") as file:
                self.compressed = file.read(2) == GZIP_MAGIC
            self.total_bytes = path.stat().st_size
        except OSError as error:
            raise InputError(_why_unreadable(name, path, error)) from error
        if path.suffix.lower() == ".gz" and not self.compressed:
            raise InputError(f"{name}: the name ends in .gz, but the file is not gzip")

    @property
    def position(self) -> int:
        """How many of ``total_bytes`` the latest reader has taken: for a progress bar."""
        if self._raw is None:
            return 0
        return self.total_bytes if self._raw.closed else self._raw.tell()

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Give the decompressed bytes as a stream; it is closed at the end of the ``with`` block.

        Raises:
            InputError: the file can not be opened (any more), or what is read of it is damaged gzip.
        """
        try:
            raw = self.path.open("rb", buffering=1 << 18)
        except OSError as error:
            raise InputError(_why_unreadable(self.name, self.path, error)) from error
        self._raw = raw
        with raw:
            if not self.compressed:
                yield raw
                return
            try:
                with gzip.GzipFile(fileobj=raw, mode="rb") as unzipped:
                    # A buffer of our own: GzipFile's small reads cost more than the decompression.
                    yield io.BufferedReader(unzipped, 1 << 18)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise InputError(f"{self.name}: the gzip data is damaged or cut off: {error}") from error

    def fingerprint(self) -> str:
        """Return ``"sha256:..."`` of the bytes on disk, as ``sha256sum`` prints it."""
        with self.path.open("rb") as file:
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def find_source(place: str | os.PathLike[str]) -> Source:
    """Return the source at a path, or standard input for ``"-"``, kept in a temporary file.

    Raises:
        InputError: there is no such file, it is a folder, it may not be read, or it is not the gzip it says.
    """
    name = os.fspath(place)
    if not name:
        raise InputError("expected the name of a file; got an empty one")
    if name == STANDARD_INPUT:
        return _kept(sys.stdin.buffer, "standard input")
    return Source(name, Path(name))


def unzipped(source: Source) -> Source:
    """Return a source whose bytes can be read in any order: itself, or a decompressed temporary copy."""
    if not source.compressed:
        return source
    with source.open() as stream:
        return _kept(stream, source.name)


def _kept(stream: BinaryIO, name: str) -> Source:
    """Copy a stream to a temporary file, which is removed when its source is no longer used."""
    handle, place = tempfile.mkstemp(prefix="lexgrad-")
    try:
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
        source = Source(name, Path(place))
    except BaseException:
        _remove(place)
        raise
    weakref.finalize(source, _remove, place)
    return source


def _remove(name: str) -> None:
    Path(name).unlink(missing_ok=True)


def _why_unreadable(name: str, path: Path, error: OSError) -> str:
    if path.is_dir():
        return f"{name}: is a folder; expected a file"
    if isinstance(error, FileNotFoundError):
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        where = "" if path.parent.is_dir() else f" (there is no folder {str(path.parent)!r} either)"
        return f"{name}: there is no such file{where}{suggest(path.name, beside)}"
    return f"{name}: can not be read: {error.strerror or error}"
