"""A corpus as one stream of tokens: columns of it side by side for recurrent networks, windows for the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lexgrad.compile import Rows
from lexgrad.errors import InputError
from lexgrad.models.language.sampled import Noise
from lexgrad.train.batches import Batches, cut_rows
from lexgrad.train.shuffle import permutation

Int64 = NDArray[np.int64]
Ints = NDArray[np.int64] | NDArray[np.int32]
IDS, TARGETS, FRESH, KEY = "ids", "targets", "fresh", "key"


class Columns:
    """Chunks of a stream for truncated backpropagation through time (Williams and Peng 1990).

    The stream is cut into ``batch`` columns of equal length; step s reads ``time`` tokens of each, where step s − 1
    ended, and the first step of an epoch begins afresh. Where the first chunk begins differs from epoch to epoch, by
    less than a chunk, so that no token is always the first or the last of one.

    Args:
        stream: ints (tokens + 1,): the end of a line, then every line and its end.
        batch: columns.
        time: tokens of a chunk.
        seed: keys where epochs begin.
        key: dropout's, or None.
        noise: of a sampled softmax, or None.

    Raises:
        InputError: the stream is too short for one chunk.
    """

    def __init__(
        self, stream: Ints, batch: int, time: int, seed: int, key: Int64 | None = None, noise: Noise | None = None
    ) -> None:
        self.stream, self.batch, self.time, self.seed, self.key, self.noise = stream, batch, time, seed, key, noise
        self.length = (len(stream) - time) // batch  # tokens of a column
        self.steps = self.length // time
        if self.steps < 1:
            raise InputError(
                f"the text has {len(stream) - 1:,} tokens, too few for one step of {batch} columns of {time}"
                f" ({batch * time + time - 1:,}): lower batch or chunk"
            )

    def __len__(self) -> int:
        return self.steps * self.time * self.batch

    def batches(self, epoch: int, first: int, stop: int) -> Batches:
        """See lexgrad.train.batches.Examples."""
        begin = int(permutation(self.time, self.seed, epoch)[0])
        steps = np.arange(first, stop)
        rows = steps[:, None] * self.time + np.arange(self.time)
        places = begin + rows[:, :, None] + self.length * np.arange(self.batch)  # (steps, time, batch)
        turns = np.arange(len(steps))
        inputs = {
            IDS: Rows(self.stream[places].astype(np.int64), turns),
            TARGETS: Rows(self.stream[places + 1].astype(np.int64), turns),
            FRESH: Rows((steps == 0).astype(np.int64), turns),
        }
        inputs |= {} if self.key is None else {KEY: self.key}  # type: ignore[dict-item]
        if self.noise is not None:
            inputs |= self.noise.inputs([f"{epoch}/{step}" for step in steps])
        tokens = np.full(len(steps), self.time * self.batch)
        return Batches(inputs, tokens, tokens)


class Windows:
    """The tokens of a stream with the ``width`` before each, to be picked in any order.

    Args:
        stream: ints (width + tokens,): ends of lines, then every line and its end.
        width: how many tokens come before.
        key: dropout's, or None.
        noise: of a sampled softmax, or None.
    """

    def __init__(self, stream: Ints, width: int, key: Int64 | None = None, noise: Noise | None = None) -> None:
        self.stream, self.width, self.key, self.noise = stream, width, key, noise
        self.windows = np.lib.stride_tricks.sliding_window_view(stream, width + 1)

    def __len__(self) -> int:
        return len(self.windows)

    def pick(self, indices: Int64, cuts: Int64) -> Batches:
        """See lexgrad.train.batches.Collection."""
        found = self.windows[indices].astype(np.int64)
        inputs = {
            IDS: cut_rows(np.ascontiguousarray(found[:, :-1]), cuts),
            TARGETS: cut_rows(np.ascontiguousarray(found[:, -1]), cuts),
        }
        if self.noise is not None:  # fixed by the first two examples of a step, which hardly come together again
            keys = ["/".join(map(str, indices[cut : cut + 2])) for cut in cuts[:-1]]
            inputs |= self.noise.inputs(keys)
        inputs |= {} if self.key is None else {KEY: self.key}  # type: ignore[dict-item]
        return Batches(inputs, np.diff(cuts), np.diff(cuts))
