"""Text to token ids: words, characters or BPE, kept as one Hugging Face tokenizer.json."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer as HuggingFaceTokenizer
from tokenizers import models, pre_tokenizers, trainers

from lexgrad.errors import InputError, suggest
from lexgrad.files import write_text_whole
from lexgrad.text.chunks import Characters, Chunks, Encoder, WholeTexts, count_tokens
from lexgrad.text.kinds import KINDS, UNKNOWN, ascii_words, assemble, cut, cuts_as_now, kind_of, normalise, with_words
from lexgrad.text.packed import DEFAULT_LIMIT, Int32, Int64, PackedBuilder, PackedTexts

BPE_SIZE = 8000
BPE_SMALLEST = 257  # the bytes and the unknown token
BATCH_TEXTS = 1 << 14
BATCH_CHARACTERS = 1 << 23


class Tokenizer:
    """A fitted tokenizer; id 0 is ``"<unk>"``, the unknown token.

    Kinds:
        words: words and punctuation marks; ``don't`` is ``do n't``, as in the Penn Treebank; NFC; ’ is '.
        lower: the same in lower case.
        spaces: whatever stands between white space, unchanged: for text that is tokenised already.
        characters: one token a character, white space included.
        bpe: byte-pair encoding of bytes, as in GPT-2 (Sennrich et al. 2016); nothing is unknown to it.

    Ids go by falling frequency in the training text and then by code point; BPE's by order of merging.

    Attributes:
        kind: which of these it is.
        vocabulary: the tokens, by id.
        hugging_face: the ``tokenizers.Tokenizer`` underneath.
    """

    def __init__(self, hugging_face: HuggingFaceTokenizer, kind: str) -> None:
        _settle_threads()
        self.kind = _checked_kind(kind)
        self.hugging_face = hugging_face
        ids: dict[str, int] = hugging_face.get_vocab()
        if ids.get(UNKNOWN) != 0 or set(ids.values()) != set(range(len(ids))):
            raise InputError(f"expected tokens numbered from 0 on, and {UNKNOWN!r} first")
        self.vocabulary = [UNKNOWN] * len(ids)
        for token, number in ids.items():
            self.vocabulary[number] = token
        self._encoder = _encoder(hugging_face, kind, ids)

    @property
    def size(self) -> int:
        """How many tokens there are, the unknown one included."""
        return len(self.vocabulary)

    @property
    def unknown(self) -> int:
        """The id of the unknown token: always 0."""
        return 0

    @classmethod
    def train(
        cls, texts: Iterable[str], kind: str = "lower", min_count: int = 1, max_size: int | None = None
    ) -> Tokenizer:
        """Build the vocabulary of some texts, which are gone through once and not kept.

        Args:
            texts: any iterable; a stream is fine.
            kind: "lower", "words", "spaces", "characters" or "bpe".
            min_count: rarer tokens are left to the unknown one. BPE merges pairs seen so often, and twice.
            max_size: the largest vocabulary, the unknown token included; None is no limit, and for BPE 8000.

        Raises:
            InputError: an unknown kind, a number that is too small, no token at all, or something not text.
        """
        _checked_kind(kind)
        smallest = BPE_SMALLEST if kind == "bpe" else 1
        if min_count < 1:
            raise InputError(f"expected min_count of 1 or more, found {min_count}")
        if max_size is not None and max_size < smallest:
            what = ", each byte and the unknown one" if kind == "bpe" else ""
            raise InputError(f"a vocabulary of kind {kind!r} has {smallest} tokens or more{what}; got {max_size}")
        _settle_threads()
        if kind == "bpe":
            return cls(_train_bpe(only_texts(texts), min_count, max_size or BPE_SIZE), kind)
        counts = count_tokens(with_words(kind, [UNKNOWN]), kind, only_texts(texts))
        return cls.of_counts(counts, kind, min_count, max_size)

    @classmethod
    def of_counts(
        cls, counts: Mapping[str, int], kind: str, min_count: int = 1, max_size: int | None = None
    ) -> Tokenizer:
        """Make the tokenizer that ``train`` makes of texts, given how often each token occurs in them.

        Raises:
            InputError: there is no token.
        """
        if not counts:
            raise InputError("expected texts to learn a vocabulary from, found no token in any")
        words = [word for word, count in counts.items() if count >= min_count and word != UNKNOWN]
        words.sort(key=lambda word: (-counts[word], word))
        return cls(with_words(kind, [UNKNOWN, *words][:max_size]), kind)

    @classmethod
    def of_words(cls, words: Iterable[str], kind: str = "spaces") -> Tokenizer:
        """Make a tokenizer with a given vocabulary: ids are the places of ``words`` counted from 1, 0 is unknown.

        Args:
            words: distinct; the unknown word is not among them.
            kind: any but "bpe".

        Raises:
            InputError: an unknown kind, "bpe", or a word that is there twice.
        """
        if _checked_kind(kind) == "bpe":
            raise InputError("byte-pair encoding is learned from text; it is no list of words")
        return cls(with_words(kind, [UNKNOWN, *words]), kind)

    def encode(self, texts: Iterable[str], *, limit_bytes: int = DEFAULT_LIMIT) -> PackedTexts:
        """Return the ids of all texts; past ``limit_bytes`` they lie in a temporary file (see PackedBuilder).

        Raises:
            InputError: an item is not text, or one text came where a list of texts was expected.
        """
        batches = self.stream(texts)
        first = next(batches, None)
        second = None if first is None else next(batches, None)
        if first is not None and second is None and first.ids.nbytes <= limit_bytes:
            return first  # a few texts, which somebody may be waiting for
        with PackedBuilder(limit_bytes) as builder:
            for batch in chain([first] if first else [], [second] if second else [], batches):
                builder.append(batch)
            return builder.finish()

    def encode_one(self, text: str) -> Int64:
        """Return the ids of one text, as ``encode`` does, but sooner: int64 (tokens,), not to be written to.

        Raises:
            InputError: half of a surrogate pair, which is not a character.
        """
        if not text.isascii():
            _refuse_surrogates(text, 0)
        return self._encoder.encode_one(text)

    def ids(self, tokens: Iterable[str]) -> Int32:
        """Return the id of each of some tokens, that of the unknown one for others: int32 (tokens,)."""
        ids = {word: i for i, word in enumerate(self.vocabulary)}
        return np.fromiter((ids.get(token, 0) for token in tokens), np.int32)

    def stream(self, texts: Iterable[str], batch_texts: int = BATCH_TEXTS) -> Iterator[PackedTexts]:
        """Yield the ids of some texts, ``batch_texts`` at a time, fewer where texts are long.

        Raises:
            InputError: as ``encode`` does.
        """
        yield from self._encoder.stream(in_batches(only_texts(texts), batch_texts))

    def tokens(self, text: str) -> list[str]:
        """Return the tokens that one text is cut into; those not in the vocabulary are shown as they are."""
        _refuse_surrogates(text, 0)
        if self.kind == "bpe":
            tokens: list[str] = self.hugging_face.encode(text, add_special_tokens=False).tokens
            return tokens
        return [word for word, _ in cut(self.hugging_face, normalise(self.hugging_face, text))]

    def token_of(self, word: str) -> str | None:
        """Return what a word is as a token, known or not: None where it is cut into several, or is none."""
        if word.isascii() and word.isalpha() and self.kind in ("lower", "words"):
            return word.lower() if self.kind == "lower" else word  # so nearly all words of a file, and quickly
        pieces = self.tokens(word)
        return pieces[0] if len(pieces) == 1 else None

    def extended(self, tokens: Iterable[str]) -> Tokenizer:
        """Return a tokenizer that knows more tokens; the ids of those it knows stay as they are.

        Raises:
            InputError: it is of kind "bpe", which knows every text.
        """
        if self.kind == "bpe":
            raise InputError("a tokenizer of kind 'bpe' can not be given more tokens; it knows every text")
        words = dict.fromkeys([*self.vocabulary, *tokens])
        return Tokenizer(with_words(self.kind, list(words)), self.kind)

    def decode(self, ids: Iterable[int]) -> str:
        """Return text for ids: words with spaces between them; characters and BPE as they were."""
        text: str = self.hugging_face.decode([int(i) for i in ids], skip_special_tokens=False)
        return text

    def to_json(self) -> str:
        """Return the contents of tokenizer.json, in Hugging Face's format."""
        text: str = self.hugging_face.to_str()
        return text

    @classmethod
    def from_json(cls, text: str, source: str = "tokenizer.json") -> Tokenizer:
        """Restore a tokenizer from ``to_json``; ``source`` is what messages call it.

        Raises:
            InputError: it is not a tokenizer, or not one of ours.
        """
        try:
            hugging_face = HuggingFaceTokenizer.from_str(text)
        except Exception as error:  # what tokenizers raises is a plain Exception
            raise InputError(f"{source}: is not a tokenizer: {' '.join(str(error).split())}") from error
        kind = kind_of(hugging_face)
        if kind is None:
            raise InputError(f"{source}: is a tokenizer, but none that lexgrad makes ({', '.join(KINDS)})")
        try:
            return cls(hugging_face, kind)
        except InputError as error:
            raise InputError(f"{source}: is damaged: {error}") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write tokenizer.json, whole or not at all."""
        write_text_whole(path, self.to_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Tokenizer:
        """Read what ``save`` wrote.

        Raises:
            InputError: there is no such file, or it is not a tokenizer of ours.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{os.fspath(path)}: can not be read as a tokenizer: {error}") from error
        return cls.from_json(text, os.fspath(path))

    def __reduce__(self) -> tuple[Callable[[str], Tokenizer], tuple[str]]:
        return Tokenizer.from_json, (self.to_json(),)

    def __repr__(self) -> str:
        return f"Tokenizer({self.kind!r}, {self.size} tokens)"


