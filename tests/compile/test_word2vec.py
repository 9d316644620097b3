"""The update of word vectors: against the lectures' gradients by hand, against the gradient of the loss graph, and the
same bits on any number of threads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

import lexgrad as lg
from lexgrad.compile.machine import elsewhere, host, limited, object_code
from lexgrad.compile.word2vec import Layout, Noise, Updates, Window, WordRows
from lexgrad.compile.word2vec.program import program_text
from lexgrad.errors import InputError
from lexgrad.graph import Node
from lexgrad.models.vectors import sampling
from lexgrad.nn.losses import negative_sampling
from lexgrad.ops.random import philox_words
from tests.compile.running import PROCESSORS

Matrix = NDArray[np.float64]
WORDS, KEY, BASE, RATE = 30, 77, 1000, 0.1
SMALL = Layout(dimensions=21, window=3, negatives=4, batch=16, share=8)
LAYOUTS = {
    "skip-gram": SMALL,
    "one piece of 16": replace(SMALL, dimensions=16, negatives=1),
    "noise in blocks": replace(SMALL, dimensions=5, negatives=8),
    "wide": replace(SMALL, dimensions=70, batch=8),
    "cbow": replace(SMALL, cbow=True),
    "cbow, noise in blocks": replace(SMALL, cbow=True, negatives=7),
    "subwords": replace(SMALL, subwords=True),
}


def a_window(layout: Layout, count: int = 37) -> Window:
    """Random words with windows of random size that stay inside; some are alone."""
    random = np.random.default_rng(3)
    ids = random.integers(WORDS, size=count)
    left = np.minimum(random.integers(layout.window + 1, size=count), np.arange(count))
    right = np.minimum(random.integers(layout.window + 1, size=count), np.arange(count)[::-1])
    left[5] = right[5] = 0
    return Window(ids.astype(np.int32), left.astype(np.int32), right.astype(np.int32), BASE)


def matrices(layout: Layout) -> tuple[NDArray[np.float32], NDArray[np.float32], WordRows | None]:
    random = np.random.default_rng(4)
    rows = None
    if layout.subwords:
        lengths = random.integers(1, 5, size=WORDS)
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = WordRows(starts, random.integers(WORDS + 9, size=starts[-1]).astype(np.int32))
    W = random.normal(size=(WORDS + 9, layout.dimensions)).astype(np.float32)
    C = random.normal(size=(WORDS, layout.dimensions)).astype(np.float32)
    return W, C, rows


NOISE = sampling.noise(np.arange(WORDS, 0, -1) ** 2)


def drawn(layout: Layout, window: Window) -> NDArray[np.int64]:
    """The noise of every position (n, K), drawn with the interpreter's generator."""
    counters = np.arange(len(window.ids) * layout.negatives, dtype=np.uint64) + np.uint64(
        window.base * layout.negatives
    )
    where, which = philox_words(KEY, counters & np.uint64(0xFFFFFFFF), counters >> np.uint64(32))
    entry = (where * np.uint64(WORDS)) >> np.uint64(32)
    chosen = np.where(which <= NOISE.thresholds[entry], entry, NOISE.aliases[entry])
    return chosen.astype(np.int64).reshape(len(window.ids), layout.negatives)


def neighbours(window: Window, i: int) -> list[int]:
    return [j for j in range(i - window.left[i], i + window.right[i] + 1) if j != i]


def sigma(c: Matrix, w: Matrix) -> float:
    return float(1 / (1 + np.exp(-c @ w)))


