"""What tests of the compiler share."""

from __future__ import annotations

import pytest

from lexgrad.compile import assemble, program


@pytest.fixture
def small_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads are used however little there is to do, in loops too, so that small graphs show what large ones would."""
    monkeypatch.setattr(program, "_WORK_OF_A_THREAD", 1)
    monkeypatch.setattr(program, "_WORK_OF_A_STEP", 1)
    monkeypatch.setattr(assemble, "LIGHT", 0)
