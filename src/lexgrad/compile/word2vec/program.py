"""The compiled update of word vectors: its text, its machine code, and launches over pieces of a corpus."""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lexgrad.cache import cached
from lexgrad.compile.arrays import Array, aligned_empty
from lexgrad.compile.assemble import barrier_text
from lexgrad.compile.functions import functions
from lexgrad.compile.machine import Loaded, Processor, host, object_code, signature
from lexgrad.compile.threads import processors, together
from lexgrad.compile.vector_code import HINTS
from lexgrad.compile.word2vec.apply import Apply, Batches
from lexgrad.compile.word2vec.group import Group
from lexgrad.compile.word2vec.layout import Layout
from lexgrad.compile.word2vec.select import Select
from lexgrad.compile.word2vec.share import ARGUMENTS, Share
from lexgrad.errors import InputError

Int32 = NDArray[np.int32]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """Words to draw at random, as an alias table: word ``i`` if a random number is not above ``thresholds[i]``.

    Attributes:
        thresholds: uint32 (V,).
        aliases: int32 (V,), the word otherwise.
    """

    thresholds: NDArray[np.uint32]
    aliases: Int32


@dataclass(frozen=True)
class Window:
    """The words of a piece of corpus that take part, and how far the window of each reaches.

    Attributes:
        ids: int32 (n,).
        left, right: int32 (n,), neighbours on either side.
        base: the number of the piece's first token in the whole corpus, where the counter of its noise begins.
    """

    ids: Int32
    left: Int32
    right: Int32
    base: int

    @property
    def pairs(self) -> int:
        """Pairs of a centre and a neighbour."""
        return int(self.left.sum(dtype=np.int64) + self.right.sum(dtype=np.int64))


@dataclass(frozen=True)
class WordRows:
    """The rows of the input matrix of which each word's vector is the mean.

    Attributes:
        starts: int64 (V + 1,), where each word's rows begin in ``rows``.
        rows: int32 (entries,).
    """

    starts: NDArray[np.int64]
    rows: Int32

    @functools.cached_property
    def scales(self) -> Float32:
        """1 / (rows of a word): float32 (V,)."""
        return np.asarray(1.0 / np.diff(self.starts), np.float32)


