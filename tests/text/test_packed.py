"""Packed texts and sparse rows: rows, slices and selections; builders that spill into files."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from lexgrad.errors import InputError
from lexgrad.text import packed
from lexgrad.text.packed import ArrayBuilder, PackedBuilder, PackedTexts, SparseRows, concatenate, let_go, pack

Rows = list[list[int]]

rows_of_ids = st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=5), max_size=6)


def unpack(texts: PackedTexts) -> Rows:
    return [row.tolist() for row in texts]


@given(rows=rows_of_ids, data=st.data())
def test_rows_slices_and_selections_are_those_of_a_list(rows: Rows, data: st.DataObject) -> None:
    texts = pack(rows)
    assert (len(texts), unpack(texts)) == (len(rows), rows)
    assert texts.lengths.tolist() == [len(row) for row in rows]
    part = data.draw(st.slices(len(rows)))
    assert unpack(texts[part]) == rows[part]
    if rows:
        chosen = data.draw(st.lists(st.integers(-len(rows), len(rows) - 1)))
        assert unpack(texts.select(chosen)) == [rows[i] for i in chosen]
        assert [texts[i].tolist() for i in chosen] == [rows[i] for i in chosen]
    mask = np.arange(len(rows)) % 2 == 0
    assert unpack(texts.select(mask)) == rows[::2]


def test_arrays_have_their_types() -> None:
    texts = PackedTexts(np.array([1, 2]), np.array([0, 1, 2], np.int32))
    assert texts.ids.dtype == np.int32
    assert texts.offsets.dtype == np.int64
    assert repr(texts) == "PackedTexts(2 texts, 2 tokens)"


def test_rows_that_are_not_there() -> None:
    texts = pack([[1], [2]])
    for index in (2, -3):
        with pytest.raises(IndexError, match="from -2 to 1"):
            texts[index]
        with pytest.raises(IndexError, match="from -2 to 1"):
            texts.select([0, index])


@pytest.mark.parametrize("offsets", [[], [0], [1, 2], [0, 1], [0, 3, 2], [[0, 2]]])
def test_offsets_must_fit(offsets: list[Any]) -> None:
    with pytest.raises(InputError, match="offsets that rise from 0 to 2"):
        PackedTexts(np.array([1, 2]), np.array(offsets))
    with pytest.raises(InputError, match="offsets that rise from 0 to 2"):
        SparseRows(np.array([1, 2]), np.array([1.0, 2.0]), np.array(offsets), 3)


@settings(deadline=None)
@given(batches=st.lists(rows_of_ids, max_size=5), limit=st.integers(0, 60))
def test_builder_gives_the_same_in_memory_and_in_a_file(batches: list[Rows], limit: int) -> None:
    builder = PackedBuilder(limit_bytes=limit)
    for rows in batches:
        builder.append(pack(rows))
    rows = [row for batch in batches for row in batch]
    assert len(builder) == len(rows)
    texts = builder.finish()
    assert unpack(texts) == rows
    assert builder.spilled == (max(len(texts.ids) * 4, len(rows) * 8) > limit)
    assert unpack(texts.select(range(len(rows))[::-1])) == rows[::-1]


def test_spilled_values_outlive_the_builder() -> None:
    builder = ArrayBuilder(np.int32, limit_bytes=16)
    for start in range(0, 100, 10):
        builder.append(np.arange(start, start + 10))
    array = builder.finish()
    assert builder.spilled
    del builder
    gc.collect()
    assert array.tolist() == list(range(100))
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_builder_keeps_no_view_of_what_it_was_given() -> None:
    given_array = np.arange(3, dtype=np.int32)
    builder = ArrayBuilder(np.int32)
    builder.append(given_array)
    given_array[:] = 9
    assert builder.finish().tolist() == [0, 1, 2]


def test_finished_builder_takes_no_more() -> None:
    builder = ArrayBuilder(np.int32)
    builder.finish()
    with pytest.raises(ValueError, match="finished"):
        builder.append([1])


def test_abandoned_builder_closes_its_file() -> None:
    with PackedBuilder(limit_bytes=0) as builder:
        builder.append(pack([[1, 2]]))
        assert builder.spilled
    gc.collect()  # an open file would warn, and warnings are errors


def test_concatenate() -> None:
    assert unpack(concatenate([pack([[1]]), pack([]), pack([[], [2, 3]])])) == [[1], [], [2, 3]]
    assert len(concatenate([])) == 0


matrices = st.integers(0, 5).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 2), min_size=width, max_size=width), max_size=5).map(
        lambda rows: np.array(rows, np.float32).reshape(len(rows), width)
    )
)


@given(dense=matrices, seed=st.integers(0, 9))
def test_sparse_rows_and_scipy(dense: np.ndarray, seed: int) -> None:
    rows = SparseRows.from_scipy(sparse.csr_matrix(dense))
    assert rows.shape == dense.shape
    assert np.array_equal(rows.to_scipy().toarray(), dense)
    chosen = np.random.default_rng(seed).integers(0, len(dense), 7 if len(dense) else 0)
    assert np.array_equal(rows.select(chosen).to_scipy().toarray(), dense[chosen])
    for i, row in enumerate(dense):
        ids, values = rows[i]
        assert np.array_equal(ids, np.flatnonzero(row))
        assert np.array_equal(values, row[ids])
    assert rows.lengths.tolist() == np.count_nonzero(dense, axis=1).tolist()


def test_scipy_matrices_of_every_make() -> None:
    doubled = sparse.coo_matrix(([1.0, 2.0, 3.0], ([0, 0, 1], [2, 2, 0])), shape=(2, 3))
    rows = SparseRows.from_scipy(doubled)
    assert np.array_equal(rows.to_scipy().toarray(), [[0, 0, 3], [3, 0, 0]])
    unsorted = sparse.csr_matrix(([1.0, 2.0], [2, 0], [0, 2]), shape=(1, 3))
    assert SparseRows.from_scipy(unsorted).ids.tolist() == [0, 2]
    assert unsorted.indices.tolist() == [2, 0]  # the caller's matrix stays as it was
    with pytest.raises(InputError, match="at most 2147483647 columns"):
        SparseRows.from_scipy(sparse.csr_matrix((1, 2**31)))
    with pytest.raises(InputError, match="as many values as column ids"):
        SparseRows(np.array([1]), np.array([1.0, 2.0]), np.array([0, 1]), 2)


def test_letting_go_of_pages_changes_nothing() -> None:
    with PackedBuilder(limit_bytes=100) as builder:
        for _ in range(50):
            builder.append(pack([[1, 2, 3], [], [4]]))
        texts = builder.finish()
    assert builder.spilled
    let_go(texts.ids)
    assert texts.ids.tolist() == [1, 2, 3, 4] * 50
    let_go(np.arange(3))


def test_rows_of_a_mapped_file_are_gathered_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[Any] = []
    monkeypatch.setattr(packed, "AT_HAND", 4)
    monkeypatch.setattr(packed, "let_go", gone.append)
    rows = [[1, 2, 3], [], [4], [5, 6]] * 5
    picked = np.random.default_rng(0).integers(0, len(rows), 30)
    with PackedBuilder(limit_bytes=100) as builder:
        for row in rows:
            builder.append(pack([row]))
        texts = builder.finish()
    for chosen in (picked, picked[:1], picked[:0]):
        assert [row.tolist() for row in texts.select(chosen)] == [rows[i] for i in chosen]
    assert len(gone) == 8 + 1
    assert pack(rows).select(picked).ids.tolist() == texts.select(picked).ids.tolist()
    assert len(gone) == 9 + 8
