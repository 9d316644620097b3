"""Words and hashed n-grams as rows of one embedding matrix, as fastText has it.

The rows are those of the vocabulary's words, and behind them ``buckets`` more, which n-grams share by their hash:

- a word's hash is FNV-1a of its UTF-8 bytes, 32 bits (Fowler, Noll and Vo): h = 2166136261, then h = (h xor byte) times
  16777619 for each byte, modulo 2^32;
- that of an n-gram of words is h = h times 116049371 plus the next word's hash, modulo 2^64, from the first word's on;
- that of an n-gram of characters is FNV-1a of its bytes; the characters are those of ``<word>``, marks included;
- the row is the number of words plus the hash modulo ``buckets``.

Joulin, Grave, Bojanowski and Mikolov, "Bag of tricks for efficient text classification", EACL 2017; Bojanowski and
others, "Enriching word vectors with subword information", TACL 2017.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lexgrad.compile import Rows
from lexgrad.errors import InputError
from lexgrad.models.features.encoder import IN_MEMORY, learn_tokens
from lexgrad.models.features.inputs import Batch, Inputs, PackedInputs
from lexgrad.models.features.words import WordEncoder
from lexgrad.models.sources import Source
from lexgrad.text.packed import PackedBuilder, PackedTexts, gather, offsets_of, places_of
from lexgrad.text.tokenizer import Tokenizer
from lexgrad.train.batches import cut_offsets, cut_rows
from lexgrad.train.progress import Progress

if TYPE_CHECKING:
    from lexgrad.models.classifiers.bag import BagOfNgrams

Array = NDArray[Any]
Int64 = NDArray[np.int64]
_NEXT_WORD = np.uint64(116049371)
ROWS_AT_ONCE = 1 << 12  # texts that are encoded at a time: n-grams take ten times the memory of words on the way


def fnv1a(words: Sequence[str]) -> NDArray[np.uint64]:
    """The 32-bit FNV-1a hash of each word's UTF-8 bytes, (n,)."""
    data = [word.encode("utf-8", "surrogatepass") for word in words]
    lengths = np.array([len(bytes_) for bytes_ in data], np.int64)
    offsets = offsets_of(lengths)
    flat = np.frombuffer(b"".join(data), np.uint8).astype(np.uint64)
    order = np.argsort(-lengths, kind="stable")  # the longest first: those that still have a byte come first
    hashes = np.full(len(words), 2166136261, np.uint64)
    falling = lengths[order]
    for place in range(int(lengths.max(initial=0))):
        rows = order[: np.searchsorted(-falling, -place)]
        hashes[rows] = ((hashes[rows] ^ flat[offsets[rows] + place]) * np.uint64(16777619)) & np.uint64(0xFFFFFFFF)
    return hashes


def character_ngrams(word: str, least: int, most: int) -> list[str]:
    """The n-grams of ``least`` up to ``most`` characters of ``<word>``, but for a single mark."""
    marked = f"<{word}>"
    return [
        gram
        for n in range(least, most + 1)
        for begin in range(len(marked) - n + 1)
        if (gram := marked[begin : begin + n]) not in ("<", ">")
    ]


