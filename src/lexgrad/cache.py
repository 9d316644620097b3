"""What took long to make, on disk, keyed by what it was made of; safe against damage and concurrent writers.

Compiled objects, the plans of programs, and built-in texts. They take at most ``LIMIT`` bytes: those that have not been
used for the longest time make room for new ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from lexgrad.files import write_whole

LIMIT = 1 << 30
"""Bytes that all objects together may take: some ten thousand of them."""

_MAGIC = b"lexgrad object 1\n"
_NAME = re.compile(r"[0-9a-f]{64}\.(o|plan|json)|\.[0-9a-f]{64}\.(o|plan|json)\..*\.partial")


def folder() -> Path | None:
    """Where objects are kept: ``LEXGRAD_CACHE``, or the platform's cache folder; None where it is set to ``off``."""
    told = os.environ.get("LEXGRAD_CACHE")
    if told is not None:
        return None if told in ("", "off", "0") else Path(told)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "lexgrad"


def cached(key: str, make: Callable[[], bytes], kind: str = "o") -> bytes:
    """What is kept under ``key``, an object by default; made where it is not there or was damaged.

    A cache that cannot be written to is no error: the object is then made every time.
    """
    name = name_of(key, kind)
    found = kept(name)
    if found is None:
        found = make()
        keep(name, found)
    return found


def name_of(key: str, kind: str = "o") -> str:
    """The name of the file in which what is under ``key`` is kept: an object, a ``plan``, or ``json``."""
    return f"{hashlib.sha256(key.encode()).hexdigest()}.{kind}"


def told(paths: Iterable[Path], beside: Path) -> str:
    """What files are told by: their names from the folder ``beside``, sizes and times; empty where one is not there."""
    try:
        found = [(path, path.stat()) for path in paths]
    except OSError:
        return ""
    lines = "\n".join(f"{path.relative_to(beside)} {status.st_size} {status.st_mtime_ns}" for path, status in found)
    return hashlib.sha256(lines.encode()).hexdigest()


def kept(name: str) -> bytes | None:
    """What was kept under a name; None where there is nothing, or it was damaged."""
    place = folder()
    if place is None:
        return None
    found = _read(place / name)
    if found is not None:
        with contextlib.suppress(OSError):
            os.utime(place / name)  # it has been used
    return found


def keep(name: str, data: bytes) -> None:
    """Keep something under a name, where that is possible."""
    place = folder()
    if place is None:
        return
    with contextlib.suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
        write_whole(place / name, lambda partial: _write(partial, data))
        _make_room(place)


def _make_room(place: Path) -> None:
    """Remove the objects that have not been used for the longest time, until all of them fit."""
    found = [(path.stat(), path) for path in _objects(place)]
    total = sum(status.st_size for status, _ in found)
    for status, path in sorted(found, key=lambda item: item[0].st_mtime_ns):
        if total <= LIMIT:
            return
        path.unlink(missing_ok=True)
        total -= status.st_size


def _write(path: Path, code: bytes) -> None:
    path.write_bytes(_MAGIC + hashlib.sha256(code).digest() + code)


def _read(path: Path) -> bytes | None:
    """The object in a file, or None where there is none or its checksum is wrong."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    head, code = data[: len(_MAGIC) + 32], data[len(_MAGIC) + 32 :]
    return code if head == _MAGIC + hashlib.sha256(code).digest() else None


def held() -> tuple[int, int]:
    """How many objects the cache holds, and the bytes of all that it keeps."""
    place = folder()
    found = _objects(place) if place is not None and place.is_dir() else []
    return sum(path.suffix == ".o" for path in found), sum(path.stat().st_size for path in found)


def clear() -> tuple[int, int]:
    """Remove every cached object; returns how many there were and their bytes. Other files there stay."""
    found = held()
    place = folder()
    for path in _objects(place) if place is not None and place.is_dir() else ():
        path.unlink(missing_ok=True)
    return found


def _objects(place: Path) -> list[Path]:
    """What this module has written into a folder, and what it was about to when it was stopped."""
    return [path for path in place.iterdir() if _NAME.fullmatch(path.name)]
