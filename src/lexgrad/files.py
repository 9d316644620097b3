"""Files are written whole or not at all: a temporary name beside the target, then one rename."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_whole(path: str | os.PathLike[str], write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then put it in place by one atomic rename.

    A process that is killed, or a ``write`` that raises, leaves whatever stood at ``path`` untouched.

    Raises:
        OSError: the folder cannot be written to, or the disk is full.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    except OSError as fault:
        fault.filename = os.fspath(target)  # the name that a person gave
        raise
    os.close(handle)
    partial = Path(name)
    try:
        write(partial)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.chmod(_usual_mode())
        partial.replace(target)
    except BaseException as fault:
        partial.unlink(missing_ok=True)
        if isinstance(fault, OSError) and fault.filename in (None, str(partial)):
            fault.filename = os.fspath(target)
        raise


def write_text_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8 with ``\\n`` line ends; whole or not at all."""
    write_whole(path, lambda partial: _write_bytes(partial, text.encode("utf-8")))


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _usual_mode() -> int:
    """Permissions that a plain ``open(path, "w")`` would have given (mkstemp makes files private)."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