class HashedEncoder(WordEncoder):
    """Texts as rows: words, then n-grams of words, then of characters.

    Args:
        tokenizer: cuts texts into words; its ids are the first rows.
        dimensions: d, the width of the embedding matrix.
        buckets: rows that n-grams share.
        orders: words of the longest n-grams; 1: none.
        characters: characters of the shortest and the longest n-grams; None: none.
    """

    kind: ClassVar[str] = "hashed"

    def __init__(
        self, tokenizer: Tokenizer, dimensions: int, buckets: int, orders: int, characters: tuple[int, int] | None
    ) -> None:
        super().__init__(tokenizer, None, dimensions)
        self.buckets, self.orders, self.characters = buckets, orders, characters
        self.width = tokenizer.size + buckets
        self.hashes = fnv1a(tokenizer.vocabulary)
        self._parts = self._subwords(tokenizer.vocabulary) if characters else None

    def _subwords(self, words: Iterable[str]) -> PackedTexts:
        """The rows of the n-grams of characters of each word."""
        assert self.characters is not None
        grams = [character_ngrams(word, *self.characters) for word in words]
        rows = self._rows(fnv1a([gram for each in grams for gram in each]))
        return PackedTexts(rows.astype(np.int32), offsets_of([len(each) for each in grams]))

    def _rows(self, hashes: NDArray[np.uint64]) -> Int64:
        assert self.tokenizer is not None
        if self.buckets & (self.buckets - 1) == 0:  # a power of two: the same, but quickly
            rows = hashes & np.uint64(self.buckets - 1)
        else:
            rows = hashes % np.uint64(self.buckets)
        return rows.view(np.int64) + self.tokenizer.size

    def encode(self, chunk: Any) -> PackedInputs:
        """See Encoder.encode; words that training did not know have n-grams of characters too."""
        return PackedInputs(self.rows(chunk))

    def encode_one(self, text: str) -> Batch:
        """See Encoder.encode_one."""
        if self.characters is not None:
            return self.encode([text]).whole()
        return super().encode_one(text)

    def one_text(self, ids: Int64) -> Batch:
        """See WordEncoder.one_text."""
        hashes = self.hashes[ids]
        parts, current = [ids], hashes
        for n in range(2, min(self.orders, len(ids)) + 1):
            current = current[:-1] * _NEXT_WORD + hashes[n - 1 :]
            parts.append(self._rows(current))
        rows = np.concatenate(parts)
        return {"ids": rows, "offsets": np.array([0, len(rows)])}

    def rows(self, chunk: Sequence[str]) -> PackedTexts:
        """The rows of texts."""
        assert self.tokenizer is not None
        texts = self.tokenizer.encode(chunk)
        ids = np.asarray(texts.ids)
        unknown = np.flatnonzero(ids == self.tokenizer.unknown)
        if self._parts is None or not len(unknown):
            return self._with_ngrams(texts, [])
        text = np.searchsorted(texts.offsets, unknown, side="right") - 1
        cut = {int(i): self.tokenizer.tokens(chunk[i]) for i in np.unique(text)}
        words = [cut[int(i)][k - texts.offsets[i]] for i, k in zip(text, unknown, strict=True)]
        others = self._subwords(words)
        return self._with_ngrams(texts, [(np.repeat(text, others.lengths), np.asarray(others.ids, np.int64))])

    def inputs(self, texts: PackedTexts) -> HashedInputs:
        """Wrap packed words as graph inputs; their n-grams are found when they are read."""
        return HashedInputs(texts, self)

    def with_word_ngrams(self, ids: Int64, offsets: Int64) -> tuple[Int64, Int64]:
        """Put the rows of n-grams of words behind the words of each text: pairs, then triples, and so on.

        Args:
            ids: words, one text after the other (tokens,).
            offsets: where each text begins (texts + 1,).

        Returns:
            rows and offsets of the same form.
        """
        lengths = np.diff(offsets)
        counts = [np.maximum(lengths - n, 0) for n in range(self.orders)]
        bounds = offsets_of(np.sum(counts, axis=0))
        rows = np.empty(bounds[-1], np.int64)
        begins, hashes = bounds[:-1].copy(), self.hashes[ids]
        current = hashes
        for n, count in enumerate(counts):
            own = offsets_of(count)
            run = np.arange(own[-1])
            places = run + np.repeat(begins - own[:-1], count)
            if n == 0:
                rows[places] = ids
            else:
                current = current[:-1] * _NEXT_WORD + hashes[n:]  # some go across the borders of texts
                rows[places] = self._rows(current[run + np.repeat(offsets[:-1] - own[:-1], count)])
            begins += count
        return rows, bounds

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return for each row of a text, in the order of ``encode``, the words that it is made of: begin and end."""
        assert self.tokenizer is not None
        ids = self.tokenizer.encode_one(text).tolist()
        found = [(i, i + n) for n in range(1, self.orders + 1) for i in range(len(ids) - n + 1)]
        if self._parts is not None and self.characters is not None:
            known, words = self._parts.lengths, self.tokenizer.tokens(text)
            found += [(i, i + 1) for i, word in enumerate(ids) if word for _ in range(known[word])]
            unknown = [(i, character_ngrams(words[i], *self.characters)) for i, word in enumerate(ids) if not word]
            found += [(i, i + 1) for i, grams in unknown for _ in grams]
        return found

    def _with_ngrams(self, texts: PackedTexts, others: list[tuple[Int64, Int64]]) -> PackedTexts:
        """Words, and behind those of each text the rows of its n-grams; ``others`` are more (text, row)."""
        ids = np.asarray(texts.ids, np.int64)
        rows, offsets = self.with_word_ngrams(ids, texts.offsets)
        if self._parts is not None:
            text = np.repeat(np.arange(len(texts)), texts.lengths)
            known = np.flatnonzero(ids != 0)
            places, bounds = places_of(self._parts.offsets[:-1], self._parts.offsets[1:], ids[known])
            subwords = (np.repeat(text[known], np.diff(bounds)), np.asarray(self._parts.ids, np.int64)[places])
            parts = [(np.repeat(np.arange(len(texts)), np.diff(offsets)), rows), subwords, *others]
            which = np.concatenate([part for part, _ in parts])
            rows = np.concatenate([part for _, part in parts])[np.argsort(which, kind="stable")]
            offsets = offsets_of(np.bincount(which, minlength=len(texts)))
        return PackedTexts(rows.astype(np.int32), offsets)

    def config(self) -> dict[str, Any]:
        """See Encoder.config."""
        own = {"buckets": self.buckets, "orders": self.orders, "characters": self.characters}
        return {"dimensions": self.dimensions, **own}

    @classmethod
    def restore(cls, config: Mapping[str, Any], arrays: Mapping[str, Array], tokenizer: Tokenizer | None) -> Self:
        """See Encoder.restore."""
        assert tokenizer is not None
        characters = config["characters"]
        return cls(
            tokenizer,
            int(config["dimensions"]),
            int(config["buckets"]),
            int(config["orders"]),
            None if characters is None else (int(characters[0]), int(characters[1])),
        )


@dataclass(frozen=True)
class HashedInputs(Inputs):
    """Packed words whose n-grams are found when they are read: inputs as of ``PackedInputs``.

    Attributes:
        texts: words by id.
        encoder: says what the rows of n-grams are; it has none of characters.
    """

    texts: PackedTexts
    encoder: HashedEncoder

    def __len__(self) -> int:
        return len(self.texts)

    def pick(self, indices: Int64, cuts: Int64) -> tuple[dict[str, Array | Rows], Int64]:
        """See Inputs.pick; an n-gram counts as a token."""
        places, offsets = places_of(self.texts.offsets[:-1], self.texts.offsets[1:], indices)
        rows, bounds = self.encoder.with_word_ngrams(gather(self.texts.ids, places, offsets).astype(np.int64), offsets)
        begins, own = cut_offsets(bounds, cuts)
        return {"ids": cut_rows(rows, begins), "offsets": own}, np.diff(begins)


def learn_hashed(model: BagOfNgrams, source: Source, progress: Progress) -> tuple[HashedEncoder, Inputs]:
    """Learn the words, and encode the training texts; on disk beyond a limit.

    Raises:
        InputError: the texts have no words.
    """
    tokenizer, ids = learn_tokens(model, source, progress, model.max_features)
    encoder = HashedEncoder(tokenizer, model.dimensions, model.buckets, model.ngrams, model.span())
    inputs = encoder.inputs(ids(tokenizer)) if model.span() is None else _with_characters(encoder, source, progress)
    if len(inputs.texts.ids) == 0:
        raise InputError("the training texts have no tokens: there are no words to learn from")
    return encoder, inputs


def _with_characters(encoder: HashedEncoder, source: Source, progress: Progress) -> PackedInputs:
    """Read the training texts again: n-grams of characters are also those of words that are left out."""
    done = 0
    with PackedBuilder(IN_MEMORY) as builder:
        for chunk in source.chunks(ROWS_AT_ONCE):
            builder.append(encoder.rows(chunk))
            done += len(chunk)
            progress.on_data("encoding", done, source.fraction(done))
        return PackedInputs(builder.finish())
