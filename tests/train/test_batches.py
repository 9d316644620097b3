"""Batches of many steps at a time: what they hold does not depend on how many are asked for together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lexgrad.models.features.inputs import DenseInputs, Inputs, PackedInputs, PaddedInputs, SparseInputs
from lexgrad.text.packed import SparseRows, pack
from lexgrad.train.batches import Batches, Shuffled
from lexgrad.train.shuffle import permutation

TEXTS = [[3, 1], [], [4, 1, 5, 9], [2], [6, 5, 3], [], [5, 8, 9, 7, 9]]
PACKED = pack(TEXTS)
SPARSE = SparseRows(PACKED.ids, np.arange(15, dtype=np.float32), PACKED.offsets, 10)
KINDS: list[Inputs] = [
    DenseInputs(np.arange(14.0).reshape(7, 2)),
    PackedInputs(PACKED),
    PaddedInputs(PACKED, 3),
    SparseInputs(SPARSE),
    SparseInputs(SPARSE, np.arange(1.0, 11.0), np.ones(10)),
]


class Numbered:
    """Examples that are their own numbers, beside encoded ones."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs

    def __len__(self) -> int:
        return len(self.inputs)

    def pick(self, indices: NDArray[np.int64], cuts: NDArray[np.int64]) -> Batches:
        inputs, tokens = self.inputs.pick(indices, cuts)
        return Batches(inputs, np.diff(cuts), tokens)


@pytest.mark.parametrize("inputs", KINDS, ids=lambda inputs: type(inputs).__name__)
def test_every_step_reads_what_it_reads_alone(inputs: Inputs) -> None:
    examples = Shuffled(Numbered(inputs), 3, seed=5)
    order = permutation(7, 5, 2)
    assert examples.steps == 3
    whole = examples.batches(2, 0, 3)
    assert whole.examples.tolist() == [3, 3, 1]
    for number in range(3):
        expected, tokens = inputs.batch(order[3 * number : 3 * number + 3])
        alone = examples.batches(2, number, number + 1)
        for found, at in ((whole, number), (alone, 0)):
            assert found.tokens[at] == tokens
            step = found.step(at)
            assert step.keys() == expected.keys()
            for name, array in expected.items():
                np.testing.assert_array_equal(step[name], array)
                assert step[name].dtype == array.dtype


def test_packed_texts_of_a_batch() -> None:
    batch, tokens = PackedInputs(PACKED).batch(np.array([2, 1, 0]))
    assert (batch["ids"].tolist(), batch["offsets"].tolist(), tokens) == ([4, 1, 5, 9, 3, 1], [0, 4, 4, 6], 6)
    everything, _ = PackedInputs(PACKED).batch()
    np.testing.assert_array_equal(everything["ids"], PACKED.ids)
    np.testing.assert_array_equal(everything["offsets"], PACKED.offsets)


def test_padded_texts_of_a_batch() -> None:
    batch, tokens = PaddedInputs(PACKED, 3).batch(np.array([2, 1, 0]))
    assert (batch["ids"].tolist(), tokens) == ([[4, 1, 5], [-1, -1, -1], [3, 1, -1]], 5)


def test_columns_are_divided_by_their_deviations() -> None:
    batch, _ = SparseInputs(SPARSE, np.arange(1.0, 11.0)).batch(np.array([4]))
    np.testing.assert_allclose(batch["values"], np.array([7, 8, 9]) / np.array([7, 6, 4]))


def test_an_epoch_reads_every_example_once() -> None:
    numbers = DenseInputs(np.arange(7.0)[:, None])
    for size, sizes in ((3, [3, 3, 1]), (7, [7]), (8, [7]), (1, [1] * 7)):
        examples: Any = Shuffled(Numbered(numbers), size, seed=0)
        batches = examples.batches(1, 0, examples.steps)
        assert batches.examples.tolist() == sizes
        read = np.concatenate([batches.step(number)["x"][:, 0] for number in range(len(batches))])
        np.testing.assert_array_equal(read, permutation(7, 0, 1))
