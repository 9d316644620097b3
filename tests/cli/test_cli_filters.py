"""`lexgrad show --filters`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Lexgrad

FILMS = "text,label\n" + "a lovely film,good\na dull film,bad\nlovely and warm,good\nslow and dull,bad\n" * 3


@pytest.mark.parametrize("columns", ["60", "200"])
def test_ngrams_with_their_classes(
    lexgrad: Lexgrad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    (tmp_path / "films.csv").write_text(FILMS, encoding="utf-8")
    small = ["--set", "filters=2", "--set", "dimensions=4", "--set", "kernels=2", "--epochs", 2]
    assert lexgrad("train", "cnn", "films.csv", "--out", "r", *small).code == 0
    told = lexgrad("show", "r", "--filters", "--json").json()["filters"]
    assert [(row["kernel"], row["filter"]) for row in told] == [(2, 0), (2, 1)]
    best = told[0]["ngrams"][0]
    shown = lexgrad("show", "r", "--filters").out
    assert "K2[0]" in shown
    assert f"{best['ngram']}: {best['answer']:.2f}" in shown
    assert "one at a time" in lexgrad("show", "r", "--filters", "--health").mistake()
    lexgrad("train", "logistic", "films.csv", "--out", "other", "--epochs", 1)
    assert (
        "--filters is for a finished training of cnn, and this is 'logistic'"
        in lexgrad("show", "other", "--filters").mistake()
    )
