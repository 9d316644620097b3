"""Texts as ids with the counts of their words, and the passes that change such ids block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from lexgrad.text.packed import ArrayBuilder, Int32, Int64, PackedTexts, let_go

BLOCK = 1 << 18  # ids that are worked on at once


@dataclass(frozen=True, eq=False)
class NumberedTexts:
    """Texts whose words are numbered in no particular order.

    Attributes:
        words: by number; ``""`` for one that was forgotten.
        counts: int64 (words,); 0 for one that was forgotten.
        texts: ids int32 (tokens,); some texts may be empty.
    """

    words: list[str]
    counts: Int64
    texts: PackedTexts


def blocks(texts: PackedTexts) -> Iterator[tuple[Int32, Int64]]:
    """Yield the ids in runs of about ``BLOCK`` and where, within a run, texts end; runs end with a text or within a
    long one."""
    ids, offsets = texts.ids, texts.offsets
    begin = 0
    while begin < len(ids):
        first, last = np.searchsorted(offsets, [begin, begin + BLOCK], side="right")
        end = int(offsets[last - 1])
        if end <= begin:
            end = min(begin + BLOCK, len(ids))
            last = first
        yield ids[begin:end], offsets[first:last] - begin
        let_go(ids)
        let_go(offsets)
        begin = end


def count_ids(texts: PackedTexts, size: int) -> Int64:
    """Return how often each of ``size`` ids occurs, int64 (size,)."""
    counts = np.zeros(size, np.int64)
    for ids, _ in blocks(texts):
        counts += np.bincount(ids, minlength=size)
    return counts


def with_ids(texts: PackedTexts, ids: Int32, limit_bytes: int) -> PackedTexts:
    """Return texts with every number replaced by its id: ``ids[number]``.

    Args:
        texts: numbers; those in memory are written over.
        ids: int32, by number.
        limit_bytes: bytes beyond which the ids lie in a temporary file.
    """
    if texts.ids.flags.writeable:
        np.take(ids, texts.ids, out=texts.ids, mode="clip")  # in range they are; other modes make a copy
        return texts
    with closing(ArrayBuilder(np.int32, limit_bytes)) as found:
        for begin in range(0, len(texts.ids), BLOCK):
            found.append(ids[texts.ids[begin : begin + BLOCK]])
            let_go(texts.ids)
        return PackedTexts(found.finish(), texts.offsets)


def changed(texts: PackedTexts, change: Callable[[Int32, Int64], Int32], in_memory: int) -> PackedTexts:
    """Return texts with ids changed, those of -1 taken out, and no text that is empty.

    Args:
        texts: they are gone through once.
        change: gives the new ids for a run of ids, and where in it texts end.
        in_memory: bytes beyond which the ids lie in a temporary file.
    """
    with closing(ArrayBuilder(np.int32, in_memory)) as ids, closing(ArrayBuilder(np.int64, in_memory)) as offsets:
        offsets.append(0)
        written = latest = 0
        for run, ends in blocks(texts):
            new = change(run, ends)
            kept = new >= 0
            ids.append(new[kept])
            before = np.zeros(len(kept) + 1, np.int64)
            np.add.accumulate(kept, out=before[1:])
            here = np.unique(before[ends]) + written
            written += int(before[-1])
            here = here[here > latest]
            if len(here):
                offsets.append(here)
                latest = int(here[-1])
        return PackedTexts(ids.finish(), offsets.finish())
