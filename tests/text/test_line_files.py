"""Plain text, fastText and JSON Lines: what is read, and what is said of files that can not be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexgrad.errors import InputError
from lexgrad.text import lines
from lexgrad.text.readers import Row, open_table
from tests.text.reading import Write, in_this_folder, labels, message, pairs, texts


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
