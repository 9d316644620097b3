"""The trie of n-grams as sorted integers, one level for each length: how n-grams are counted and looked up.

An n-gram is its prefix, a node of the level before, and its last word: the key ``prefix << 32 | word``, int64. Words
are the nodes of level 1, with keys that are just their ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lexgrad.text.packed import Int64, PackedTexts

WORD_BITS = 32
WORD_MASK = (1 << WORD_BITS) - 1

Bools = NDArray[np.bool_]


def walk(
    texts: PackedTexts, skip: int | None, levels: int, find: Callable[[int, Int64, Int64], Int64]
) -> Iterator[tuple[int, Int64, Int64]]:
    """Go through the lengths 1, 2, ... and yield (length, positions, nodes) of the n-grams that end at positions.

    Args:
        texts: no n-gram reaches over the border between two texts.
        skip: n-grams that hold this word are left out.
        levels: the longest length.
        find: gives the nodes of (length, keys, positions), or -1 for those that there are not.
    """
    ids = texts.ids.astype(np.int64)
    usable = np.ones(len(ids), bool) if skip is None else ids != skip
    begins = texts.offsets[:-1][texts.lengths > 0]
    at_position = np.zeros(len(ids), np.int64)  # the empty n-gram, whose node is 0, ends everywhere
    for length in range(1, levels + 1):
        prefix = at_position
        if length > 1:
            prefix = np.empty_like(at_position)
            prefix[1:] = at_position[:-1]
            prefix[begins] = -1
        positions = np.flatnonzero(usable & (prefix >= 0))
        nodes = find(length, prefix[positions] << WORD_BITS | ids[positions], positions)
        at_position = np.full(len(ids), -1, np.int64)
        at_position[positions] = nodes
        found = nodes >= 0
        yield length, positions[found], nodes[found]


def look_up(keys: Int64, wanted: Int64) -> Int64:
    """Return where each wanted key is among sorted keys, or -1."""
    if not len(keys):
        return np.full(len(wanted), -1, np.int64)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, places, -1)


class CountedLevel:
    """N-grams of one length while they are counted; nodes are numbered as they turn up."""

    def __init__(self) -> None:
        self.keys: Int64 = np.zeros(0, np.int64)  # sorted
        self.nodes: Int64 = np.zeros(0, np.int64)  # of each key
        self.counts: Int64 = np.zeros(0, np.int64)  # by node
        self.documents: Int64 = np.zeros(0, np.int64)  # by node

    def add(self, keys: Int64, documents: Int64) -> Int64:
        """Count keys that occur in documents (rising numbers, new to this level); return their nodes."""
        order = np.argsort(keys, kind="stable")
        keys, documents = keys[order], documents[order]
        new_key = np.ones(len(keys), bool)
        np.not_equal(keys[1:], keys[:-1], out=new_key[1:])
        new_pair = new_key.copy()
        new_pair[1:] |= documents[1:] != documents[:-1]
        begins = np.flatnonzero(new_key)
        nodes = self._nodes_of(keys[begins])
        self.counts[nodes] += np.diff(begins, append=len(keys))
        if len(begins):
            self.documents[nodes] += np.add.reduceat(new_pair, begins, dtype=np.int64)
        by_position = np.empty(len(keys), np.int64)
        by_position[order] = nodes[np.cumsum(new_key) - 1]
        return by_position

    def _nodes_of(self, keys: Int64) -> Int64:
        """Return the nodes of sorted, distinct keys; those not met before get new ones."""
        found = look_up(self.keys, keys)
        fresh = found < 0
        nodes = np.empty(len(keys), np.int64)
        nodes[~fresh] = self.nodes[found[~fresh]]
        nodes[fresh] = len(self.nodes) + np.arange(np.count_nonzero(fresh))
        places = np.searchsorted(self.keys, keys[fresh])
        self.keys = np.insert(self.keys, places, keys[fresh])
        self.nodes = np.insert(self.nodes, places, nodes[fresh])
        room = np.zeros(np.count_nonzero(fresh), np.int64)
        self.counts = np.concatenate([self.counts, room])
        self.documents = np.concatenate([self.documents, room])
        return nodes


@dataclass(frozen=True)
class Level:
    """N-grams of one length, for good: node ``i`` has the i-th key, in rising order.

    Attributes:
        keys: int64 (nodes,), rising.
        counts: how often each occurs, int64 (nodes,).
        documents: in how many texts, int64 (nodes,).
    """

    keys: Int64
    counts: Int64
    documents: Int64

    def only(self, kept: Bools) -> Level:
        """Return the level with some of its nodes."""
        return Level(self.keys[kept], self.counts[kept], self.documents[kept])


def settle(counted: list[CountedLevel], min_count: int) -> list[Level]:
    """Leave out rare n-grams and number the others by their words, so that the order of reading leaves no trace.

    An n-gram's prefix is at least as frequent as it is, so that no prefix of what stays is lost.
    """
    levels: list[Level] = []
    new_node = np.zeros(1, np.int64)
    for level in counted:
        kept = level.counts[level.nodes] >= min_count
        nodes = level.nodes[kept]
        keys = new_node[level.keys[kept] >> WORD_BITS] << WORD_BITS | level.keys[kept] & WORD_MASK
        order = np.argsort(keys)
        levels.append(Level(keys[order], level.counts[nodes[order]], level.documents[nodes[order]]))
        new_node = np.full(len(level.nodes), -1, np.int64)
        new_node[nodes[order]] = np.arange(len(nodes))
    return levels


def prune(levels: list[Level], wanted: list[Bools]) -> tuple[list[Level], list[Bools]]:
    """Return the levels with the wanted nodes and their prefixes only, and which of those are wanted."""
    kept = [mask.copy() for mask in wanted]
    for above in range(len(levels) - 1, 0, -1):
        kept[above - 1][levels[above].keys[kept[above]] >> WORD_BITS] = True
    pruned: list[Level] = []
    new_node = np.zeros(1, np.int64)
    for level, mask in zip(levels, kept, strict=True):
        small = level.only(mask)
        keys = new_node[small.keys >> WORD_BITS] << WORD_BITS | small.keys & WORD_MASK
        pruned.append(Level(keys, small.counts, small.documents))
        new_node = np.cumsum(mask) - 1
    return pruned, [want[mask] for want, mask in zip(wanted, kept, strict=True)]
