"""Tables of every format: again and again, from anywhere, in any encoding that is marked."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest

from lexgrad.errors import InputError
from lexgrad.text.readers import open_table
from tests.text.reading import Write, message, pairs, parquet

CONTENTS = {
    "a.csv": b"text,label\none,x\ntwo,y\n",
    "a.tsv": b"text\tlabel\none\tx\ntwo\ty\n",
    "a.jsonl": b'{"text": "one", "label": "x"}\n{"text": "two", "label": "y"}\n',
    "a.ndjson": b'{"text": "one", "label": "x"}\n{"text": "two", "label": "y"}\n',
    "a.txt": b"__label__x one\n__label__y two\n",
}


@pytest.mark.parametrize("name", [*CONTENTS, "a.parquet"])
@pytest.mark.parametrize("zipped", [False, True])
def test_every_format_gzipped_or_not_can_be_read_again_and_again(
    tmp_path: Path, write: Write, name: str, zipped: bool
) -> None:
    if name == "a.parquet":
        content = parquet(tmp_path / "p", text=["one", "two"], label=["x", "y"]).read_bytes()
    else:
        content = CONTENTS[name]
    path = write(name + ".gz", gzip.compress(content)) if zipped else write(name, content)
    table = open_table(path)
    assert table.has_labels
    for _ in range(2):
        assert [(row.text, row.label) for row in table] == [("one", "x"), ("two", "y")]
    texts_only = table.texts()
    assert list(texts_only) == list(texts_only) == ["one", "two"]
    assert list(table.labels()) == ["x", "y"]
    assert [row.text for row, _ in zip(table, table, strict=True)] == ["one", "two"]  # two at a time
    assert table.position == table.total_bytes > 0
    assert table.fingerprint() == open_table(str(path)).fingerprint()
    assert "with labels" in repr(table)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", CONTENTS)
def test_byte_order_marks_are_honoured(write: Write, name: str, codec: str) -> None:
    path = write(name, CONTENTS[name].decode().replace("one", "éin").encode(codec))
    assert pairs(path)[0] == ("éin", "x")
    assert pairs(path, encoding="detect")[0] == ("éin", "x")
    assert pairs(path, encoding="utf-8" if "8" in codec else codec)[0] == ("éin", "x")


def test_mark_and_told_encoding_must_agree(write: Write) -> None:
    path = write("a.csv", "text,label\na,b\n".encode("utf-8-sig"))
    assert "begins with the byte-order mark of utf-8, but encoding='utf-16'" in message(path, encoding="utf-16")


def test_fingerprint_is_that_of_the_bytes(write: Write) -> None:
    first, second = write("a.txt", "a\n"), write("b.txt", "b\n")
    told = "sha256:87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"
    assert open_table(first).fingerprint() == told
    assert open_table(second).fingerprint() != told


def test_position_grows_as_rows_are_read(write: Write) -> None:
    table = open_table(write("a.csv", "text,label\n" + "some text,x\n" * 200_000))
    rows = iter(table)
    next(rows)
    early = table.position
    for _ in range(100_000):
        next(rows)
    assert 0 < early < table.position < table.total_bytes


def test_unfinished_reading_closes_the_file(write: Write) -> None:
    path = write("a.csv", CONTENTS["a.csv"])
    rows = iter(open_table(path))
    next(rows)
    del rows
    path.unlink()  # Windows would refuse, were it open


def test_standard_input_is_kept_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(CONTENTS["a.csv"])

    monkeypatch.setattr(sys, "stdin", Input)
    table = open_table("-", format="csv")
    copy = table._source.path  # type: ignore[attr-defined]
    assert [row.text for row in table] == [row.text for row in table] == ["one", "two"]
    assert table.source == "standard input"
    assert copy.exists()
    del table
    assert not copy.exists()


def test_standard_input_is_plain_text_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(b"one\ntwo\n")

    monkeypatch.setattr(sys, "stdin", Input)
    assert [row.text for row in open_table("-")] == ["one", "two"]


def test_empty_standard_input_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO()

    monkeypatch.setattr(sys, "stdin", Input)
    with pytest.raises(InputError, match="standard input: is empty"):
        open_table("-")


def test_missing_file_suggests_the_nearest_name(write: Write) -> None:
    path = write("reviews.csv", CONTENTS["a.csv"])
    assert "there is no such file (did you mean 'reviews.csv'?)" in message(path.with_name("reveiws.csv"))
    assert "there is no folder" in message(path.parent / "nowhere" / "a.csv")
    assert "is a folder" in message(path.parent, format="csv")


def test_formats_are_told_by_suffix_or_by_name(write: Write) -> None:
    path = write("a.data", CONTENTS["a.csv"])
    assert "can not tell the format from the name" in message(path)
    assert len(pairs(path, format="csv")) == 2
    with pytest.raises(InputError, match=r"no format 'cvs' \(did you mean 'csv'\?\)"):
        open_table(path, format="cvs")
    assert len(pairs(write("a.b.CSV", CONTENTS["a.csv"]))) == 2


def test_gzip_faults_are_named(write: Write) -> None:
    assert "the name ends in .gz, but the file is not gzip" in message(write("a.csv.gz", b"text"))
    long = gzip.compress(b"text,label\n" + b"".join(b"%d,x\n" % i for i in range(50_000)))
    assert "the gzip data is damaged or cut off" in message(write("b.csv.gz", long[:-9]))
    middle = len(long) // 2
    assert "the gzip data is damaged" in message(write("c.csv.gz", long[:middle] + bytes(99) + long[middle + 99 :]))
    assert "the gzip data is damaged" in message(write("d.csv.gz", b"\x1f\x8b\x08junk"))
    assert len(pairs(write("e.csv", gzip.compress(CONTENTS["a.csv"])))) == 2  # gzip by content


def test_unknown_builtin_is_named() -> None:
    with pytest.raises(InputError, match=r"did you mean 'python-docs'"):
        open_table("builtin:python-dox")
