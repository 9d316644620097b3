"""Encodings: detected, told, and the place of the byte that does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexgrad.errors import InputError
from lexgrad.text import encodings
from lexgrad.text.encodings import find_bad_byte, guess_encoding
from lexgrad.text.readers import open_table
from lexgrad.text.sources import Source


def told(path: Path, **options: str) -> str:
    with pytest.raises(InputError) as caught:
        list(open_table(path, **options))
    return str(caught.value).removeprefix(f"{path}: ")


def test_row_line_and_byte_of_a_fault_in_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'text,label\n"a\nb",x\n"c\n\xe9 d",y\n')
    assert told(path).startswith("row 3 (line 5), byte 22: 0xe9 is not valid utf-8; it looks like cp1252")
    assert "--encoding cp1252" in told(path)


def test_row_and_byte_of_a_fault_in_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"good\n\nbad \xff\n")
    assert told(path).startswith("row 3, byte 10: 0xff is not valid utf-8")
    path.write_bytes(b"good\ncut off \xe2\x82")
    assert told(path).startswith("row 2, byte 13: 0xe2 is not valid utf-8")


def test_fault_far_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = b"text,label\n" + b"caf\xc3\xa9 au lait,x\n" * 100_000
    path.write_bytes(rows + b"\xe9,x\n")
    assert told(path).startswith(f"row 100002, byte {len(rows)}: 0xe9")


def test_line_alone_where_rows_before_are_faulty_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\na\rb,x\nc\xff,x\n")
    assert told(path).startswith("line 3, byte 18: 0xff")


def test_told_encodings_are_checked_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("naïve\ncafé\n".encode())
    assert told(path, encoding="ascii").startswith("row 1, byte 2: 0xc3 is not valid ascii")
    path.write_bytes(b"ok\n\x81\n")
    assert told(path, encoding="cp1252").startswith("row 2, byte 3: 0x81 is not valid cp1252")
    with pytest.raises(InputError, match=r"no text encoding 'cp125x' \(did you mean"):
        open_table(path, encoding="cp125x")
    with pytest.raises(InputError, match="no text encoding 'hex'"):
        open_table(path, encoding="hex")


SAMPLES = {
    "cp1252": "It’s “very” good – a café, naïve but clever…",
    "cp1251": "Съешь же ещё этих мягких французских булок, да выпей чаю",
    "koi8_r": "Съешь же ещё этих мягких французских булок, да выпей чаю",
    "gb18030": "这部电影非常好看,我很喜欢。",
    "utf_16_le": "no byte-order mark, but plain English text",
}


@pytest.mark.parametrize("codec", SAMPLES)
def test_detect_accepts_the_guess(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\n".join(["plain line", SAMPLES[codec], SAMPLES[codec]]).encode(codec))
    assert [row.text for row in open_table(path, encoding="detect")][1] == SAMPLES[codec]


def test_detect_stays_with_utf8_where_it_fits(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("naïve café\n", encoding="utf-8")
    assert [row.text for row in open_table(path, encoding="detect")] == ["naïve café"]


def test_detect_gives_up_where_it_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff\xfe\xfd\n")
    path.write_bytes(b"x\xff\n")
    monkeypatch.setattr(encodings, "guess_encoding", lambda _: None)
    assert "could not tell the encoding" in told(path, encoding="detect")


@pytest.mark.parametrize(("place", "rows"), [("mr/rt-polarity.all", 10_662), ("trec/trec-qc.train.txt", 5452)])
def test_real_files_that_are_not_utf8(shared_data: Path, place: str, rows: int) -> None:
    path = shared_data / place
    assert "it looks like cp1252" in told(path, format="txt")
    for encoding in ("detect", "cp1252", "latin-1"):
        assert sum(1 for _ in open_table(path, format="txt", encoding=encoding)) == rows


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.text(max_size=30), chunk=st.integers(1, 7), codec=st.sampled_from(["utf-8", "utf-8-sig", "shift_jis"]))
def test_offset_of_the_bad_byte_does_not_depend_on_the_pieces(
    tmp_path: Path, before: str, chunk: int, codec: str
) -> None:
    good = before.encode(codec, "ignore")
    path = tmp_path / "a"
    path.write_bytes(good + b"\xff\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encodings, "CHUNK", chunk)
        bad = find_bad_byte(Source("a", path).open, codec)
    assert bad is not None
    assert (bad.value, bad.offset) == (0xFF, len(good))
    assert bad.line == good.decode(codec).count("\n") + 1


def test_nothing_to_find_in_good_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"fine\n")
    assert find_bad_byte(Source("a", path).open, "utf-8") is None
    assert guess_encoding(Source("a", path)) is not None


@pytest.mark.parametrize("codec", ["utf-16", "utf-32", "UTF16"])
def test_byte_order_that_nothing_says(tmp_path: Path, codec: str) -> None:
    place = tmp_path / "films.csv"
    place.write_bytes(b"text,label\na film,good\n")
    with pytest.raises(InputError, match=r"films\.csv: begins with no byte-order mark.* name utf-..-le or utf-..-be"):
        open_table(place, encoding=codec)


@pytest.mark.parametrize("codec", ["idna", "punycode", "unicode_escape", "rot13"])
def test_codecs_that_no_file_is_in(tmp_path: Path, codec: str) -> None:
    place = tmp_path / "films.csv"
    place.write_bytes(b"text,label\na film,good\n")
    with pytest.raises(InputError, match=f"there is no text encoding '{codec}'"):
        open_table(place, encoding=codec)