class Updates:
    """The compiled update.

    Args:
        layout: sizes.
        processor: what to generate code for; this machine's by default.

    Raises:
        InputError: a size that cannot be.
    """

    def __init__(self, layout: Layout, processor: Processor | None = None) -> None:
        if min(layout.dimensions, layout.window, layout.negatives, layout.share) < 1 or layout.batch < layout.share:
            raise InputError(f"sizes are at least 1, and a batch has at least one share; got {layout}")
        self.layout = layout
        self.processor = processor or host()
        self.llvm = program_text(layout, self.processor)
        key = "\n".join([signature(self.processor), self.llvm])
        self.object = cached(key, lambda: object_code(self.llvm, self.processor))
        if self.processor.here:
            word, pointer = ctypes.c_int64, ctypes.c_void_p
            self._loaded = Loaded(self.object, self.processor)
            self._select = self._loaded.function("select", *[pointer] * 7, *[word] * 5)
            self._run = self._loaded.function("program", pointer, word, word, pointer)

    def select(
        self, tokens: Int32, bounds: NDArray[np.int64], thresholds: NDArray[np.uint32], key: int, base: int
    ) -> Window:
        """Choose which tokens take part, and how far their windows reach.

        Args:
            tokens: int32 (n,): words by number.
            bounds: int64 (sentences + 1,): where each sentence begins, and n.
            thresholds: uint32 (V,): a word stays if a random 32-bit number is not above its threshold.
            key: keys the random numbers.
            base: the number of the first token in the whole corpus.
        """
        count = len(tokens)
        room = -(-count // 16) * 16
        ids, left, right = (aligned_empty((room + 1,), np.dtype(np.int32)) for _ in range(3))
        found = np.zeros(1, np.int64)
        given = np.ascontiguousarray(tokens, np.int32), np.ascontiguousarray(bounds, np.int64)
        arrays = (*given, np.ascontiguousarray(thresholds, np.uint32), ids, left, right, found)
        numbers = (count, len(bounds) - 1, self.layout.window, key & 0xFFFFFFFF, base)
        self._select(*(array.ctypes.data for array in arrays), *numbers)
        kept = int(found[0])
        return Window(ids[:kept], left[:kept], right[:kept], base)

    def __call__(
        self,
        inputs: Float32,
        context: Float32,
        window: Window,
        noise: Noise,
        rates: Float32,
        key: int,
        rows: WordRows | None = None,
        threads: int | None = None,
    ) -> float:
        """Go through a piece of corpus once, updating both matrices in place; returns the sum of the losses in nats.

        Args:
            inputs: float32 (rows, d), the vectors of words: of ``rows`` where there are subwords.
            context: float32 (V, d), those of contexts.
            window: the piece.
            noise: what noise is drawn from.
            rates: float32 (batches,), the learning rate of each batch.
            key: keys the random numbers.
            rows: with subwords, which rows make up each word.
            threads: how many; the result does not depend on it.

        Raises:
            InputError: arrays that do not fit.
        """
        count, layout = len(window.ids), self.layout
        batches = -(-count // layout.batch)
        self._check(inputs, context, rates, batches, rows)
        if not count:
            return 0.0
        threads = min(threads or processors(), layout.shares)
        losses = np.zeros(batches * layout.shares)
        shared = aligned_empty((layout.shares * layout.share_bytes,), np.dtype(np.uint8))
        scratch = aligned_empty((threads * layout.scratch()[1],), np.dtype(np.uint8))
        scratch[:] = 0
        given: dict[str, Array] = {
            "input": inputs,
            "context": context,
            "ids": window.ids,
            "left": window.left,
            "right": window.right,
            "rates": rates,
            "thresholds": noise.thresholds,
            "aliases": noise.aliases,
            "losses": losses,
            "shared": shared,
            "scratch": scratch,
        }
        if rows is not None:
            given |= {"starts": rows.starts, "rows": rows.rows, "scales": rows.scales}
        numbers = {"count": count, "words": len(noise.aliases), "key": key & 0xFFFFFFFF, "base": window.base}
        numbers |= {name: array.ctypes.data for name, array in given.items()}
        arguments = np.array([numbers.get(name, 0) for name in ARGUMENTS], np.int64)
        together(functools.partial(self._run, arguments.ctypes.data), threads)
        return float(losses.sum())

    def _check(self, inputs: Float32, context: Float32, rates: Float32, batches: int, rows: WordRows | None) -> None:
        for name, matrix in (("inputs", inputs), ("context", context)):
            fits = matrix.ndim == 2 and matrix.shape[1] == self.layout.dimensions and matrix.flags.c_contiguous
            if not fits or matrix.dtype != np.float32 or not matrix.flags.writeable:
                raise InputError(f"{name} should be a float32 array of {self.layout.dimensions} columns to write to")
        if rates.shape != (batches,) or rates.dtype != np.float32:
            raise InputError(f"expected {batches} learning rates in float32, found {rates.shape} of {rates.dtype}")
        if (rows is not None) != self.layout.subwords:
            raise InputError("rows of words belong to a program with subwords, and to no other")


def program_text(layout: Layout, processor: Processor) -> str:
    """The whole module as LLVM text."""
    groups: dict[str, str] = {}
    names: dict[int, str] = {}
    for start, count in layout.blocks:
        group = Group(layout, processor, count, first=start == 0)
        names[start] = group.name
        if group.name not in groups:
            groups[group.name] = group.text()
    vectors = {f"v{lanes}f32": f"<{lanes} x float>" for lanes in (4, 8, 16, 32)}
    parts = [
        functions("float", processor.fma, processor.scales),
        barrier_text(processor.pause),
        "declare i32 @llvm.smin.i32(i32, i32)",
        *(f"declare {type} @llvm.fma.{name}({type}, {type}, {type})" for name, type in vectors.items()),
        "@lg.nowhere = internal constant i64 0",
        Select(layout, processor).text(),
        *groups.values(),
        Share(layout, processor, names).text(),
        Apply(layout, processor).text(),
        Batches(layout, processor).text(),
        HINTS,
    ]
    return "\n\n".join(parts)
