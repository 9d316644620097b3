"""Encoding and counting at the speed of a dictionary: each distinct chunk of text is tokenised once.

No token of the word kinds crosses white space, and nothing beyond the white space changes how a chunk is cut. So
the ids of a text are the ids of its chunks (``str.split``) one after the other, and as text repeats its chunks,
nearly all of them are found in a table. What is not found goes through the Hugging Face tokenizer, which stays
the one definition of the tokens; but what it makes of ASCII is told more quickly without it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from threading import Lock
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from lexgrad.errors import InputError
from lexgrad.text.ahead import ahead
from lexgrad.text.kinds import ascii_words, cut, normalise
from lexgrad.text.packed import Int32, Int64, PackedTexts, offsets_of, places_of

REMEMBERED = 1 << 20
AT_ONCE = 1 << 14
MANY = 64  # texts from which on Arrow splits them: it takes a while to begin
MUCH = 1 << 20  # characters before which Python splits them: sooner done than Arrow is imported
TOGETHER = 1 << 14  # texts whose chunks are counted together

_Scalar = TypeVar("_Scalar", bound=np.generic)


class Encoder(ABC):
    """Turns a batch of texts into packed ids."""

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> PackedTexts:
        """Return the ids of some texts."""

    def encode_one(self, text: str) -> Int64:
        """Return the ids of one text, for which somebody waits: int64 (tokens,), not to be written to."""
        return self.encode([text]).ids.astype(np.int64)

    def stream(self, batches: Iterable[Sequence[str]]) -> Iterator[PackedTexts]:
        """Yield the ids of batches of texts; a few batches may be taken ahead."""
        return map(self.encode, batches)


class WholeTexts(Encoder):
    """Every text goes through the Hugging Face tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def encode(self, texts: Sequence[str]) -> PackedTexts:
        """Return the ids of some texts."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        ids = [encoding.ids for encoding in encodings]
        offsets = offsets_of([len(row) for row in ids])
        return PackedTexts(np.fromiter(chain.from_iterable(ids), np.int32, int(offsets[-1])), offsets)

    def encode_one(self, text: str) -> Int64:
        """See Encoder.encode_one."""
        return np.array(self._tokenizer.encode(text, add_special_tokens=False).ids, np.int64)


class Chunks(Encoder):
    """A table from chunks to their ids, filled as chunks turn up, begun anew when it is full.

    Args:
        whole: the tokenizer.
        quick: the ids of a chunk; None where ``whole`` has to be asked.
        remembered: how many chunks the table has at most before a batch.

    Texts that come one by one have a table of their own, see ``_Met``.
    """

    def __init__(
        self, whole: Encoder, quick: Callable[[str], list[int] | None] | None = None, remembered: int = REMEMBERED
    ) -> None:
        self._whole = whole
        self._quick = quick or (lambda chunk: None)
        self._remembered = remembered
        self._lock = Lock()
        self._much = _Much()
        self._met = _Met(self._of_new, remembered)
        self._forget()

    def encode_one(self, text: str) -> Int64:
        """See Encoder.encode_one."""
        return np.frombuffer(b"".join(map(self._met.__getitem__, text.split())), np.int64)

    def _of_new(self, chunk: str) -> Int64:
        ids = self._quick(chunk)
        return self._whole.encode_one(chunk) if ids is None else np.array(ids, np.int64)

    def encode(self, texts: Sequence[str]) -> PackedTexts:
        """Return the ids of some texts."""
        return self._of_distinct(*distinct_chunks(texts)) if self._much(texts) else self._at_once(texts)

    def _at_once(self, texts: Sequence[str]) -> PackedTexts:
        split = [text.split() for text in texts]
        with self._lock:
            numbers = self._numbered(list(chain.from_iterable(split)))
            return self._packed(numbers, offsets_of([len(part) for part in split]))

    def stream(self, batches: Iterable[Sequence[str]]) -> Iterator[PackedTexts]:
        """See Encoder.stream: Arrow splits the next batches while the ids of one are looked up."""

        def split(texts: Sequence[str]) -> tuple[Sequence[str], tuple[list[str], Int32, Int64] | None]:
            return texts, distinct_chunks(texts) if self._much(texts) else None

        for texts, found in ahead(split, batches):
            yield self._at_once(texts) if found is None else self._of_distinct(*found)

    def _of_distinct(self, chunks: list[str], places: Int32, offsets: Int64) -> PackedTexts:
        """The ids of texts: see ``distinct_chunks``."""
        with self._lock:
            return self._packed(self._numbered(chunks)[places], offsets)

    def _packed(self, numbers: Int64, offsets: Int64) -> PackedTexts:
        """The ids of texts, whose chunks these are."""
        places, begins = places_of(self._begins.values, self._ends.values, numbers)
        return PackedTexts(self._ids.values[places], begins[offsets])

    def _numbered(self, chunks: Sequence[str]) -> Int64:
        """The number of each chunk in the table, which knows it from now on."""
        if len(self._numbers) > self._remembered:
            self._forget()
        known = len(self._numbers)
        numbers = np.fromiter(map(self._numbers.__getitem__, chunks), np.int64, len(chunks))
        if len(self._numbers) > known:
            self._learn(len(self._numbers) - known)
        return numbers

    def _forget(self) -> None:
        self._numbers: defaultdict[str, int] = defaultdict()
        self._numbers.default_factory = self._numbers.__len__  # a chunk that is new gets the next number
        self._ids = _Growing[np.int32](np.int32)
        self._begins = _Growing[np.int64](np.int64)
        self._ends = _Growing[np.int64](np.int64)

    def _learn(self, count: int) -> None:
        new = list(islice(reversed(self._numbers), count))[::-1]
        known = [self._quick(chunk) for chunk in new]
        asked = [chunk for chunk, ids in zip(new, known, strict=True) if ids is None]
        try:
            answers = iter(self._whole.encode(asked)) if asked else iter(())
        except BaseException:
            self._forget()  # numbers without ids would be wrong for ever
            raise
        rows = [next(answers).tolist() if ids is None else ids for ids in known]
        offsets = offsets_of([len(row) for row in rows]) + len(self._ids.values)
        self._ids.extend(np.fromiter(chain.from_iterable(rows), np.int32, int(offsets[-1] - offsets[0])))
        self._begins.extend(offsets[:-1])
        self._ends.extend(offsets[1:])


class _Met(dict[str, bytes]):
    """The ids of each chunk as they lie in memory, for so they are sooner put one behind the other than as numbers.

    Args:
        ids: of a chunk that is new.
        most: how many chunks there are before it is begun anew.
    """

    def __init__(self, ids: Callable[[str], Int64], most: int) -> None:
        super().__init__()
        self._ids, self._most = ids, most

    def __missing__(self, chunk: str) -> bytes:
        found = self._ids(chunk).tobytes()
        if len(self) >= self._most:
            self.clear()
        self[chunk] = found
        return found


class _Much:
    """Says of texts that come one batch after the other whether it is worth while that Arrow splits them."""

    def __init__(self) -> None:
        self._characters = 0

    def __call__(self, texts: Sequence[str]) -> bool:
        if self._characters < MUCH:
            self._characters += sum(map(len, texts))
        return self._characters >= MUCH and len(texts) >= MANY


def distinct_chunks(texts: Sequence[str]) -> tuple[list[str], Int32, Int64]:
    """Split texts at white space, as ``str.split`` does, but for empty chunks at the ends of texts.

    Returns:
        the distinct chunks; for each chunk of the texts, one text's after the other's, its place among them; and the
        offsets at which the texts' chunks begin (texts + 1,).
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    strings = pa.array(texts, pa.large_string())
    bytes_of = np.frombuffer(strings.buffers()[2] or b"", np.uint8)
    plain = not ((bytes_of >= 0x80) | (bytes_of - np.uint8(0x1C) < 4)).any()  # Python splits at 1C ... 1F as well
    split = pc.ascii_split_whitespace(strings) if plain else pc.utf8_split_whitespace(strings)
    chunks = split.values.dictionary_encode()
    return (
        chunks.dictionary.to_pylist(),
        chunks.indices.to_numpy(),
        split.offsets.to_numpy().astype(np.int64),
    )


