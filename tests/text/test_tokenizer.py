"""Tokenizers: what the kinds cut, how vocabularies are numbered, and that the fast path is Hugging Face's result."""

from __future__ import annotations

import itertools
import os
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as HuggingFaceTokenizer
from tokenizers import models, pre_tokenizers

from lexgrad.errors import InputError
from lexgrad.text import chunks
from lexgrad.text.chunks import MANY, Chunks, WholeTexts, count_tokens
from lexgrad.text.kinds import KINDS, UNKNOWN, ascii_words, cut, kind_of, normalise, with_words
from lexgrad.text.tokenizer import Tokenizer

TEXTS = [
    "The film is not good, but it isn't bad!",
    "the end is GOOD .",
    "",
    "   ",
    "Don’t look: naïve cafés, 3.14 of 1,000... (東京タワー) <unk> e\u0301t\u00e9\n\ttabs\x1cfile\u3000wide",
]

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
# Text that is dense in what the rules speak of.
tricky_text = st.text(st.sampled_from(list("anT'’.,-!0 1\t\n\x1c\x85\u00a0\u0301éİΣ東ひ<unk>")), max_size=20)


def words(text: str, kind: str = "words") -> list[str]:
    return Tokenizer.train(["a"], kind).tokens(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't, you WON'T, she can’t", "I do n't , you WO N'T , she ca n't"),
        ("it's he'll we've I'm they're she'd", "it 's he 'll we 've I 'm they 're she 'd"),
        ("wo n't it 's", "wo n't it 's"),
        ("rock'n'roll 'tis", "rock ' n ' roll ' tis"),
        ("$3.14 for 1,000.", "$ 3.14 for 1,000 ."),
        ("well-made... really?!! --", "well - made ... really ? !! --"),
        ("PTB says <unk> here", "PTB says <unk> here"),
        ("snake_case 1930s", "snake_case 1930s"),
        ("東京タワーへ行く", "東 京 タワー へ 行 く"),
        ("cafe\u0301", "café"),
        ("a\x00b\x1cc\u200bd", "a b c \u200b d"),
        ("", ""),
        (" \t\n\u3000", ""),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert words(text) == expected.split(" " if expected else None)
    assert words(text, "lower") == expected.lower().split(" " if expected else None)


def test_spaces_leave_tokenised_text_alone(shared_data: Path) -> None:
    lines = (shared_data / "ptb" / "ptb.test.txt").read_text(encoding="utf-8").splitlines()
    tokenizer = Tokenizer.train(lines, "spaces")
    assert len(tokenizer.encode(lines).ids) == 78_669
    unknown = sum(line.split().count("<unk>") for line in lines)
    assert np.count_nonzero(tokenizer.encode(lines).ids == tokenizer.unknown) == unknown


def test_sst_keeps_its_contractions(shared_data: Path) -> None:
    lines = (shared_data / "sst" / "stsa.binary.test").read_text(encoding="utf-8").splitlines()
    tokenizer = Tokenizer.train(lines, "lower")
    for token in ("n't", "'s", "'re", "..."):
        expected = sum(line.split().count(token) for line in lines)
        assert sum(tokenizer.tokens(line).count(token) for line in lines) >= expected > 0


def test_characters_keep_everything() -> None:
    text = " a\nb\r\t\u2028 東\x00"
    tokenizer = Tokenizer.train([text], "characters")
    assert tokenizer.tokens(text) == list(text)
    assert tokenizer.decode(tokenizer.encode([text])[0]) == text


@pytest.mark.parametrize("kind", KINDS)
def test_decode(kind: str) -> None:
    text = "the end is good ."
    tokenizer = Tokenizer.train([*TEXTS, text], kind)
    assert tokenizer.decode(tokenizer.encode([text])[0]) == text


# ---------------------------------------------------------------- vocabularies


def test_ids_go_by_falling_count_and_then_by_code_point() -> None:
    tokenizer = Tokenizer.train(["b a c", "a b é z", "a"])
    assert tokenizer.vocabulary == ["<unk>", "a", "b", "c", "z", "é"]
    assert (tokenizer.unknown, tokenizer.size) == (0, 6)
    assert tokenizer.encode(["z nothing"])[0].tolist() == [4, 0]


@settings(deadline=None)
@given(
    texts=st.lists(tricky_text, min_size=1, max_size=6),
    kind=st.sampled_from(["lower", "words", "spaces", "characters"]),
    min_count=st.integers(1, 2),
    max_size=st.none() | st.integers(1, 5),
)
def test_vocabulary_is_that_of_counting_tokens(
    texts: list[str], kind: str, min_count: int, max_size: int | None
) -> None:
    cutter = Tokenizer.train(["a"], kind)
    counts = Counter(token for text in texts for token in cutter.tokens(text))
    if not counts:
        with pytest.raises(InputError, match="no token in any"):
            Tokenizer.train(texts, kind, min_count, max_size)
        return
    kept = [token for token, count in counts.items() if count >= min_count and token != "<unk>"]
    expected = ["<unk>", *sorted(kept, key=lambda token: (-counts[token], token))]
    assert Tokenizer.train(texts, kind, min_count, max_size).vocabulary == expected[:max_size]


def test_counting_in_groups_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Tokenizer.train(TEXTS).vocabulary
    monkeypatch.setattr(chunks, "AT_ONCE", 2)
    assert Tokenizer.train(TEXTS).vocabulary == expected


def test_limits_are_honoured() -> None:
    texts = ["a a a b b c"]
    assert Tokenizer.train(texts, min_count=2).vocabulary == ["<unk>", "a", "b"]
    assert Tokenizer.train(texts, max_size=2).vocabulary == ["<unk>", "a"]
    assert Tokenizer.train(texts, "bpe", max_size=257).size == 257


def test_bpe_merges_the_most_frequent_pairs_and_knows_every_byte() -> None:
    tokenizer = Tokenizer.train(["low lower lowest"] * 3, "bpe", max_size=260)
    assert tokenizer.vocabulary[0] == "<unk>"
    assert tokenizer.size == 260
    assert "low" in tokenizer.vocabulary
    unseen = "Ünïcode 東京\n"
    ids = tokenizer.encode([unseen])[0]
    assert tokenizer.unknown not in ids
    assert tokenizer.decode(ids) == unseen
    assert tokenizer.tokens("lowé") == ["low", "Ã", "©"]


def test_bpe_is_the_same_every_time() -> None:
    texts = [f"word{i % 7} other{i % 5} thing" for i in range(200)]
    first = Tokenizer.train(texts, "bpe", max_size=300)
    assert Tokenizer.train(iter(texts), "bpe", max_size=300).to_json() == first.to_json()


def test_texts_are_gone_through_once() -> None:
    def stream() -> Iterator[str]:
        yield from TEXTS

    for kind in KINDS:
        assert Tokenizer.train(stream(), kind).to_json() == Tokenizer.train(TEXTS, kind).to_json()


# ---------------------------------------------------------------- encoding


@settings(deadline=None)
@given(texts=st.lists(any_text | tricky_text, max_size=6), kind=st.sampled_from(sorted(KINDS)))
def test_ids_are_those_of_hugging_face(texts: list[str], kind: str) -> None:
    tokenizer = Tokenizer.train([*TEXTS, *texts[::2]], kind, max_size=300 if kind == "bpe" else 30)
    packed = tokenizer.encode(texts)
    theirs = [tokenizer.hugging_face.encode(text, add_special_tokens=False).ids for text in texts]
    assert [row.tolist() for row in packed] == theirs
    assert packed.ids.dtype == np.int32
    if kind != "bpe":
        ids = {word: i for i, word in enumerate(tokenizer.vocabulary)}
        assert theirs == [[ids.get(token, 0) for token in tokenizer.tokens(text)] for text in texts]


def test_white_space_is_in_no_word() -> None:
    """The fast path rests on it: what Python splits at, the word kinds neither keep nor look across."""
    spaces = [chr(point) for point in range(sys.maxunicode + 1) if chr(point).isspace()]
    assert len(spaces) > 20
    for kind in ("words", "lower"):
        assert words("".join(spaces), kind) == []
    for space in spaces:
        for kind in ("words", "lower"):
            assert words(f"don'{space}t 3.{space}14 .{space}. e{space}\u0301", kind) == [
                "don", "'", "t", "3", ".", "14", ".", ".", "e", "\u0301",
            ]  # fmt: skip


def test_spaces_split_where_python_does() -> None:
    spaces = "".join(chr(point) for point in range(sys.maxunicode + 1) if chr(point).isspace())
    for space in spaces:
        tokenizer = Tokenizer.train([f"a{space}b"], "spaces")
        assert [row.tolist() for row in tokenizer.encode([f"a{space}b"])] == [
            tokenizer.hugging_face.encode(f"a{space}b").ids
        ]


SPACED = ["", "  ", " a  b ", "don't", "a\x1cb", "x\u2003y\x85z", "naïve  café", "1,000 and 3.14 ...", "\n\tend"]


@pytest.mark.parametrize("texts", [SPACED * 9, [text for text in SPACED if text.isascii() and "\x1c" not in text] * 20])
@pytest.mark.parametrize("kind", ["lower", "words", "spaces"])
@pytest.mark.parametrize("much", [0, chunks.MUCH])
def test_many_texts_are_cut_as_each_alone(
    kind: str, texts: list[str], much: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(texts) >= MANY
    monkeypatch.setattr(chunks, "MUCH", much)  # from the first on, Arrow splits them; or Python does
    tokenizer = Tokenizer.train(texts[::2], kind)
    expected = [tokenizer.hugging_face.encode(text, add_special_tokens=False).ids for text in texts]
    for _ in range(2):  # also when every chunk is known
        assert [row.tolist() for row in tokenizer.encode(texts)] == expected
        assert [tokenizer.encode_one(text).tolist() for text in texts] == expected
    counts = count_tokens(tokenizer.hugging_face, kind, texts)
    assert counts == Counter(word for text in texts for word in tokenizer.tokens(text))


def test_table_of_chunks_begins_anew_when_full() -> None:
    tokenizer = Tokenizer.train(TEXTS)
    small = Chunks(WholeTexts(tokenizer.hugging_face), remembered=3)
    for _ in range(2):
        for text in TEXTS:
            assert small.encode([text]).ids.tolist() == tokenizer.encode([text]).ids.tolist()
            assert small.encode_one(text).tolist() == tokenizer.encode([text]).ids.tolist()


PIECES = ["aB9", "_", "'", ".", "-", "$", "n't", "N'T", "'S", "'ll", "'l", "3", ",", "\x07", "\x7f", "<unk>", "<", "é"]


@pytest.mark.parametrize("kind", ["lower", "words", "spaces"])
def test_ascii_is_cut_as_the_tokenizer_does_it(kind: str) -> None:
    tokenizer = with_words(kind, [UNKNOWN])
    for size in (1, 2, 3):
        for chosen in itertools.product(PIECES, repeat=size):
            chunk = "".join(chosen)
            words = ascii_words(kind, chunk)
            assert (words is None) == ("é" in chunk)
            if words is not None:
                assert words == [word for word, _ in cut(tokenizer, normalise(tokenizer, chunk))], chunk
    assert ascii_words(kind, "") == []


def test_table_of_chunks_survives_a_fault() -> None:
    tokenizer = Tokenizer.train(TEXTS)
    with pytest.raises(InputError, match="half of a surrogate pair"):
        tokenizer.encode(["the end \ud800"])
    assert tokenizer.encode(["the end"])[0].tolist() == tokenizer.hugging_face.encode("the end").ids


def test_stream_gives_batches_that_are_the_whole() -> None:
    tokenizer = Tokenizer.train(TEXTS)
    texts = TEXTS * 7
    batches = list(tokenizer.stream(iter(texts), batch_texts=10))
    assert [len(batch) for batch in batches] == [10, 10, 10, 5]
    whole = tokenizer.encode(texts)
    assert np.array_equal(np.concatenate([batch.ids for batch in batches]), whole.ids)
    assert np.array_equal(tokenizer.encode(texts, limit_bytes=8).ids, whole.ids)
    assert len(tokenizer.encode([])) == 0


def test_long_texts_make_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lexgrad.text.tokenizer.BATCH_CHARACTERS", 10)
    tokenizer = Tokenizer.train(["a"])
    assert [len(batch) for batch in tokenizer.stream(["a", "a" * 20, "a", "a"])] == [2, 2]


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("kind", KINDS)
def test_file_alone_restores_the_tokenizer(tmp_path: Path, kind: str) -> None:
    tokenizer = Tokenizer.train(TEXTS, kind)
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    for again in (Tokenizer.load(path), pickle.loads(pickle.dumps(tokenizer))):
        assert (again.kind, again.vocabulary) == (kind, tokenizer.vocabulary)
        assert np.array_equal(again.encode(TEXTS).ids, tokenizer.encode(TEXTS).ids)
    theirs = HuggingFaceTokenizer.from_file(str(path))
    assert theirs.encode(TEXTS[0]).ids == tokenizer.encode(TEXTS)[0].tolist()


def test_file_that_cuts_otherwise_is_taken_at_its_word() -> None:
    """As one of another version might be: the rule for words differs, and crosses white space."""
    other = HuggingFaceTokenizer(models.WordLevel({"<unk>": 0, "a b": 1}, unk_token="<unk>"))
    other.pre_tokenizer = pre_tokenizers.Split("a b", "removed", invert=True)
    tokenizer = Tokenizer.from_json(other.to_str())
    assert tokenizer.kind == "words"
    assert tokenizer.encode(["a b a b"])[0].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is not a tokenizer"),
        (b"{}", "is not a tokenizer"),
        (b'{"version": "1.0"', "is not a tokenizer"),
        (b"\xff\xfe", "can not be read as a tokenizer"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        Tokenizer.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cut_off_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(Tokenizer.train(TEXTS).to_json()[:-20], encoding="utf-8")
    with pytest.raises(InputError, match="is not a tokenizer"):
        Tokenizer.load(path)


def test_tokenizers_of_others_are_refused(tmp_path: Path) -> None:
    other = HuggingFaceTokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    assert kind_of(other) is None
    with pytest.raises(InputError, match="none that lexgrad makes"):
        Tokenizer.from_json(other.to_str())
    gaps = HuggingFaceTokenizer(models.WordLevel({"<unk>": 0, "a": 2}, unk_token="<unk>"))
    gaps.pre_tokenizer = pre_tokenizers.Split("a b", "removed", invert=True)
    with pytest.raises(InputError, match="is damaged: expected tokens numbered from 0"):
        Tokenizer.from_json(gaps.to_str())
    with pytest.raises(InputError, match="can not be read"):
        Tokenizer.load(tmp_path / "missing.json")


# ---------------------------------------------------------------- wrong use


def test_wrong_use_is_named() -> None:
    tokenizer = Tokenizer.train(TEXTS)
    with pytest.raises(InputError, match="expected a list of texts, found one text"):
        tokenizer.encode("one text")
    with pytest.raises(InputError, match="expected a list of texts, found one text"):
        Tokenizer.train("one text")
    with pytest.raises(InputError, match="expected text at position 1, found float"):
        tokenizer.encode(["a", 1.5])  # type: ignore[list-item]
    with pytest.raises(InputError, match=r"no kind of tokenizer 'word' \(did you mean 'words'\?\)"):
        Tokenizer.train(TEXTS, "word")
    with pytest.raises(InputError, match="min_count of 1 or more"):
        Tokenizer.train(TEXTS, min_count=0)
    with pytest.raises(InputError, match="has 257 tokens or more"):
        Tokenizer.train(TEXTS, "bpe", max_size=100)
    for kind in ("lower", "characters", "bpe"):
        with pytest.raises(InputError, match="half of a surrogate pair"):
            Tokenizer.train(TEXTS, kind).encode(["\ud800"])


@pytest.mark.parametrize("kind", KINDS)
def test_faults_of_the_source_come_through(kind: str) -> None:
    def broken() -> Iterator[str]:
        yield "fine"
        raise InputError("row 3 is ragged")

    with pytest.raises(InputError, match="row 3 is ragged"):
        Tokenizer.train(broken(), kind)
    with pytest.raises(InputError, match="row 3 is ragged"):
        Tokenizer.train(TEXTS, kind).encode(broken())


FORKING = """
import os, sys
from lexgrad.text.tokenizer import Tokenizer
texts = [f"text number {i}" for i in range(2000)]
tokenizer = Tokenizer.train(texts, "bpe", max_size=300)
ids = tokenizer.encode(texts).ids
child = os.fork()
if not child:
    os._exit(0 if (tokenizer.encode(texts).ids == ids).all() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("told", [None, "true", "false"])
def test_a_forked_process_goes_on_without_a_word(told: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TOKENIZERS_PARALLELISM"}
    if told is not None:
        environment["TOKENIZERS_PARALLELISM"] = told
    command = [sys.executable, "-W", "ignore", "-c", FORKING]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
