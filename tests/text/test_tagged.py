"""Tagged sentences: CoNLL-U and two columns, what is read of them, and what is said of files that can not be."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexgrad.errors import InputError
from lexgrad.text.sentences import MemorySentences, Sentence
from lexgrad.text.tagged import open_tagged
from tests.text.reading import Write, in_this_folder


def row(id_: object, form: str, upos: str = "X", xpos: str = "x", feats: str = "_") -> str:
    return f"{id_}\t{form}\tlemma\t{upos}\t{xpos}\t{feats}\t0\troot\t_\t_\n"


CONLLU = (
    "# sent_id = 1\n# text = Don't go.\n"
    + row("1-2", "Don't", "_", "_")
    + row(1, "Do", "AUX", "VB", "Mood=Imp")
    + row(2, "n't", "PART", "RB")
    + row("2.1", "you", "PRON", "PRP")
    + row(3, "go", "VERB", "VB")
    + "\n\n# sent_id = 2\n"
    + row(1, "#1", "NOUN", "NN")
)
FIRST = ("Do", "n't", "go")


def message(path: Path, **options: str | None) -> str:
    with pytest.raises(InputError) as caught:
        list(open_tagged(path, **options))
    told = str(caught.value)
    assert "\n" not in told
    return told.removeprefix(f"{path}: ")


def test_conllu_gives_words_without_ranges_and_empty_nodes(write: Write) -> None:
    table = open_tagged(write("a.conllu", CONLLU))
    wanted = [Sentence(FIRST, ("AUX", "PART", "VERB"), 4), Sentence(("#1",), ("NOUN",), 11)]
    assert list(table) == wanted
    assert list(table) == wanted  # from the first again
    assert table.position == table.total_bytes > 0


@pytest.mark.parametrize(
    ("field", "tags"), [("xpos", ("VB", "RB", "VB")), ("feats", ("Mood=Imp", "_", "_")), (None, None)]
)
def test_any_column_can_be_the_tag(write: Write, field: str | None, tags: tuple[str, ...] | None) -> None:
    table = open_tagged(write("a.conllu", CONLLU), field=field)
    assert next(iter(table)) == Sentence(FIRST, tags, 4)
    assert table.has_tags is (field is not None)


def test_two_columns_with_comments_and_any_ends_of_lines(write: Write) -> None:
    path = write("a.txt", "# a comment\r\nthe\tDET\r\n#\tSYM\r\n \r\n\r\nold man\tNOUN")
    assert list(open_tagged(path)) == [Sentence(("the", "#"), ("DET", "SYM"), 2), Sentence(("old man",), ("NOUN",), 6)]
    assert [sentence.words for sentence in open_tagged(path, field=None)] == [("the", "#"), ("old man",)]


def test_words_alone_can_be_read_without_tags(write: Write) -> None:
    assert list(open_tagged(write("a.tsv", "the\nman\n\nsleeps\n"), field=None)) == [
        Sentence(("the", "man"), None, 1),
        Sentence(("sleeps",), None, 4),
    ]


def test_the_format_is_told_by_the_suffix_or_by_the_first_words(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(CONLLU.encode())
    tables = [write("a.conllu.gz", packed), write("b.gz", packed), write("c.dat", "\ufeff" + CONLLU)]
    wanted = list(open_tagged(tables[0]))
    assert all(list(open_tagged(path)) == wanted for path in tables)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(packed)))
    assert list(open_tagged("-")) == wanted


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("1\tDo\tdo\tAUX\n", "line 1: expected 10 columns with TABs between them (id, form, lemma, upos,"),
        (row(1, "a") + row(3, "b"), "line 2: id 3 is out of order; expected 2"),
        (row(1, "a") + row(2, "b") + row(1, "c"), "line 3: id 1 is out of order; expected 3 (an empty line ends"),
        (row(1, "a") + row("x", "b"), "line 2: 'x' is no id"),
        (row(1, "a") + row("1-", "b"), "line 2: '1-' is no id"),
        (row(1, "a", "_"), "line 1: the word has no upos (the field is '_')"),
        (row(1, ""), "line 1: the column form is empty"),
        ("# only a comment\n\n", "has no words"),
        ("", "is empty"),
    ],
)
def test_faults_of_conllu_are_named_with_their_line(write: Write, content: str, told: str) -> None:
    assert message(write("a.conllu", content)).startswith(told)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("the\tDET\nman\n", "line 2: expected two columns, word and tag, with a TAB between them; found 1"),
        ("the\tDET\textra\n", "line 1: expected two columns"),
        ("the\tDET\nman\t\n", "line 2: the tag is missing"),
        ("\tDET\n", "line 1: the word is missing"),
    ],
)
def test_faults_of_two_columns_are_named_with_their_line(write: Write, content: str, told: str) -> None:
    assert message(write("a.txt", content)).startswith(told)


def test_other_faults(write: Write, tmp_path: Path) -> None:
    path = write("a.conllu", CONLLU.encode() + b"\n" + row(1, "x").encode().replace(b"lemma", b"\xe9"))
    assert message(path).startswith("line 13, byte ")
    with pytest.raises(InputError, match=r"no column 'upo' \(did you mean 'upos'\?\)"):
        open_tagged(path, field="upo")
    with pytest.raises(InputError, match="tagged words are in no format 'connlu'"):
        open_tagged(path, format="connlu")
    with pytest.raises(InputError, match="there is no such file"):
        open_tagged(tmp_path / "b.conllu")
    with pytest.raises(InputError, match="builtin:python-docs: the built-in texts have no tags"):
        open_tagged("builtin:python-docs")


words = st.text(st.characters(exclude_categories=["Cs", "Zs", "Cc", "Zl", "Zp"]), min_size=1, max_size=6)
pairs = st.lists(st.lists(st.tuples(words, words), min_size=1, max_size=4), min_size=1, max_size=4)


@in_this_folder
@given(sentences=pairs)
def test_two_columns_give_back_what_was_written(tmp_path: Path, sentences: list[list[tuple[str, str]]]) -> None:
    path = tmp_path / "a.tsv"
    lines = ["".join(f"{word}\t{tag}\n" for word, tag in sentence) for sentence in sentences]
    path.write_bytes("\n".join(lines).encode())
    read = [list(zip(s.words, s.tags or (), strict=True)) for s in open_tagged(path, format="tagged")]
    assert read == sentences


def test_sentences_in_memory() -> None:
    table = MemorySentences([["a", "b"], ["c"]], [["X", "Y"], ["X"]])
    assert list(table) == [Sentence(("a", "b"), ("X", "Y"), 1), Sentence(("c",), ("X",), 2)]
    assert (len(table), table.position, table.total_bytes) == (2, 2, 2)
    assert table.fingerprint() == MemorySentences([["a", "b"], ["c"]], [["X", "Y"], ["X"]]).fingerprint()
    others = [MemorySentences([["a"], ["b", "c"]]), MemorySentences([["a", "b"], ["c"]])]
    assert len({each.fingerprint() for each in (table, *others)}) == 3


@pytest.mark.parametrize(
    ("words", "tags", "told"),
    [
        (["a b"], None, "sentence 0 of X (from 0) is a str: cut it into words"),
        ([["a", 1]], None, "word 1 of sentence 0 of X (from 0) is 1 (int)"),
        ([["a", "b"]], [["X"]], "sentence 0 of X (from 0) has 2 words, but 1 tags"),
        ([["a"]], [], "X has 1 sentences, but there are tags for 0"),
    ],
)
def test_faults_of_sentences_in_memory(words: list[list[str]], tags: list[list[str]] | None, told: str) -> None:
    with pytest.raises(InputError) as caught:
        MemorySentences(words, tags)
    assert told in str(caught.value)


def test_english_web_treebank_has_its_published_sizes(shared_data: Path) -> None:
    table = open_tagged(shared_data / "ud-ewt" / "en_ewt-ud-dev.conllu.gz")
    read = list(table)
    assert (len(read), sum(len(s.words) for s in read)) == (2001, 25147)
    assert len({tag for s in read for tag in s.tags or ()}) == 17
