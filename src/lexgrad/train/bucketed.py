"""Mini-batches of examples of about one length: a recurrent network goes through them in few, full steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lexgrad.text.packed import offsets_of
from lexgrad.train.batches import Batches, Collection
from lexgrad.train.shuffle import permutation, steps_in_epoch

Int64 = NDArray[np.int64]
POOL = 50  # batches among which examples are sorted by length


class Bucketed:
    """Mini-batches in an order that is random but for this: those of a batch are of about one length.

    Every epoch the examples, in random order, are cut into pools of ``POOL`` batches; each pool is sorted by length and
    cut into batches, and the batches of all pools come in random order. Every example comes once an epoch.

    Args:
        collection: the examples.
        lengths: how long each of them is.
        size: examples in a mini-batch; one may be smaller.
        seed: keys the order of every epoch.
    """

    def __init__(self, collection: Collection, lengths: NDArray[np.integer], size: int, seed: int) -> None:
        self.collection, self.lengths, self.size, self.seed = collection, lengths, size, seed
        self.steps = steps_in_epoch(len(collection), size)
        self._epoch = -1
        self._order, self._cuts = np.zeros(0, np.int64), np.zeros(1, np.int64)

    def __len__(self) -> int:
        return len(self.collection)

    def batches(self, epoch: int, first: int, stop: int) -> Batches:
        """See lexgrad.train.batches.Examples."""
        if epoch != self._epoch:
            self._order, self._cuts = self._arranged(epoch)
            self._epoch = epoch
        cuts = self._cuts[first : stop + 1]
        return self.collection.pick(self._order[cuts[0] : cuts[-1]], cuts - cuts[0])

    def _arranged(self, epoch: int) -> tuple[Int64, Int64]:
        """All examples in the order of an epoch, and where each batch begins among them."""
        order = permutation(len(self), self.seed, epoch)
        for begin in range(0, len(order), POOL * self.size):
            pool = order[begin : begin + POOL * self.size]
            pool[:] = pool[np.argsort(self.lengths[pool], kind="stable")]
        batches = [order[begin : begin + self.size] for begin in range(0, len(order), self.size)]
        # A stream of its own: the order of the batches has nothing to do with that of the examples.
        turns = permutation(len(batches), self.seed + (1 << 63), epoch)
        return np.concatenate([batches[turn] for turn in turns]), offsets_of([len(batches[turn]) for turn in turns])
