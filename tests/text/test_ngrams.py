"""N-gram tables against the definition, against scikit-learn, and back from their arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from lexgrad.errors import InputError
from lexgrad.text import ngrams
from lexgrad.text.ngrams import NgramTable
from lexgrad.text.packed import PackedTexts, pack

Rows = list[list[int]]
Gram = tuple[int, ...]

rows_of_ids = st.lists(st.lists(st.integers(0, 5), max_size=8), max_size=8)


def grams_of(row: list[int], orders: Sequence[int], skip: int | None) -> list[Gram]:
    grams = [tuple(row[i : i + n]) for n in orders for i in range(len(row) - n + 1)]
    return [gram for gram in grams if skip not in gram]


def expected(rows: Rows, orders: Sequence[int], min_count: int, most: int | None, skip: int | None) -> dict[Gram, int]:
    """The features of the definition, each with its document frequency, in order."""
    counts = Counter(gram for row in rows for gram in grams_of(row, orders, skip))
    kept = [gram for gram, count in counts.items() if count >= min_count]
    kept.sort(key=lambda gram: (-counts[gram], len(gram), gram))
    kept = sorted(kept[:most], key=lambda gram: (len(gram), gram))
    return {gram: sum(gram in grams_of(row, orders, skip) for row in rows) for gram in kept}


def features_of(table: NgramTable) -> list[Gram]:
    return [tuple(word for word in row if word >= 0) for row in table.words.tolist()]


@settings(deadline=None)
@given(
    rows=rows_of_ids,
    unseen=rows_of_ids,
    orders=st.sets(st.integers(1, 4), min_size=1).map(sorted),
    min_count=st.integers(1, 3),
    most=st.none() | st.integers(1, 12),
    skip=st.none() | st.integers(0, 3),
    batches=st.integers(1, 3),
)
def test_features_and_counts_are_those_of_the_definition(
    rows: Rows,
    unseen: Rows,
    orders: list[int],
    min_count: int,
    most: int | None,
    skip: int | None,
    batches: int,
) -> None:
    parts = [pack(rows[i::batches]) for i in range(batches)]
    table = NgramTable.fit(iter(parts), orders, min_count, most, skip)
    truth = expected(rows, orders, min_count, most, skip)
    assert features_of(table) == list(truth)
    assert table.document_frequency.tolist() == list(truth.values())
    assert (table.documents, table.size) == (len(rows), len(truth))

    columns = {gram: i for i, gram in enumerate(truth)}
    for texts in (rows, unseen):
        counted = table.transform(pack(texts))
        assert counted.columns == len(truth)
        for i, row in enumerate(texts):
            ids, values = counted[i]
            found = Counter(columns[gram] for gram in grams_of(row, orders, skip) if gram in columns)
            assert dict(zip(ids.tolist(), values.tolist(), strict=True)) == found
            assert sorted(ids.tolist()) == ids.tolist()
            alone = table.transform_one(np.array(row, np.int64))
            assert [part.tolist() for part in alone] == [ids.tolist(), values.tolist()]


@settings(deadline=None)
@given(rows=rows_of_ids)
def test_large_input_in_portions_counts_the_same(rows: Rows) -> None:
    with pytest.MonkeyPatch.context() as patch:
        whole = NgramTable.fit(pack(rows), (1, 3), skip=None)
        counted = whole.transform(pack(rows))
        patch.setattr(ngrams, "AT_ONCE", 3)
        parted = NgramTable.fit(pack(rows), (1, 3), skip=None)
        assert same_arrays(whole.arrays(), parted.arrays())
        again = parted.transform(pack(rows))
    assert np.array_equal(counted.ids, again.ids)
    assert np.array_equal(counted.values, again.values)
    assert np.array_equal(counted.offsets, again.offsets)


def same_arrays(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> bool:
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


WORDS = ["the", "film", "is", "not", "good", "but", "bad", "either"]


@pytest.mark.parametrize("orders", [(1, 1), (1, 2), (2, 3)])
def test_counts_are_those_of_scikit_learn(orders: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    vocabulary = WORDS
    rows = [rng.integers(0, len(vocabulary), rng.integers(0, 30)) for _ in range(200)]
    texts = [" ".join(vocabulary[i] for i in row) for row in rows]
    theirs = CountVectorizer(ngram_range=orders, tokenizer=str.split, token_pattern=None, min_df=1)
    matrix = theirs.fit_transform(texts)
    lengths = range(orders[0], orders[1] + 1)
    table = NgramTable.fit(pack(rows), tuple(lengths), skip=None)
    ours = table.transform(pack(rows)).to_scipy()
    names = [table.name(i, vocabulary) for i in range(table.size)]
    columns = [theirs.vocabulary_[name] for name in names]
    assert sorted(names) == sorted(theirs.vocabulary_)
    assert (ours != matrix[:, columns]).nnz == 0
    assert table.document_frequency.tolist() == np.bincount(matrix.indices)[columns].tolist()


def test_most_frequent_features_stay() -> None:
    table = NgramTable.fit(pack([[1, 2, 1, 2], [1, 2, 3]]), (1, 2), max_features=3)
    assert features_of(table) == [(1,), (2,), (1, 2)]


def test_name_joins_words() -> None:
    table = NgramTable.fit(pack([[1, 2]]), (2,))
    assert table.name(0, ["<unk>", "not", "good"]) == "not good"


def test_words_beyond_the_fitted_ones_are_dropped() -> None:
    table = NgramTable.fit(pack([[1, 2]]))
    assert table.transform(pack([[9, 1], [7]])).lengths.tolist() == [1, 0]


def test_no_texts_give_no_features() -> None:
    for texts in (pack([]), pack([[], []])):
        table = NgramTable.fit(texts)
        assert table.size == 0
        assert table.transform(pack([[1]])).shape == (1, 0)


def test_arrays_restore_the_table() -> None:
    rows = pack([[1, 2, 3, 1, 2], [3, 3], []])
    table = NgramTable.fit(rows, (1, 3), skip=None)
    again = NgramTable.from_arrays(table.arrays())
    assert same_arrays(table.arrays(), again.arrays())
    assert again.orders == (1, 3)
    assert np.array_equal(again.transform(rows).values, table.transform(rows).values)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("keys_1", np.array([3, 2, 1])),
        ("keys_2", np.array([5 << 32, 6 << 32])),
        ("features_1", np.array([0, 1])),
        ("document_frequency", np.array([1])),
        ("documents", np.array([])),
        ("orders", np.array([])),
        ("orders", np.array([1, 2, 3])),
    ],
)
def test_damaged_arrays_are_refused(name: str, value: np.ndarray) -> None:
    arrays = NgramTable.fit(pack([[1, 2, 3]]), skip=None).arrays()
    with pytest.raises(InputError, match="damaged"):
        NgramTable.from_arrays({**arrays, name: value})


@pytest.mark.parametrize("settings", [{"orders": ()}, {"orders": (0,)}, {"min_count": 0}, {"max_features": 0}])
def test_settings_below_one_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InputError, match="1 or more"):
        NgramTable.fit(pack([[1]]), **settings)  # type: ignore[arg-type]


def test_batches_may_be_one_packed_texts() -> None:
    texts = PackedTexts(np.array([1, 2], np.int32), np.array([0, 2]))
    assert NgramTable.fit(texts).size == NgramTable.fit([texts]).size == 3