def only_texts(texts: Iterable[str]) -> Iterator[str]:
    """Go through some texts, and stop at what is not one.

    Raises:
        InputError: an item is not a string; or ``texts`` is itself one, and not a list of them.
    """
    if isinstance(texts, str):
        raise InputError("expected a list of texts, found one text; put it in a list")
    return _each_a_text(texts)


def _each_a_text(texts: Iterable[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"expected text at position {number}, found {type(text).__name__}")
        if not text.isascii():
            _refuse_surrogates(text, number)
        yield text


def _refuse_surrogates(text: str, number: int) -> None:
    """Refuse what UTF-8, and so Hugging Face's tokenizers, have no bytes for."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text at position {number} has half of a surrogate pair at character {error.start}, "
            "which is not a character"
        ) from error


def in_batches(texts: Iterable[str], most: int = BATCH_TEXTS) -> Iterator[list[str]]:
    """Gather texts, up to a number of them and of characters, so that long texts do not fill the memory."""
    batch: list[str] = []
    characters = 0
    for text in texts:
        batch.append(text)
        characters += len(text)
        if len(batch) >= most or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _encoder(hugging_face: HuggingFaceTokenizer, kind: str, ids: dict[str, int]) -> Encoder:
    if kind == "characters":
        return Characters(ids)
    if kind == "bpe" or not cuts_as_now(hugging_face, kind):
        return WholeTexts(hugging_face)

    def quick(chunk: str) -> list[int] | None:
        words = ascii_words(kind, chunk)
        return None if words is None else [ids.get(word, 0) for word in words]

    return Chunks(WholeTexts(hugging_face), quick)


def _train_bpe(texts: Iterator[str], min_count: int, size: int) -> HuggingFaceTokenizer:
    tokenizer = assemble("bpe", models.BPE(unk_token=UNKNOWN))
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=max(min_count, 2),
        special_tokens=[UNKNOWN],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _checked_kind(kind: Any) -> str:
    if kind in KINDS:
        return str(kind)
    near = suggest(str(kind), KINDS)
    raise InputError(f"there is no kind of tokenizer {kind!r}{near}; kinds are {', '.join(KINDS)}")


_THREADS = "TOKENIZERS_PARALLELISM"
_threads_settled = False


def _settle_threads() -> None:
    """Let tokenizers use threads, except in a process that was forked, where its threads are gone.

    Unless told, it warns on standard error whenever a process forks after using it; told to use threads, it waits
    in the fork for threads that are not there. A person's own setting stays, but for forks.
    """
    global _threads_settled  # noqa: PLW0603  # once a process
    if _threads_settled:
        return
    _threads_settled = True
    os.environ.setdefault(_THREADS, "true")
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_without_threads)


def _without_threads() -> None:
    os.environ[_THREADS] = "false"
