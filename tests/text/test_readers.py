"""Tables from files: what is read, and what is said of files that can not be."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexgrad.errors import InputError
from lexgrad.text import delimited, lines
from lexgrad.text.readers import Row, open_table

Write = Callable[..., Path]

# What UTF-8 can hold, and a text may: no halves of surrogate pairs, no NUL.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
labels = texts.filter(bool)
in_this_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def message(path: Path | str, **options: str | None) -> str:
    """What a person is told who opens and reads the file: one line, with the file's name."""
    with pytest.raises(InputError) as caught:
        list(open_table(path, **options))  # type: ignore[arg-type]
    told = str(caught.value)
    assert "\n" not in told
    assert told.startswith(str(path))
    return told.removeprefix(f"{path}: ")


def pairs(path: Path, **options: str | None) -> list[tuple[str, str | None]]:
    return [(row.text, row.label) for row in open_table(path, **options)]  # type: ignore[arg-type]


# ---------------------------------------------------------------- CSV


def test_csv_rows_count_the_heading_as_a_spreadsheet_does(write: Write) -> None:
    table = open_table(write("a.csv", "text,label\ngood,1\n\nbad,0\n"))
    assert list(table) == [Row("good", "1", 2), Row("bad", "0", 4)]


def test_csv_columns_are_chosen_by_name(write: Write) -> None:
    path = write("a.csv", "id,review,stars\n1,fine,5\n")
    assert pairs(path, text="review", label="stars") == [("fine", "5")]
    assert pairs(path, text="review", label=None) == [("fine", None)]


def test_csv_quotes_hold_commas_quotes_and_line_ends(write: Write) -> None:
    path = write("a.csv", 'text,label\r\n"a, ""b""\nc\r\nd",x\r\n')
    assert pairs(path) == [('a, "b"\nc\r\nd', "x")]


@in_this_folder
@given(rows=st.lists(st.tuples(texts, labels), min_size=1, max_size=5))
def test_csv_gives_back_what_was_written(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    written = io.StringIO()
    csv.writer(written).writerows([("text", "label"), *rows])
    path = tmp_path / "a.csv"
    path.write_bytes(written.getvalue().encode())
    assert pairs(path) == rows


def test_long_fields_are_read(write: Write) -> None:
    long = "word " * 100_000
    assert pairs(write("a.csv", f'text,label\n"{long}",x\n')) == [(long, "x")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty"),
        ("text,label\n", "has a heading but no rows"),
        ("text,label\na,b\nc\n", "row 3: expected 2 fields, as in the heading, found 1"),
        ('text,label\n"a\nb",c\nd,e,f\n', "row 3 (line 4): expected 2 fields, as in the heading, found 3"),
        ('text,label\na,b\n"c,d\n', "row 3: a quote is opened and not closed before the file ends"),
        ('text,label\n"a\n",b\n"c"d,e\n', "row 3 (line 4): a closing quote is followed by more text"),
        ("text,label\ra,b\r", "row 1: a carriage return stands outside quotes"),
        ("text,label\na,\n", "row 2 has no label"),
        ("text,label\na\0,b\n", "row 2 has a NUL character"),
        ("t\0ext,label\na,b\n", "row 1 has a NUL character"),
        ("Text,Label\na,b\n", "there is no column 'text' (did you mean 'Text'?); its columns are 'Text', 'Label'"),
        ("txet,label\na,b\n", "there is no column 'text' (did you mean 'txet'?)"),
        ("text,lbl\na,b\n", "name the label column with label=... (--label ...)"),
        ("text,text,label\na,b,c\n", "the column 'text' is there more than once"),
        ("text;label\na;b\n", "is the file separated by ';'?"),
    ],
)
def test_csv_faults_are_named(write: Write, content: str, told: str) -> None:
    assert told in message(write("a.csv", content))


def test_field_past_the_limit_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "LONGEST_FIELD", 100)
    limit = csv.field_size_limit(100)
    try:
        told = message(write("a.csv", "text,label\na,b\n" + '"' + "x" * 200 + '",c\n'))
    finally:
        csv.field_size_limit(limit)
    assert "row 3: a field is longer than" in told


