"""Training in bf16: near fp32, recorded in the run, and a model that predicts anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexgrad import FeedForward, TextCNN, load
from lexgrad.compile.machine import host
from lexgrad.compile.packing import ROUNDED, format_of
from lexgrad.errors import InputError

TEXTS = ["a good film", "a bad film", "good and funny", "bad and slow", "a good, good story", "not good: bad"]
LABELS = ["pos", "neg", "pos", "neg", "pos", "neg"]


def trained(precision: str, kind: str = "ffnn") -> FeedForward | TextCNN:
    """A network of one hidden layer, or of filters, a few epochs old."""
    shared: dict[str, Any] = {"precision": precision, "epochs": 4, "batch": 4}
    if kind == "cnn":
        return TextCNN(filters=16, dimensions=16, kernels=(2, 3), dropout=0.0, **shared).fit(TEXTS, LABELS)
    return FeedForward(units=16, **shared).fit(TEXTS, LABELS)


@pytest.fixture(params=["compiled", "interpreter"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both engines; compiled only where the processor multiplies bf16."""
    if request.param == "compiled" and format_of("bf16", host()) == ROUNDED:
        pytest.skip("this processor has neither AMX nor AVX512-BF16")
    monkeypatch.setenv("LEXGRAD_ENGINE", request.param)


@pytest.mark.parametrize("kind", ["ffnn", "cnn"])
@pytest.mark.usefixtures("engine")
def test_bf16_is_near_fp32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    half, single = trained("bf16", kind), trained("fp32", kind)
    found, wanted = half.predict_proba(TEXTS), single.predict_proba(TEXTS)
    assert 0 < np.abs(found - wanted).max() < 0.05
    assert all(array.dtype == np.float32 for array in half.parameters_.values())
    half.save(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "config.json").read_text())["settings"]["precision"] == "bf16"
    monkeypatch.setenv("LEXGRAD_CPU", "portable")  # what was learned is fp32, and predicts without bf16
    again: Any = load(tmp_path / "run")
    np.testing.assert_allclose(again.predict_proba(TEXTS), found, atol=1e-5)


def test_a_processor_without_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXGRAD_CPU", "portable")
    monkeypatch.setenv("LEXGRAD_ENGINE", "compiled")
    with pytest.raises(
        InputError, match=r"needs a processor with AMX or AVX512-BF16; .*LEXGRAD_CPU=portable.*use fp32"
    ):
        trained("bf16")
