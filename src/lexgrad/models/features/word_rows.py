"""Rows that a network computes of each word by itself: once, when the word first comes, and kept for the next time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Int64 = NDArray[np.int64]
MOST_BYTES = 1 << 27
FEW = 64


class WordRows:
    """Tables with a row for each word that has come so far; forgotten and begun anew when there is no room.

    Args:
        compute: gives the rows of some words, by the table's name; a row must not depend on the other words.
        most_bytes: of all tables together, if the words of one call need no more.

    Attributes:
        tables: the rows, by name; the first ones are in use.
    """

    def __init__(self, compute: Callable[[Int64], Mapping[str, Array]], most_bytes: int = MOST_BYTES) -> None:
        self.tables: dict[str, Array] = {}
        self._compute, self._most_bytes = compute, most_bytes
        self._room = self._used = 0
        self._places = np.full(1024, -1, np.int64)

    def places(self, words: Int64) -> Int64:
        """Return the row of each word in the tables; what comes new is computed first.

        Args:
            words: numbers from 0 (n,); a number always stands for the same word.
        """
        try:
            places = self._places[words]
        except IndexError:
            more = max(int(words.max()) + 1, 2 * len(self._places))
            self._places = np.append(self._places, np.full(more - len(self._places), -1, np.int64))
            places = self._places[words]
        if self._room and not _some_below_zero(places):
            return places
        self._meet(words, np.unique(words[places < 0]))
        return self._places[words]

    def forget(self) -> None:
        """Forget all words: what rows are computed from has changed."""
        self._places.fill(-1)
        self._used = 0

    def _meet(self, words: Int64, new: Int64) -> None:
        if self._room and self._used + len(new) > self._room:
            self.forget()
            new = np.unique(words)
        rows = self._compute(new)
        if not self._room or self._used + len(new) > self._room:
            self._make_room(rows, len(new))
        end = self._used + len(new)
        for name, table in rows.items():
            self.tables[name][self._used : end] = table
        self._places[new] = np.arange(self._used, end)
        self._used = end

    def _make_room(self, rows: Mapping[str, Array], least: int) -> None:
        """Make tables as large as they ever get: of memory that nothing was written to, systems take nothing."""
        row = sum(table.itemsize * int(np.prod(table.shape[1:])) for table in rows.values())
        self._room = max(self._most_bytes // max(row, 1), least, 1)
        self.tables = {name: np.empty((self._room, *table.shape[1:]), table.dtype) for name, table in rows.items()}


def _some_below_zero(places: Int64) -> bool:
    """Whether a place is below 0; of the few words of one text a list is sooner looked through than an array."""
    return -1 in places.tolist() if len(places) < FEW else bool(places.min() < 0)