def test_fault_past_the_first_batch_has_its_own_row(write: Write) -> None:
    content = "text,label\n" + "a,b\n" * (3 * delimited.BATCH_ROWS) + "c\n"
    assert message(write("a.csv", content)).startswith(f"row {3 * delimited.BATCH_ROWS + 2}:")


# ---------------------------------------------------------------- TSV


def test_tsv_has_no_quoting(write: Write) -> None:
    path = write("a.tsv", 'text\tlabel\r\n"odd quote\tx\r\n\r\nu2028 \u2028 stays\ty')
    table = open_table(path)
    assert list(table) == [Row('"odd quote', "x", 2), Row("u2028 \u2028 stays", "y", 4)]


def test_tsv_faults_are_named(write: Write) -> None:
    assert "row 3: expected 2 fields" in message(write("a.tsv", "text\tlabel\na\tb\nc\td\te\n"))
    assert "separated by ','" in message(write("b.tsv", "text,label\na,b\n"))


def test_sms_spam_has_its_5574_rows(shared_data: Path, write: Write) -> None:
    messages = (shared_data / "sms-spam" / "SMSSpamCollection").read_bytes()
    path = write("sms.tsv", b"label\ttext\n" + messages)
    rows = list(open_table(path))
    assert len(rows) == 5574
    assert sum(row.label == "spam" for row in rows) == 747


# ---------------------------------------------------------------- lines


def test_plain_text_is_a_text_a_line_and_empty_lines_are_empty_texts(write: Write) -> None:
    table = open_table(write("a.txt", "one\r\n\ntwo\u2028still two\x85\x0c"))
    assert list(table) == [Row("one", None, 1), Row("", None, 2), Row("two\u2028still two\x85\x0c", None, 3)]
    assert not table.has_labels
    with pytest.raises(InputError, match="has no labels"):
        table.labels()


@in_this_folder
@given(
    rows=st.lists(texts.map(lambda text: text.replace("\n", "").replace("\r", "")), min_size=1), chunk=st.integers(1, 9)
)
def test_lines_do_not_depend_on_the_pieces_read(tmp_path: Path, rows: list[str], chunk: int) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("".join(row + "\r\n" for row in rows).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "CHUNK", chunk)
        assert [row.text for row in open_table(path, format="txt") if not row.text.startswith("__label__")] == rows


def test_fasttext_lines_are_found_out(write: Write) -> None:
    path = write("a.txt", "\n__label__spam  win a prize \n\n__label__ham\n")
    assert list(open_table(path)) == [Row("win a prize", "spam", 2), Row("", "ham", 4)]
    assert pairs(path, label=None) == [("win a prize", None), ("", None)]
    assert pairs(path, format="fasttext") == pairs(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("__label__a x\ny\n", "row 2 has no label"),
        ("__label__a x\n__label__ y\n", "row 2 has no label"),
        ("__label__a __label__b x\n", "row 1: expected one label, found 2: __label__a __label__b"),
        ("__label__a x\0\n", "row 1 has a NUL character"),
    ],
)
def test_fasttext_faults_are_named(write: Write, content: str, told: str) -> None:
    assert told in message(write("a.txt", content))


# ---------------------------------------------------------------- JSON Lines


def test_json_lines_turn_labels_into_text(write: Write) -> None:
    values = ["x", 1, 2.0, 0.5, True, False]
    content = "\n\n".join(" " + json.dumps({"text": "é", "label": value}) + " " for value in values)
    rows = list(open_table(write("a.jsonl", content)))
    assert [row.label for row in rows] == ["x", "1", "2", "0.5", "true", "false"]
    assert [row.number for row in rows] == [1, 3, 5, 7, 9, 11]


