"""Whether LaTeX compiles: with a TeX where there is one, and by its syntax where there is none."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

COMMANDS = {
    "documentclass", "usepackage", "allowdisplaybreaks", "begin", "end", "paragraph", "partial", "frac", "left",
    "right", "cdot", "times", "tanh", "log", "sin", "cos", "max", "min", "exp", "operatorname", "sigma", "le", "ge",
    "ne", "mathsf", "mathbb", "mathrm", "text", "ldots", "in", "sqrt", "sum", "otimes", "quad", "hat", "bar", "tilde",
    "eta", "theta", "delta", "alpha", "phantom", "textbackslash", "textasciicircum", "textasciitilde", "vert",
}  # fmt: skip


def check_syntax(source: str) -> None:
    """Brackets, environments and \\left-\\right in pairs, known commands only, scripts of one thing each.

    Raises:
        AssertionError: it would not compile.
    """
    assert source.isprintable() or "\n" in source
    plain = re.sub(r"\\[\\{}$&#%_,]", "", source)
    depth = 0
    for character in plain:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0, "a } without its {"
    assert depth == 0, "a { without its }"
    commands = re.findall(r"\\([A-Za-z]+)", plain)
    assert set(commands) <= COMMANDS, set(commands) - COMMANDS
    assert commands.count("left") == commands.count("right")
    stack: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{([a-z*]+)\}", plain):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    # What TeX calls a double superscript.
    assert not re.search(r"\^(\{[^{}]*\}|\w)\^", plain)


def tex() -> str | None:
    """The TeX of this machine, or None."""
    return shutil.which("pdflatex") or shutil.which("lualatex")


def compile_document(source: str, folder: Path) -> Path:
    """Make a PDF of a whole document.

    Raises:
        AssertionError: TeX found a mistake; the message is its log.
    """
    program = tex()
    assert program is not None
    (folder / "page.tex").write_text(source, encoding="utf-8")
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "page.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return folder / "page.pdf"
