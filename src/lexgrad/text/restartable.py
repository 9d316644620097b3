"""What can be gone through any number of times: how much there is, how far a pass has come, a hash of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class Restartable(ABC, Generic[_Item]):
    """Items of one kind; every ``iter`` begins again at the first.

    Attributes:
        source: the name that messages give it.
    """

    source: str

    @abstractmethod
    def __iter__(self) -> Iterator[_Item]:
        """Yield the items; an InputError says which one is at fault."""

    @property
    @abstractmethod
    def total_bytes(self) -> int:
        """How much there is to read, in bytes as they lie on disk."""

    @property
    @abstractmethod
    def position(self) -> int:
        """How many of ``total_bytes`` the latest iteration has read (it reads a little ahead)."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a hash of the content, such as ``"sha256:9f86d0..."``."""


class InMemory(Restartable[_Item]):
    """Items that lie in memory: each counts as one byte."""

    def __init__(self, source: str, items: Sequence[_Item]) -> None:
        self.source, self._items, self._position = source, items, 0

    def __iter__(self) -> Iterator[_Item]:
        self._position = 0
        for item in self._items:
            self._position += 1
            yield item

    def __len__(self) -> int:
        return len(self._items)

    @property
    def total_bytes(self) -> int:
        """How many items there are."""
        return len(self._items)

    @property
    def position(self) -> int:
        """How many items the latest iteration has given."""
        return self._position
