"""Corpora: where texts come from, and that every pass gives the same."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from lexgrad.errors import InputError
from lexgrad.text import lines
from lexgrad.text.corpus import Corpus
from lexgrad.text.readers import open_table


def texts(corpus: Corpus) -> list[str]:
    return list(corpus.texts())


def test_files_folders_and_patterns_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("three\nfour\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.txt.gz").write_bytes(gzip.compress(b"five\r\nsix"))
    (tmp_path / "a").write_text("one\ntwo")
    (tmp_path / ".hidden").write_text("not read")
    everything = ["one", "two", "three", "four", "five", "six"]
    folder = Corpus.open(tmp_path)
    assert texts(folder) == texts(folder) == everything
    assert folder.position == folder.total_bytes
    assert texts(Corpus.open(str(tmp_path / "**" / "*.txt*"))) == everything[2:]
    two = Corpus.open([tmp_path / "b.txt", tmp_path / "a"])
    assert texts(two) == ["three", "four", "one", "two"]
    assert two.fingerprint() != Corpus.open([tmp_path / "a", tmp_path / "b.txt"]).fingerprint()


def test_tables_give_their_column(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"body": ["one two", "three"]}), tmp_path / "t.parquet")
    (tmp_path / "t.jsonl").write_text("".join(json.dumps({"body": text}) + "\n" for text in ("four\nfive", "six")))
    found = Corpus.open([tmp_path / "t.parquet", tmp_path / "t.jsonl"], text="body")
    assert texts(found) == ["one two", "three", "four\nfive", "six"]
    assert texts(Corpus.of(open_table(tmp_path / "t.jsonl", text="body", label=None))) == ["four\nfive", "six"]


def test_standard_input_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"a b\nc\n")))
    corpus = Corpus.open("-")
    assert texts(corpus) == texts(corpus) == ["a b", "c"]


def test_a_long_line_comes_in_parts_and_is_one_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 50)
    monkeypatch.setattr(lines, "CHUNK", 16)
    long = " ".join(f"word{i}" for i in range(60))
    (tmp_path / "t.txt").write_text(f"short\n{long}\n\nend {long}")
    (tmp_path / "u.txt").write_text("x" * 90)
    corpus = Corpus.open([tmp_path / "t.txt", tmp_path / "u.txt"])
    pieces = list(corpus.pieces())
    assert sum(goes_on for _, goes_on in pieces) > 4
    assert all(part.endswith(" ") or set(part) == {"x"} for (*_, part), goes_on in pieces if goes_on)
    assert texts(corpus) == ["short", long, "", f"end {long}", "x" * 90]


def test_fasttext_labels_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("\n__label__a one two\n__label__b three\n")
    assert texts(Corpus.open(tmp_path / "t.txt")) == ["one two", "three"]


def test_what_is_in_memory() -> None:
    assert texts(Corpus.of(["a b", "c"])) == ["a b", "c"]
    words = Corpus.of([["a", "b"], [], ("c",)])
    assert words.cut
    assert texts(words) == ["a b", "", "c"]
    assert Corpus.of(words) is words
    assert Corpus.of([["a b"]]).fingerprint() != Corpus.of([["a", "b"]]).fingerprint()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("one text", "expected a list of texts; got one str"),
        (iter(["a"]), "iterator, which can be read only once"),
        ([], "empty"),
        (["a", 3], "expected text at place 1; got int: 3"),
        ([["a"], "b"], "expected a list of words at place 1; got str: 'b'"),
        ([["a"], [1]], "expected a list of words at place 1; got list"),
    ],
)
def test_mistakes_in_memory(given: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Corpus.of(given)


def test_mistakes_in_files(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "latin.txt").write_bytes(b"fine\nsch\xf6n\n")
    (tmp_path / "nul.txt").write_bytes(b"fine\nb\0d\n")
    (tmp_path / "folder").mkdir()
    for name, message in [
        ("empty.txt", "empty"),
        ("gone.txt", "there is no such file"),
        ("folder", "folder without files"),
        ("*.xyz", "no file fits"),
        ("nul.txt", "row 2 has a NUL character"),
        ("latin.txt", "row 2, byte 8: 0xf6 is not valid utf-8"),
    ]:
        with pytest.raises(InputError, match=message):
            texts(Corpus.open(str(tmp_path / name)))
    with pytest.raises(InputError, match="at least one file"):
        Corpus.open([])
    assert texts(Corpus.open(tmp_path / "latin.txt", encoding="cp1252")) == ["fine", "schön"]
