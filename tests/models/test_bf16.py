"""Training in bf16: near fp32, recorded in the run, and a model that predicts anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lexgrad import FeedForward, load
from lexgrad.compile.machine import host
from lexgrad.compile.packing import ROUNDED, format_of
from lexgrad.errors import InputError

TEXTS = ["a good film", "a bad film", "good and funny", "bad and slow", "a good, good story", "not good: bad"]
LABELS = ["pos", "neg", "pos", "neg", "pos", "neg"]


def trained(precision: str) -> FeedForward:
    """A network of one hidden layer, a few epochs old."""
    return FeedForward(precision=precision, units=16, epochs=4, batch=4).fit(TEXTS, LABELS)


@pytest.fixture(params=["compiled", "interpreter"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both engines; compiled only where the processor multiplies bf16."""
    if request.param == "compiled" and format_of("bf16", host()) == ROUNDED:
        pytest.skip("this processor has neither AMX nor AVX512-BF16")
    monkeypatch.setenv("LEXGRAD_ENGINE", request.param)


@pytest.mark.usefixtures("engine")
def test_bf16_is_near_fp32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half, single = trained("bf16"), trained("fp32")
    found, wanted = half.predict_proba(TEXTS), single.predict_proba(TEXTS)
    assert 0 < np.abs(found - wanted).max() < 0.05
    assert all(array.dtype == np.float32 for array in half.parameters_.values())
    half.save(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "config.json").read_text())["settings"]["precision"] == "bf16"
    monkeypatch.setenv("LEXGRAD_CPU", "portable")  # what was learned is fp32, and predicts without bf16
    np.testing.assert_allclose(load(tmp_path / "run").predict_proba(TEXTS), found, atol=1e-5)


def test_a_processor_without_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXGRAD_CPU", "portable")
    monkeypatch.setenv("LEXGRAD_ENGINE", "compiled")
    with pytest.raises(
        InputError, match=r"needs a processor with AMX or AVX512-BF16; .*LEXGRAD_CPU=portable.*use fp32"
    ):
        trained("bf16")
