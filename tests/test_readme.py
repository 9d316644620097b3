"""The README's commands and code run, and print what stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.consoles import Session, run, sessions, unseen
from tests.pages import PAGES, check_page

README = PAGES / "README.md"
SESSIONS = sessions(README.read_text(encoding="utf-8"))


CODE = [path.name for path in (PAGES / "docs").glob("*.md") if "```python" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", sorted(CODE))
def test_the_code_of_a_page_prints_what_stands_there(page: str) -> None:
    check_page(PAGES / "docs" / page)


def test_the_code_of_the_readme_prints_what_stands_there() -> None:
    check_page(README)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each command prints, run one after the other in one folder."""
    folder = tmp_path_factory.mktemp("readme")
    return {session.command: run(session.command, folder) for session in SESSIONS}


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: str(session.command))
def test_a_command_prints_what_stands_there(session: Session, printed: dict[str, str]) -> None:
    assert session.output.strip(), "run python -m tests.consoles README.md"
    assert unseen(session, printed[session.command]) == []


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if "://" not in link and not (README.parent / Path(link)).exists()] == []
