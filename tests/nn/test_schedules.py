"""Learning rates as functions of the step."""

from __future__ import annotations

import math

import pytest

from lexgrad.errors import InputError
from lexgrad.nn.schedules import KINDS, Schedule


@pytest.mark.parametrize(
    ("kind", "start", "middle", "last"),
    [
        ("constant", 2.0, 2.0, 2.0),
        ("linear", 2.0, 1.0, 0.02),
        ("cosine", 2.0, 1.0, 1 + math.cos(math.pi * 0.99)),
        ("step", 2.0, 2.0 / 32, 2.0 / 512),
        ("exponential", 2.0, 0.2, 2 * 0.01**0.99),
        ("inverse", 2.0, 2 / 6, 2 / 10.9),
    ],
)
def test_rates(kind: str, start: float, middle: float, last: float) -> None:
    schedule = Schedule(2.0, kind, total=100)
    assert [schedule(step) for step in (0, 50, 99)] == pytest.approx([start, middle, last])


@pytest.mark.parametrize("kind", KINDS)
def test_warmup_then_the_schedule_from_its_beginning(kind: str) -> None:
    schedule = Schedule(1.0, kind, total=110, warmup=10)
    assert [schedule(step) for step in range(10)] == pytest.approx([0.1 * k for k in range(1, 11)])
    plain = Schedule(1.0, kind, total=100)
    assert [schedule(10 + step) for step in range(100)] == pytest.approx([plain(step) for step in range(100)])


@pytest.mark.parametrize("kind", KINDS)
def test_past_the_end_the_rate_stays_at_least_zero(kind: str) -> None:
    assert Schedule(1.0, kind, total=10)(25) >= 0.0


def test_unknown_schedule() -> None:
    with pytest.raises(InputError, match="did you mean 'cosine'"):
        Schedule(1.0, "cosin")
