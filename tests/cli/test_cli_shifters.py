"""`lexgrad show --shifters`."""

from __future__ import annotations

from pathlib import Path

import pytest

from lexgrad.errors import InputError
from lexgrad.models import DeepAveraging
from tests.cli.conftest import Lexgrad

GOOD, BAD = (
    ["a good film", "good fun", "not bad", "not a bad film"],
    ["a bad film", "bad fun", "not good", "not a good film"],
)


def test_words_that_turn_others_round_are_shown(lexgrad: Lexgrad, tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text(
        "text,label\n"
        + "".join(f"{text},{label}\n" for label, texts in (("good", GOOD), ("bad", BAD)) for text in texts)
    )
    small = ["--epochs", 60, "--set", "units=8", "--set", "dimensions=8", "--set", "word_dropout=0", "--set", "seed=1"]
    small += ["--set", "learning_rate=0.01"]
    lexgrad("train", "dan", "texts.csv", "--set", "scope=2", *small, "--out", "r")
    told = lexgrad("show", "r", "--shifters", "--json").json()
    assert told["scope"] == 2
    assert told["shifters"]["down"][0]["word"] == "not"
    assert all(row["shift"] < 0 for row in told["shifters"]["down"])
    assert all(row["shift"] > 0 for row in told["shifters"]["up"])
    shown = lexgrad("show", "r", "--shifters").out
    assert "of each of the 2 words after it" in shown
    assert f"not {told['shifters']['down'][0]['shift']:+.2f}" in " ".join(shown.split())
    assert "one at a time" in lexgrad("show", "r", "--shifters", "--filters").mistake()
    lexgrad("train", "dan", "texts.csv", "--epochs", 1, "--out", "plain")
    assert "--set scope=2), and this is 'dan' without" in lexgrad("show", "plain", "--shifters").mistake()


def test_a_model_without_scope_has_none() -> None:
    model = DeepAveraging(units=2, dimensions=2, layers=1, epochs=1).fit(GOOD + BAD, [1] * 4 + [0] * 4)
    with pytest.raises(InputError, match="scope is 0"):
        model.shifters()