def by_hand(
    layout: Layout, W: Matrix, C: Matrix, window: Window, rates: NDArray[np.float32], rows: WordRows | None
) -> tuple[Matrix, Matrix, float]:
    """The update in float64, pair by pair, with the lectures' three gradients; and the loss before each batch."""
    noise, loss = drawn(layout, window), 0.0

    def rows_of(word: int) -> list[int]:
        return [word] if rows is None else rows.rows[rows.starts[word] : rows.starts[word + 1]].tolist()

    for batch in range(0, len(window.ids), layout.batch):
        new_W, new_C, rate = W.copy(), C.copy(), float(rates[batch // layout.batch])
        for i in range(batch, min(batch + layout.batch, len(window.ids))):
            near = neighbours(window, i)
            groups = [near] if layout.cbow else [[j] for j in near]
            positive = window.ids[i]
            negatives = [c for c in noise[i] if c != positive]
            for group in groups if near else []:
                w = np.mean([np.mean([W[r] for r in rows_of(window.ids[j])], axis=0) for j in group], axis=0)
                loss -= np.log(sigma(C[positive], w)) + sum(np.log(1 - sigma(C[c], w)) for c in negatives)
                gradient = (sigma(C[positive], w) - 1) * C[positive] + sum(sigma(C[c], w) * C[c] for c in negatives)
                new_C[positive] -= rate * (sigma(C[positive], w) - 1) * w
                for c in negatives:
                    new_C[c] -= rate * sigma(C[c], w) * w
                for j in group:
                    for r in rows_of(window.ids[j]):
                        new_W[r] -= rate * gradient / len(group)
        W, C = new_W, new_C
    return W, C, loss


def rates_of(layout: Layout, window: Window) -> NDArray[np.float32]:
    batches = -(-len(window.ids) // layout.batch)
    return (RATE / np.arange(1, batches + 1)).astype(np.float32)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_the_update_is_the_one_by_hand(layout: Layout) -> None:
    window, (W, C, rows) = a_window(layout), matrices(layout)
    rates = rates_of(layout, window)
    wanted_W, wanted_C, wanted_loss = by_hand(layout, W.astype(float), C.astype(float), window, rates, rows)
    loss = Updates(layout)(W, C, window, NOISE, rates, KEY, rows)
    np.testing.assert_allclose(W, wanted_W, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(C, wanted_C, rtol=2e-5, atol=2e-5)
    assert loss == pytest.approx(wanted_loss, rel=1e-6)


def test_the_update_is_the_gradient_of_the_loss_graph() -> None:
    layout = replace(SMALL, batch=64)
    window, (W, C, _) = a_window(layout), matrices(layout)
    noise = drawn(layout, window)
    centres = [i for i in range(len(window.ids)) if neighbours(window, i)]

    def loss(W: Node, C: Node) -> Node:
        total = lg.sum(W) * 0.0
        for i in centres:
            positive = int(window.ids[i])
            near = lg.take(W, [int(window.ids[j]) for j in neighbours(window, i)])
            far = lg.take(C, [int(word) for word in noise[i] if word != positive])
            total = total + negative_sampling(near, C[positive], far)
        return total

    before, (by_W, by_C) = lg.value_and_grad(loss, (0, 1))(W.astype(float), C.astype(float))
    wanted = W - RATE * np.asarray(by_W), C - RATE * np.asarray(by_C)
    value = Updates(layout)(W, C, window, NOISE, np.full(1, RATE, np.float32), KEY)
    np.testing.assert_allclose(W, wanted[0], rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(C, wanted[1], rtol=2e-5, atol=2e-5)
    assert value == pytest.approx(before, rel=1e-6)


@pytest.mark.parametrize("limit", PROCESSORS)
@pytest.mark.parametrize("name", ["noise in blocks", "cbow", "subwords"])
def test_same_bits_on_any_number_of_threads(name: str, limit: str) -> None:
    layout = replace(LAYOUTS[name], batch=32)
    window = a_window(layout, 300)
    updates = Updates(layout, limited(limit))
    found = []
    for threads in 1, 2, 3, 4:
        W, C, rows = matrices(layout)
        loss = updates(W, C, window, NOISE, rates_of(layout, window), KEY, rows, threads)
        found.append((W.tobytes(), C.tobytes(), loss))
    assert found[0] == found[1] == found[2] == found[3]


@pytest.mark.skipif(not host().fma, reason="this processor rounds products before it adds them")
@pytest.mark.parametrize("name", ["wide", "cbow"])
def test_same_bits_with_vectors_of_any_width(name: str) -> None:
    layout = LAYOUTS[name]
    window, found = a_window(layout, 100), []
    for limit in "", "avx2":
        W, C, rows = matrices(layout)
        Updates(layout, limited(limit))(W, C, window, NOISE, rates_of(layout, window), KEY, rows)
        found.append((W.tobytes(), C.tobytes()))
    assert found[0] == found[1]


@pytest.mark.parametrize("triple", ["aarch64-apple-darwin", "x86_64-pc-windows-msvc"])
def test_code_for_other_platforms(triple: str) -> None:
    assert object_code(program_text(SMALL, elsewhere(triple)), elsewhere(triple))


def test_words_are_left_out_as_often_as_they_should_and_windows_end_with_sentences() -> None:
    updates = Updates(SMALL)
    tokens = np.tile(np.arange(WORDS, dtype=np.int32), 200)
    bounds = np.array([0, 7, 7, 8, 100, len(tokens)])
    share = np.linspace(0, 1, WORDS)
    thresholds = np.minimum(share * 2.0**32, 2.0**32 - 1).astype(np.uint32)
    window = updates.select(tokens, bounds, thresholds, KEY, BASE)
    counters = np.arange(len(tokens), dtype=np.uint64) + np.uint64(BASE)
    keep, reach = philox_words(KEY, counters, np.zeros_like(counters))
    stays = keep <= thresholds[tokens]
    assert window.ids.tolist() == tokens[stays].tolist()
    assert 0.4 < stays.mean() < 0.6
    reaches = (1 + ((reach * np.uint64(SMALL.window)) >> np.uint64(32)))[stays].astype(int)
    sentence = (np.searchsorted(bounds, np.arange(len(tokens)), side="right"))[stays]
    places = np.arange(len(window.ids))
    first, last = np.searchsorted(sentence, sentence), np.searchsorted(sentence, sentence, side="right") - 1
    assert window.left.tolist() == np.minimum(reaches, places - first).tolist()
    assert window.right.tolist() == np.minimum(reaches, last - places).tolist()
    assert set(reaches) == {1, 2, 3}


def test_the_alias_table_is_the_distribution() -> None:
    counts = np.array([50, 20, 9, 4, 1, 1])
    noise: Noise = sampling.noise(counts)
    share = noise.thresholds / 2.0**32 / len(counts)
    for word in range(len(counts)):
        share_of_word = share[word] + sum(
            1 / len(counts) - share[other]
            for other in np.flatnonzero((noise.aliases == word) & (np.arange(len(counts)) != word))
        )
        assert share_of_word == pytest.approx(counts[word] ** 0.75 / (counts**0.75).sum(), abs=1e-6)


def test_nothing_to_do_and_arrays_that_do_not_fit() -> None:
    updates, (W, C, _) = Updates(SMALL), matrices(SMALL)
    before = W.tobytes()
    nothing = updates.select(np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(WORDS, np.uint32), 1, 0)
    assert updates(W, C, nothing, NOISE, np.zeros(0, np.float32), 1) == 0.0
    assert W.tobytes() == before
    with pytest.raises(InputError, match="3 learning rates"):
        updates(W, C, a_window(SMALL), NOISE, np.zeros(1, np.float32), 1)
    with pytest.raises(InputError, match="context should be a float32 array of 21 columns"):
        updates(W, C.astype(float), a_window(SMALL), NOISE, np.zeros(3, np.float32), 1)
    with pytest.raises(InputError, match="at least 1"):
        Updates(replace(SMALL, window=0))
