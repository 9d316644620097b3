"""What tests of the compiler share."""

from __future__ import annotations

import pytest

from lexgrad.compile import program


@pytest.fixture
def small_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads are used however little there is to do, so that small graphs show what large ones would."""
    monkeypatch.setattr(program, "_WORK_OF_A_THREAD", 1)
