"""n-gram models in the ARPA format, which SRILM, KenLM and others read and write."""

from __future__ import annotations

import gzip
import io
import math
import zlib
from array import array
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.files import write_whole
from lexgrad.models.language.counting import Level
from lexgrad.models.language.kneser_ney import Estimate
from lexgrad.text.kinds import END, UNKNOWN

START = "<s>"
LN10 = math.log(10)
NEVER = -99.0  # how the format writes log10 of 0
MOST = 1e-4  # log P; a probability of 1 may have been rounded up

Int = NDArray[np.int64]
Float = NDArray[np.float64]


def write_arpa(path: Path, vocabulary: Sequence[str], model: Estimate) -> None:
    """Write a model, whole or not at all; a name that ends in ``.gz`` is compressed.

    Args:
        path: the file.
        vocabulary: the words, the unknown one first; the end and the start of a line are the two ids after them.
        model: what is written.

    Raises:
        InputError: a word has a space in it, or is ``<s>`` or ``</s>``, which the format cannot say.
        OSError: the folder cannot be written to, or the disk is full.
    """
    words = [*vocabulary, END, START]
    for word in vocabulary:
        if not word or any(mark in word for mark in " \t\r\n"):
            raise InputError(f"the token {word!r} has white space in it, which an ARPA file cannot say")
        if word in (END, START):
            raise InputError(f"the token {word!r} is what an ARPA file calls the end or the start of a line")

    def write(partial: Path) -> None:
        with partial.open("wb") as raw:
            file = gzip.GzipFile("", "wb", mtime=0, fileobj=raw) if path.suffix == ".gz" else raw
            with io.TextIOWrapper(cast("IO[bytes]", file), "utf-8", newline="\n") as text:
                _write(text, words, model)

    write_whole(path, write)


def _write(text: IO[str], words: Sequence[str], model: Estimate) -> None:
    text.write("\\data\\\n")
    for order, values in enumerate(model.probabilities, 1):
        text.write(f"ngram {order}={len(values)}\n")
    names = list(words)
    for order, (values, costs) in enumerate(zip(model.probabilities, model.backoffs, strict=True), 1):
        if order > 1:
            level = model.levels[order - 2]
            pairs = zip(level.beginnings().tolist(), level.last_words().tolist(), strict=True)
            names = [f"{names[below]} {words[last]}" for below, last in pairs]
        text.write(f"\n\\{order}-grams:\n")
        logarithms = np.where(np.isneginf(values), NEVER, values / LN10).tolist()
        if order == model.order:
            text.writelines(f"{value:.7g}\t{name}\n" for value, name in zip(logarithms, names, strict=True))
        else:
            weights = (costs / LN10).tolist()
            rows = zip(logarithms, names, weights, strict=True)
            text.writelines(f"{value:.7g}\t{name}\t{weight:.7g}\n" for value, name, weight in rows)
    text.write("\n\\end\\\n")


