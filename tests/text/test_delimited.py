"""CSV and TSV: what is read, and what is said of files that can not be."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexgrad.errors import InputError
from lexgrad.text import csv_blocks, delimited
from lexgrad.text.readers import Row, open_table
from tests.text.reading import Write, in_this_folder, labels, message, pairs, texts


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


@in_this_folder
@given(
    pieces=st.lists(
        st.sampled_from(['"', '""', "a", "é", ",", "\n", "\r\n", "\r", "\0", "a,b\n", '"a\n""b""",c\r\n', ' "a",b\n']),
        min_size=1,
        max_size=12,
    ),
    block=st.integers(1, 20),
)
def test_blocks_read_what_pythons_csv_reads(tmp_path: Path, pieces: list[str], block: int) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(("text,label\n" + "".join(pieces)).encode())

    def read(blockwise: bool) -> list[Row] | str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(csv_blocks, "BLOCK", block)
            patch.setattr(csv_blocks, "ROWS", 1 + block % 3)
            if not blockwise:
                patch.setattr(csv_blocks.CsvBlocks, "columns", lambda *_: None)
            try:
                return list(open_table(path))
            except InputError as error:
                return str(error)

    found, expected = read(blockwise=True), read(blockwise=False)
    assert found == expected or (isinstance(found, str) and isinstance(expected, str))  # of two faults, either


def test_rows_not_quoted_by_the_book_are_read_among_others(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "BLOCK", 50)
    rows = ["plain,x", "he is 6' 2\" tall,y", '"by the ""book"", really",z', 'a lone " here,x'] * 40
    assert pairs(write("a.csv", "text,label\n" + "\n".join(rows))) == [tuple(row) for row in csv.reader(rows)]


def test_bytes_that_do_not_decode_are_named_in_columns_that_are_not_read_too(write: Write) -> None:
    told = message(write("a.csv", b"text,other,label\na,b,c\na,\xe9,c\n"))
    assert told.startswith("row 3, byte 25: 0xe9 is not valid utf-8")


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
    monkeypatch.setattr(csv_blocks, "BLOCK", 64)
    monkeypatch.setattr(csv_blocks, "LARGEST", 100)
    limit = csv.field_size_limit(100)
    try:
        told = message(write("a.csv", "text,label\na,b\n" + '"' + "x" * 200 + '",c\n'))
    finally:
        csv.field_size_limit(limit)
    assert "row 3: a field is longer than" in told


def test_fault_past_the_first_batch_has_its_own_row(write: Write) -> None:
    content = "text,label\n" + "a,b\n" * (3 * delimited.BATCH_ROWS) + "c\n"
    assert message(write("a.csv", content)).startswith(f"row {3 * delimited.BATCH_ROWS + 2}:")


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
