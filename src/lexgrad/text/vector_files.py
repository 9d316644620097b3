"""Word vectors to files that other tools read: word2vec's binary and text forms, and GloVe's."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError, suggest
from lexgrad.files import write_whole

ROWS_AT_ONCE = 4096
FORMS = {"word2vec": ".bin", "word2vec-text": ".vec", "glove": ".txt"}
"""Forms by name, with the suffix that their files usually have."""

Float32 = NDArray[np.float32]


def write_vectors(
    path: str | os.PathLike[str], words: Sequence[str], matrix: Float32, form: str = "word2vec"
) -> list[str]:
    """Write words and their vectors, whole or not at all; a name that ends in ``.gz`` is gzipped.

    Args:
        path: where to.
        words: each once.
        matrix: float32 (words, width).
        form: ``"word2vec"`` (binary), ``"word2vec-text"`` (as fastText's ``.vec``) or ``"glove"`` (the same text
            without a heading). The text forms have the fewest digits that give the same float32 again.

    Returns:
        The words that were left out, because they are empty or have white space in them, which ends a word in
        these forms.

    Raises:
        InputError: there is no such form, or no word is left.
        OSError: the folder can not be written to, or the disk is full; what stood at ``path`` is untouched.
    """
    if form not in FORMS:
        raise InputError(f"there is no form {form!r}{suggest(form, FORMS)}; forms are {', '.join(FORMS)}")
    rows = [row for row, word in enumerate(words) if word.split() == [word]]
    if not rows:
        raise InputError("there are no words to write that are free of white space")
    kept = set(rows)
    places = np.asarray(rows)

    def write(partial: Path) -> None:
        with partial.open("wb") as file:
            if Path(path).suffix.lower() == ".gz":
                with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
                    _write(packed, words, matrix, places, form)  # type: ignore[arg-type]
            else:
                _write(file, words, matrix, places, form)

    write_whole(path, write)
    return [word for row, word in enumerate(words) if row not in kept]


def _write(file: BinaryIO, words: Sequence[str], matrix: Float32, rows: NDArray[np.int64], form: str) -> None:
    if form != "glove":
        file.write(f"{len(rows)} {matrix.shape[1]}\n".encode())
    lines: Callable[[Float32], Iterator[bytes]] = _packed if form == "word2vec" else _digits
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[begin : begin + ROWS_AT_ONCE]
        names = (words[row].encode("utf-8", "surrogatepass") for row in some.tolist())
        block = np.ascontiguousarray(matrix[some], "<f4")
        file.write(b"".join(name + b" " + line + b"\n" for name, line in zip(names, lines(block), strict=True)))


def _packed(block: Float32) -> Iterator[bytes]:
    data, size = block.tobytes(), 4 * block.shape[1]
    return (data[begin : begin + size] for begin in range(0, len(data), size))


def _digits(block: Float32) -> Iterator[bytes]:
    """Each row's numbers as text, by Arrow: Python's own conversion takes several times as long."""
    import pyarrow as pa
    from pyarrow import compute

    numbers = compute.cast(pa.array(block.ravel()), pa.string())
    ends = pa.array(np.arange(0, block.size + 1, block.shape[1], dtype=np.int32))
    lines = compute.binary_join(pa.ListArray.from_arrays(ends, numbers), " ")
    return (line.encode() for line in lines.to_pylist())
