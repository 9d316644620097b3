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


@pytest.fixture(autouse=True)
def no_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test sees what the compiler makes of a graph just now: many change the compiler."""
    monkeypatch.setattr(program, "PLANS_KEPT", False)
