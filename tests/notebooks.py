"""Notebooks that are run: every cell in a kernel of its own, and what it prints against what stands there.

``python -m tests.notebooks examples/*.ipynb`` runs notebooks and writes what they print into them; read it before you
commit it. Only what is printed is kept: pictures and formulas are drawn again when a notebook is opened and run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from tests.pages import PAGES

FOLDER = PAGES / "examples"
TIMEOUT = 120  # seconds for a cell; none takes more than a few


def executed(path: Path) -> Any:
    """The notebook after every cell has run; an error in a cell is raised, and names it."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=TIMEOUT, kernel_name="python3", resources={"metadata": {"path": FOLDER}}).execute()
    return notebook


def printed(cell: Any) -> str:
    """What a cell printed."""
    return "".join(output["text"] for output in cell.get("outputs", []) if output["output_type"] == "stream")


def shown(notebook: Any) -> Iterator[Any]:
    """What cells showed as their last line, by kind of face."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output["output_type"] in ("execute_result", "display_data"):
                yield output["data"]


def write(path: Path) -> None:
    """Run a notebook and keep what it prints."""
    notebook = executed(path)
    for cell in notebook.cells:
        cell["metadata"] = {}
        if cell["cell_type"] == "code":
            text = printed(cell)
            cell["outputs"] = [nbformat.v4.new_output("stream", name="stdout", text=text)] if text else []
            cell["execution_count"] = None
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        write(Path(argument))
