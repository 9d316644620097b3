"""Console sessions on a page: the commands of ``console`` blocks, run in an empty folder, against what they print.

``python -m tests.consoles README.md`` writes what the commands print into the page; read it before you commit it.
Numbers are not compared: rates differ from machine to machine, and built-in text from Python to Python.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Session:
    """One command of a page, the output that stands behind it, and where in the page that is."""

    command: str
    output: str
    place: tuple[int, int]


def sessions(page: str) -> list[Session]:
    """Every command of a page's ``console`` blocks, in order."""
    found = []
    for fence in _FENCE.finditer(page):
        for match in re.finditer(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", fence[1], re.MULTILINE):
            start = fence.start(1) + match.start(2)
            found.append(Session(match[1], match[2], (start, start + len(match[2]))))
    return found


def run(command: str, folder: Path) -> str:
    """What a ``lexgrad`` command prints on both streams, at a width of 96 characters."""
    program, *arguments = shlex.split(command)
    assert program == "lexgrad", command
    environment = {**os.environ, "COLUMNS": "96", "PYTHONUTF8": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "lexgrad", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode in (0, 2), f"{command}\n{done.stdout}"
    return done.stdout


def masked(line: str) -> str:
    """A line without what may differ: numbers and their signs, widths of columns, suffixes of rates."""
    return re.sub(r"[-+]?[\d.,·…]+(?:[kMe][-\d]*)?|─+", "#", re.sub(r"\s+", "", line))


def unseen(session: Session, printed: str) -> list[str]:
    """The lines on the page that the command does not print; lines about single epochs are not looked for."""
    there = {masked(line) for line in printed.splitlines()}
    shown = [line for line in session.output.splitlines() if line.strip() and not line.startswith(("epoch ", "..."))]
    return [line for line in shown if masked(line) not in there]


def write_page(path: Path) -> None:
    """Put what the commands print into the page."""
    page = path.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        ran = [(session, run(session.command, Path(folder))) for session in sessions(page)]
    for session, printed in reversed(ran):
        start, stop = session.place
        text = "\n".join(line.rstrip() for line in printed.rstrip().splitlines())
        page = page[:start] + text + "\n" + page[stop:]
    path.write_text(page, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        write_page(Path(argument))
