"""Pages whose code is run: the ``python`` blocks of a Markdown page, in one namespace, against the ``text`` after each.

``python -m tests.pages docs/page.md`` writes what the blocks print into the page; read it before you commit it.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

PAGES = Path(__file__).resolve().parents[1]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One ``python`` block of a page, and the ``text`` block right behind it, where there is one."""

    line: int
    code: str
    expected: str | None
    place: tuple[int, int]
    """Where the expected output begins and ends in the page."""


def blocks(page: str) -> Iterator[Block]:
    """The ``python`` blocks of a page, in order."""
    fences = list(_FENCE.finditer(page))
    for fence, after in itertools.zip_longest(fences, fences[1:]):
        if fence[1] != "python":
            continue
        behind = after is not None and after[1] == "text" and not page[fence.end() : after.start()].strip()
        expected, place = (after[2], after.span(2)) if behind and after is not None else (None, (0, 0))
        yield Block(page.count("\n", 0, fence.start(2)) + 1, fence[2], expected, place)


def outputs(path: Path) -> list[tuple[Block, str]]:
    """Run a page; returns every block with what it printed. Errors name the page and its line."""
    namespace: dict[str, Any] = {"__name__": "__page__"}
    printed = []
    with np.printoptions():  # a page may set them for itself, and for nobody else
        for block in blocks(path.read_text(encoding="utf-8")):
            out = io.StringIO()
            code = compile("\n" * (block.line - 1) + block.code, str(path), "exec")
            with contextlib.redirect_stdout(out):
                exec(code, namespace)
            printed.append((block, out.getvalue()))
    return printed


def check_page(path: Path) -> None:
    """Run a page and compare: what a block prints is what the ``text`` block behind it says, and else nothing.

    Raises:
        AssertionError: a block prints something else; the message names the page and its line.
    """
    ran = outputs(path)
    assert ran, f"{path} has no python blocks"
    for block, printed in ran:
        assert printed == (block.expected or ""), f"{path}:{block.line} prints\n{printed}"


def write_page(path: Path) -> None:
    """Put what the blocks print into the ``text`` blocks of the page."""
    page = path.read_text(encoding="utf-8")
    for block, printed in reversed(outputs(path)):
        if block.expected is not None:
            start, stop = block.place
            page = page[:start] + printed + page[stop:]
    path.write_text(page, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        write_page(Path(argument))