@in_this_folder
@given(rows=st.lists(st.tuples(texts, labels), min_size=1, max_size=5), ascii_only=st.booleans())
def test_json_lines_give_back_what_was_written(tmp_path: Path, rows: list[tuple[str, str]], ascii_only: bool) -> None:
    path = tmp_path / "a.jsonl"
    objects = [json.dumps({"text": text, "label": label}, ensure_ascii=ascii_only) for text, label in rows]
    path.write_bytes("\n".join(objects).encode())
    assert pairs(path) == rows


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "row 2, column 2: not valid JSON"),
        ('{"text": "a", "label": 1} x', "row 2, column 27: not valid JSON: Extra data"),
        ("[1]", "row 2: expected an object on every line, found a list"),
        ('"a"', "row 2: expected an object on every line, found text"),
        ('{"txt": "a", "label": 1}', "row 2 has no 'text' (did you mean 'txt'?); its keys are 'txt', 'label'"),
        ("{}", "row 2 has no 'text'; its keys are none"),
        ('{"text": "a"}', "row 2 has no 'label'"),
        ('{"text": 3, "label": 1}', "row 2: expected 'text' to be text, found a number"),
        ('{"text": null, "label": 1}', "row 2: expected 'text' to be text, found null"),
        ('{"text": "a", "label": null}', "row 2 has no label"),
        ('{"text": "a", "label": ""}', "row 2 has no label"),
        ('{"text": "a", "label": NaN}', "row 2 has no label"),
        ('{"text": "a", "label": [1]}', "row 2: expected 'label' to be text or a number, found a list"),
        ('{"text": "\\u0000", "label": 1}', "row 2 has a NUL character"),
        ('{"text": "\\ud800", "label": 1}', "row 2: 'text' has half of a surrogate pair"),
        ("[" * 100_000, "row 2: "),
        ('{"text": "a", "label": ' + "9" * 5000 + "}", "row 2: not usable JSON"),
    ],
)
def test_json_faults_are_named(write: Write, line: str, told: str) -> None:
    assert told in message(write("a.jsonl", '{"text": "a", "label": 1}\n' + line + "\n"))


# ---------------------------------------------------------------- Parquet


def parquet(path: Path, **columns: pa.Array | list[object]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["x", "y"], ["x", "y"]),
        (pa.array(["x", "y"], pa.large_string()), ["x", "y"]),
        (pa.array(["x", "y"]).dictionary_encode(), ["x", "y"]),
        (pa.array([3, 4], pa.int8()), ["3", "4"]),
        (pa.array([3, 4]).dictionary_encode(), ["3", "4"]),
        ([True, False], ["true", "false"]),
        ([1.0, 2.5], ["1", "2.5"]),
    ],
)
def test_parquet_labels_become_text(tmp_path: Path, column: pa.Array, expected: list[str]) -> None:
    path = parquet(tmp_path / "a.parquet", text=["a", "b"], label=column)
    assert [row.label for row in open_table(path)] == expected
    assert pairs(path, label=None) == [("a", None), ("b", None)]


def test_parquet_text_may_be_a_dictionary(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", text=pa.array(["a", "b", "a"]).dictionary_encode(), label=[1, 2, 3])
    assert [row.text for row in open_table(path)] == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"text": ["a", None], "label": [1, 2]}, "row 2 has no text (it is null)"),
        ({"text": ["a", "b"], "label": [1, None]}, "row 2 has no label"),
        ({"text": ["a", "b"], "label": [1.0, float("nan")]}, "row 2 has no label"),
        ({"text": ["a", "b\0"], "label": [1, 2]}, "row 2 has a NUL character"),
        ({"text": [1, 2], "label": [1, 2]}, "expected column 'text' to hold text, found int64"),
        ({"text": ["a"], "label": [[1]]}, "expected column 'label' to hold text or numbers, found list"),
        ({"body": ["a"], "label": [1]}, "there is no column 'text'"),
        ({"text": pa.array([], pa.string()), "label": pa.array([], pa.string())}, "has columns but no rows"),
    ],
)
def test_parquet_faults_are_named(tmp_path: Path, columns: dict[str, list[object]], told: str) -> None:
    assert told in message(parquet(tmp_path / "a.parquet", **columns))


def test_damaged_parquet_is_named(tmp_path: Path, write: Write) -> None:
    assert "is not a readable Parquet file" in message(write("a.parquet", b"PAR1" + bytes(100)))
    rows = [f"some text that is not short {i}" for i in range(1000)]
    whole = parquet(tmp_path / "b.parquet", text=rows, label=rows).read_bytes()
    broken = write("c.parquet", whole[:100] + b"\xff" * 2000 + whole[2100:])
    assert "damaged Parquet after row 0" in message(broken)


# ---------------------------------------------------------------- every format


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


# ---------------------------------------------------------------- places and formats


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
