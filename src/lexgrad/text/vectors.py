"""Word vectors from files: word2vec's binary and text forms, GloVe's, and fastText's ``.vec``, gzipped or not."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.text.sources import Source, find_source

BOM = b"\xef\xbb\xbf"
FASTTEXT_MODEL = (793712314).to_bytes(4, "little")
ROWS_AT_ONCE = 1024
SAMPLE = 1 << 16
LONGEST_WORD = 1 << 16

Float32 = NDArray[np.float32]
Entry = tuple[bytes, Float32, int]  # a word, its vector, and where it is


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words and their vectors.

    Attributes:
        words: each once, in the order of the file.
        matrix: float32 (words, width).
    """

    words: list[str]
    matrix: Float32

    @property
    def width(self) -> int:
        """Numbers in each vector."""
        return int(self.matrix.shape[1])

    @cached_property
    def index(self) -> dict[str, int]:
        """The row of each word."""
        return {word: i for i, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def __getitem__(self, word: str) -> Float32:
        """Return the vector of a word.

        Raises:
            KeyError: there is none.
        """
        vector: Float32 = self.matrix[self.index[word]]
        return vector

    def __repr__(self) -> str:
        return f"WordVectors({len(self)} words of {self.width} numbers)"


def read_vectors(
    path: str | os.PathLike[str],
    *,
    words: Collection[str] | None = None,
    others: int = 0,
    unicode_errors: str = "strict",
) -> WordVectors:
    """Read word vectors; the form is told by the content, not the name.

    Where a word occurs twice, the first vector counts. Vectors are read one by one, so that memory holds no more
    than those that are kept.

    Args:
        path: a file of word2vec's, GloVe's or fastText's making.
        words: keep these only. Words of the file that are not valid UTF-8 can not be among them.
        others: with ``words``, keep so many more, the first of the file that are valid UTF-8.
        unicode_errors: what to do about such words where all words are read: ``"strict"`` or ``"replace"``
            (the faulty bytes become U+FFFD).

    Raises:
        InputError: not such a file, of no words, cut off, with a vector of another width or with a number that is
            none; or the heading promises another number of words than there are.
    """
    source = find_source(path)
    wanted = None if words is None else {word.encode("utf-8", "surrogatepass") for word in words}
    with source.open() as stream:
        reader = _Reader(source, stream, wanted, others)
        entries = reader.entries()
        return _collected(entries, reader, unicode_errors)


def _collected(entries: Iterator[Entry], reader: _Reader, unicode_errors: str) -> WordVectors:
    seen: dict[str, None] = {}
    blocks: list[Float32] = []
    block: list[Float32] = []
    for name, vector, number in entries:
        if not np.isfinite(vector).all():
            raise InputError(f"{reader.name}: {reader.unit} {number}: the vector of {_shown(name)} is not finite")
        try:
            word = name.decode("utf-8", unicode_errors)
        except UnicodeDecodeError as error:
            raise InputError(
                f"{reader.name}: {reader.unit} {number}: the word {_shown(name)} is not valid UTF-8 at its byte "
                f"{error.start}; read only words that you name, or pass unicode_errors='replace'"
            ) from error
        if word in seen:
            continue
        seen[word] = None
        block.append(vector)
        if len(block) == ROWS_AT_ONCE:
            blocks.append(np.stack(block))
            block.clear()
    blocks.append(np.array(block, np.float32).reshape(len(block), reader.width))
    return WordVectors(list(seen), np.concatenate(blocks))


class _Reader:
    """Goes through one file; finds out its form from the first lines."""

    def __init__(self, source: Source, stream: BinaryIO, wanted: set[bytes] | None, others: int = 0) -> None:
        self.name = source.name
        self.unit = "line"
        self.width = 0
        self._stream = stream
        self._wanted = wanted
        self._others = others
        self._promised: int | None = None

    def entries(self) -> Iterator[Entry]:
        """Read the heading now, and return the wanted entries to come."""
        first = self._stream.readline(SAMPLE).removeprefix(BOM)
        if not first.strip():
            raise InputError(f"{self.name}: is empty; expected word vectors")
        if first.startswith(FASTTEXT_MODEL):
            raise InputError(f"{self.name}: is a fastText model; expected its vectors, which are in the .vec file")
        heading = _heading(first)
        if heading is None:
            self.width = self._width_of(first)
            return self._text(first, 1)
        self._promised, self.width = heading
        if self.width < 1:
            raise InputError(f"{self.name}: line 1: the heading promises vectors of {self.width} numbers")
        sample = self._stream.read(SAMPLE)
        rest = _Rejoined(sample, self._stream)
        if _is_binary(sample, self.width):
            self.unit = "word"
            return self._binary(rest)
        self._stream = rest  # type: ignore[assignment]
        return self._text(rest.readline(), 2)

    def _width_of(self, line: bytes) -> int:
        numbers = line.split()[1:]
        if not numbers or not all(map(_is_number, numbers[-2:])):
            raise InputError(
                f"{self.name}: line 1: expected a word and its vector, or the heading 'words width', found "
                f"{_shown(line.strip())}"
            )
        if len(numbers) == 1 and numbers[0].isdigit():
            raise InputError(
                f"{self.name}: line 1: expected a word and its vector, found {_shown(line.strip())}: "
                "is it a vocabulary with counts?"
            )
        # A first word with spaces in it: count the numbers from the right.
        return next((i for i, field in enumerate(reversed(numbers)) if not _is_number(field)), len(numbers))

    def _text(self, line: bytes, number: int) -> Iterator[Entry]:
        found = 0
        while line:
            if line.strip(b" \t\r\n"):
                found += 1
                entry = self._parsed(line, number)
                if entry is not None:
                    yield entry
            line = self._stream.readline()
            number += 1
        self._check_promise(found)

    def _parsed(self, line: bytes, number: int) -> Entry | None:
        """Return the entry of a line, or None when its word is not wanted."""
        line = line.rstrip(b" \t\r\n")
        if b"\t" in line:
            line = line.replace(b"\t", b" ")
        if self._wanted is not None and line.count(b" ") == self.width:
            word = line[: line.index(b" ")]
            if not self._keeps(word):
                return None
        word, *numbers = line.rsplit(b" ", self.width)
        if len(numbers) != self.width or not word:
            self._refuse_width(number, len(line.split()) - 1)
        if b" " in word and all(map(_is_number, word.split(b" ")[1:])):
            self._refuse_width(number, line.count(b" "))
        if not self._keeps(word):
            return None
        try:
            vector = np.fromiter(map(float, numbers), np.float32, self.width)
        except ValueError:
            odd = next(field for field in numbers if not _is_number(field))
            raise InputError(
                f"{self.name}: line {number}: expected {self.width} numbers after {_shown(word)}, found {_shown(odd)}"
            ) from None
        return word, vector, number

    def _keeps(self, word: bytes) -> bool:
        """Whether a word is wanted, or one of the others that there is still room for."""
        if self._wanted is None or word in self._wanted:
            return True
        if self._others <= 0:
            return False
        try:
            word.decode()
        except UnicodeDecodeError:
            return False
        self._others -= 1
        self._wanted.add(word)  # it is asked for twice
        return True

    def _refuse_width(self, number: int, found: int) -> None:
        raise InputError(
            f"{self.name}: line {number}: expected a word and {self.width} numbers, found {max(found, 0)} numbers"
        )

    def _binary(self, stream: _Rejoined) -> Iterator[Entry]:
        assert self._promised is not None
        size = 4 * self.width
        for number in range(1, self._promised + 1):
            word = stream.until_space()
            values = stream.read(size) if word is not None else b""
            if word is None or len(values) < size:
                raise InputError(
                    f"{self.name}: the heading promises {self._promised} words, the file ends in word {number}"
                )
            word = word.lstrip(b"\n")  # some writers end each vector with a line break
            if self._keeps(word):
                yield word, np.frombuffer(values, "<f4").astype(np.float32), number
        if stream.read(SAMPLE).strip():
            raise InputError(f"{self.name}: the heading promises {self._promised} words, the file goes on after them")

    def _check_promise(self, found: int) -> None:
        if self._promised is not None and found != self._promised:
            raise InputError(f"{self.name}: the heading promises {self._promised} words, the file has {found}")


class _Rejoined:
    """A stream with a piece put back before it, and reading up to a space."""

    def __init__(self, piece: bytes, stream: BinaryIO) -> None:
        self._buffer, self._at, self._stream = piece, 0, stream

    def _more(self) -> bool:
        more = self._stream.read(1 << 20)
        self._buffer = self._buffer[self._at :] + more
        self._at = 0
        return bool(more)

    def _take(self, end: int) -> bytes:
        taken = self._buffer[self._at : end]
        self._at = end
        return taken

    def read(self, size: int) -> bytes:
        while len(self._buffer) - self._at < size and self._more():
            pass
        return self._take(min(self._at + size, len(self._buffer)))

    def readline(self) -> bytes:
        return self._up_to(b"\n", None) or self._take(len(self._buffer))

    def until_space(self) -> bytes | None:
        """Return the bytes before the next space, which is passed over, or None where there is none."""
        word = self._up_to(b" ", LONGEST_WORD)
        return None if word is None else word[:-1]

    def _up_to(self, mark: bytes, most: int | None) -> bytes | None:
        end = self._buffer.find(mark, self._at)
        while end < 0:
            if (most is not None and len(self._buffer) - self._at > most) or not self._more():
                return None
            end = self._buffer.find(mark, self._at)
        return self._take(end + 1)


def _heading(line: bytes) -> tuple[int, int] | None:
    fields = line.split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        return int(fields[0]), int(fields[1])
    return None


def _is_binary(sample: bytes, width: int) -> bool:
    """Whether what follows a heading is word2vec's binary form: no line of numbers, and bytes no text has."""
    line = sample.partition(b"\n")[0].split()
    if len(line) > width and all(map(_is_number, line[-width:])):
        return False
    first = sample.partition(b" ")[2][: 4 * width]  # where the first vector stands, if they are binary
    return any(byte > 126 for byte in first) or any(byte < 32 and byte not in b"\t\n\r" for byte in sample)


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _shown(word: bytes) -> str:
    text = word.decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= 40 else text[:40] + "...")
