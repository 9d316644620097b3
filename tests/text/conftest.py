"""Fixtures of the tests of text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.text.reading import Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file into the test's folder and return its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
