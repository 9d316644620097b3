"""The notebooks run, and print what stands in them."""

from __future__ import annotations

import re

import pytest

from tests.pages import PAGES

pytest.importorskip("nbclient", reason="nbclient and ipykernel run notebooks: pip install -e '.[dev]'")
pytest.importorskip("ipykernel", reason="nbclient and ipykernel run notebooks: pip install -e '.[dev]'")

NAMES = sorted(path.name for path in (PAGES / "examples").glob("*.ipynb"))


def test_there_is_one_for_every_system() -> None:
    assert len(NAMES) == 10


def masked(text: str) -> str:
    """What is left when rounding differs: how far finite differences are off is noise."""
    return re.sub(r"(finite differences|difference) \S+", r"\1 …", text)


# What Jupyter's libraries warn about on this or that system is not ours to fix.
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_prints_what_stands_there(name: str) -> None:
    import nbformat

    from tests.notebooks import FOLDER, executed, printed, shown

    before = nbformat.read(FOLDER / name, as_version=4)
    after = executed(FOLDER / name)
    for old, new in zip(before.cells, after.cells, strict=True):
        if old["cell_type"] == "code":
            assert masked(printed(new)) == masked(printed(old)), f"{name}:\n{new['source']}"
    for data in shown(after):
        assert "<math" in data["text/html"]
        assert "<svg" in data["text/html"]