class Characters(Encoder):
    """One id for each code point, by a table of code points."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        points = {ord(token): number for token, number in ids.items() if len(token) == 1}
        self._table = np.zeros(max(points, default=0) + 2, np.int32)  # the last stands for all beyond
        self._table[list(points)] = list(points.values())

    def encode(self, texts: Sequence[str]) -> PackedTexts:
        """Return the ids of some texts."""
        points = np.frombuffer("".join(texts).encode("utf-32-le"), "<u4")
        ids = self._table[np.minimum(points, len(self._table) - 1)]
        return PackedTexts(ids, offsets_of([len(text) for text in texts]))


class _Growing(Generic[_Scalar]):
    """An array that is appended to in constant time a value."""

    def __init__(self, dtype: type[_Scalar]) -> None:
        self._room: NDArray[_Scalar] = np.zeros(1024, dtype)
        self._used = 0

    @property
    def values(self) -> NDArray[_Scalar]:
        return self._room[: self._used]

    def extend(self, more: NDArray[_Scalar]) -> None:
        needed = self._used + len(more)
        if needed > len(self._room):
            self._room = np.concatenate([self.values, np.zeros(needed, self._room.dtype)])
        self._room[self._used : needed] = more
        self._used = needed


def count_tokens(tokenizer: Tokenizer, kind: str, texts: Iterable[str]) -> Counter[str]:
    """Return how often each token occurs in some texts, which are gone through once and not kept."""
    if kind == "characters":
        characters: Counter[str] = Counter()
        for text in texts:
            characters.update(text)
        return characters
    chunks: Counter[str] = Counter()
    remaining = iter(texts)
    groups = iter(lambda: list(islice(remaining, TOGETHER)), [])
    much = _Much()

    def counted(group: list[str]) -> Iterable[tuple[str, int]]:
        if not much(group):
            return Counter(chain.from_iterable(map(str.split, group))).items()
        found, places, _ = distinct_chunks(group)
        return zip(found, np.bincount(places, minlength=len(found)).tolist(), strict=True)

    for found in ahead(counted, groups):
        for chunk, count in found:
            chunks[chunk] += count
    chunks.pop("", None)
    return _count_within(tokenizer, kind, chunks)


def _count_within(tokenizer: Tokenizer, kind: str, chunks: Counter[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    asked: list[str] = []
    for chunk, count in chunks.items():
        words = ascii_words(kind, chunk)
        if words is None:
            asked.append(chunk)
        else:
            for word in words:
                counts[word] += count
    for group in _groups(asked):
        weights = [chunks[chunk] for chunk in group]
        for piece, place in zip(*words_within(tokenizer, group), strict=True):
            counts[piece] += weights[place]
    return counts


def words_within(tokenizer: Tokenizer, chunks: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the words of some chunks, one chunk's after the other's, and for each the place of its chunk."""
    try:
        normal = normalise(tokenizer, " ".join(chunks))
    except UnicodeEncodeError as fault:
        half = fault.object[fault.start]
        raise InputError(f"a text has half of a surrogate pair ({half!r}), which is not a character") from None
    pieces = cut(tokenizer, normal)
    ends = np.cumsum([len(chunk) + 1 for chunk in normal.split(" ")])
    owners = np.searchsorted(ends, [begin for _, (begin, _) in pieces], side="right")
    return [word for word, _ in pieces], owners.tolist()


def _groups(chunks: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(chunks)
    while group := list(islice(remaining, AT_ONCE)):
        yield group