def read_arpa(path: Path) -> tuple[list[str], Estimate]:
    """Read a model.

    Returns:
        The words, without the unknown one (which is id 0 all the same), and the model.

    Raises:
        InputError: the file is missing, not UTF-8, or not in the format; the line and the reason are named.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    try:
        with (
            gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file,
            io.TextIOWrapper(file, "utf-8-sig") as text,
        ):
            return _Reading(path, text).model()
    except UnicodeDecodeError as fault:
        raise InputError(f"{path}: is not an ARPA file in UTF-8 ({fault})") from fault
    except (gzip.BadGzipFile, zlib.error, EOFError) as fault:
        raise InputError(f"{path}: the gzip data is damaged or cut off: {fault}") from fault


class _Reading:
    """One pass through a file's lines."""

    def __init__(self, path: Path, lines: Iterator[str]) -> None:
        self.path, self.lines = path, lines
        self.number = 0

    def fail(self, what: str) -> InputError:
        return InputError(f"{self.path} line {self.number}: {what}")

    def next(self) -> str:
        """The next line that is not blank."""
        for line in self.lines:
            self.number += 1
            if line.strip():
                return line.rstrip("\r\n")
        raise self.fail("the file ends before \\end\\: it is cut off")

    def find_data(self) -> None:
        """Pass over what stands before the heading."""
        for line in self.lines:
            self.number += 1
            if line.strip() == "\\data\\":
                return
        raise InputError(f"{self.path}: has no line \\data\\, with which an ARPA file begins: is it one?")

    def model(self) -> tuple[list[str], Estimate]:
        self.find_data()
        sizes: list[int] = []
        while (line := self.next()).startswith("ngram "):
            told, _, many = line.removeprefix("ngram ").partition("=")
            if not (told.strip().isdecimal() and many.strip().isdecimal() and int(told) == len(sizes) + 1):
                raise self.fail(f"expected 'ngram {len(sizes) + 1}=COUNT', found {line!r:.60}")
            sizes.append(int(many))
        if not sizes:
            raise self.fail("expected 'ngram 1=COUNT' after \\data\\")
        if any(many and not below for below, many in pairwise(sizes)):
            raise self.fail("there are n-grams of an order, but none of the order below")
        ids: dict[str, int] = {}
        levels: list[Level] = []
        probabilities: list[Float] = []
        backoffs: list[Float] = []
        for order, size in enumerate(sizes, 1):
            if line != f"\\{order}-grams:":
                raise self.fail(f"expected '\\{order}-grams:', found {line!r:.60}")
            values, costs, grams = self.rows(order, size)
            line = self.next()
            if order > 1 and not size:  # no line was so long
                continue
            if order == 1:
                ids, place = self.words(grams)
                full = np.full(len(ids), NEVER * LN10), np.zeros(len(ids))
                full[0][place], full[1][place] = values, costs
                values, costs = full
            else:
                place = self.places(grams, ids, levels)
                rising = np.argsort(place)
                keys = place[rising]
                if (twice := np.flatnonzero(keys[1:] == keys[:-1])).size:
                    raise self.fail(f"the n-gram {grams[rising[twice[0]]]!r} occurs twice")
                levels.append(Level(keys, len(ids)))
                values, costs = values[rising], costs[rising]
            probabilities.append(np.where(values <= NEVER * LN10, -np.inf, values))
            backoffs.append(costs)
        if line != "\\end\\":
            raise self.fail(f"expected '\\end\\', found {line!r:.60}")
        return list(ids)[1:-2], Estimate(levels, probabilities, backoffs)

    def rows(self, order: int, size: int) -> tuple[Float, Float, list[str]]:
        """What ``row`` says of so many n-grams; no room is made for more of them than there are."""
        values, costs = array("d"), array("d")
        grams: list[str] = []
        for _ in range(size):
            value, gram, cost = self.row(order)
            values.append(value)
            costs.append(cost)
            grams.append(gram)
        return np.array(values, np.float64), np.array(costs, np.float64), grams

    def row(self, order: int) -> tuple[float, str, float]:
        """One n-gram: log P, its words, log back-off (0 where none is written)."""
        line = self.next()
        parts = line.split("\t") if "\t" in line else line.split(" ", 1)
        try:
            value = float(parts[0]) * LN10
            cost = float(parts[2]) * LN10 if len(parts) > 2 else 0.0
            gram = parts[1]
        except (ValueError, IndexError):
            raise self.fail(f"expected 'log10 P<tab>{order} words<tab>back-off', found {line!r:.60}") from None
        if not (value <= MOST and cost < math.inf):  # nor is either no number
            raise self.fail(f"expected log10 P of 0 or less, and a back-off; found {line!r:.60}")
        words = gram.split(" ")
        if len(words) != order or not all(words):
            raise self.fail(f"expected {order} word{'s' * (order > 1)}, found {gram!r:.60}")
        return value, gram, cost

    def words(self, grams: list[str]) -> tuple[dict[str, int], Int]:
        """Ids for the words: the unknown one, the others as they come, the end and the start of a line."""
        special = {UNKNOWN, UNKNOWN.upper(), END, START}
        if END not in grams:
            raise self.fail(f"there is no {END} among the 1-grams: a line could never end")
        names = [UNKNOWN, *(word for word in grams if word not in special), END, START]
        ids = {word: number for number, word in enumerate(names)}
        if len(set(grams)) != len(grams):
            raise self.fail("a word occurs twice among the 1-grams")
        return ids, np.array([ids[UNKNOWN if word == UNKNOWN.upper() else word] for word in grams])

    def places(self, grams: list[str], ids: dict[str, int], levels: list[Level]) -> Int:
        """Keys of n-grams in the level they make; each one's beginning has to be there."""
        try:
            table = np.array([[ids[word] for word in gram.split(" ")] for gram in grams], np.int64)
        except KeyError as fault:
            raise self.fail(f"the word {fault.args[0]!r} is not among the 1-grams") from None
        table = table.reshape(len(grams), -1)
        below = table[:, 0]
        for level, last in zip(levels, table.T[1:], strict=False):
            below = level.find(below, last)
        if (below < 0).any():
            gram = grams[int((below < 0).argmax())]
            raise self.fail(f"the n-gram {gram!r} is there, but its beginning is not")
        return np.asarray(below * len(ids) + table[:, -1])
