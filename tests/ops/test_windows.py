"""Windows over packed text, worked by hand: kernels, strides, padding, short and empty texts, pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import Graph, Node
from lexgrad.ops.windows import Windows, convolve, pool_texts, pool_windows, preceding, window_places, windows

OFFSETS = np.array([0, 4, 4, 5])  # texts of four words, of none, and of one


def values(**nodes: Node) -> dict[str, Any]:
    return lg.evaluate(Graph({}, nodes), {})


def found(over: Windows) -> list[list[list[int]]]:
    """The windows of each text."""
    lengths = {} if over.lengths is None else {"lengths": over.lengths}
    got = values(places=over.places, offsets=over.offsets, **lengths)
    counts = got.get("lengths", np.diff(got["offsets"]))
    starts = got["offsets"][:-1]
    return [got["places"][start : start + count].tolist() for start, count in zip(starts, counts, strict=True)]


@pytest.mark.parametrize(
    ("padding", "stride", "expected"),
    [
        ("valid", 1, [[[0, 1, 2], [1, 2, 3]], [], [[4, -1, -1]]]),
        ("valid", 2, [[[0, 1, 2]], [], [[4, -1, -1]]]),
        ("same", 1, [[[-1, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, -1]], [], [[-1, 4, -1]]]),
        ("same", 3, [[[-1, 0, 1], [2, 3, -1]], [], [[-1, 4, -1]]]),
        (
            "full",
            1,
            [
                [[-1, -1, 0], [-1, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, -1], [3, -1, -1]],
                [[-1, -1, -1]] * 2,
                [[-1, -1, 4], [-1, 4, -1], [4, -1, -1]],
            ],
        ),
        ("full", 4, [[[-1, -1, 0], [2, 3, -1]], [[-1, -1, -1]], [[-1, -1, 4]]]),
    ],
)
def test_which_rows_are_in_which_window(padding: str, stride: int, expected: Any) -> None:
    assert found(window_places(OFFSETS, 5, 3, stride=stride, padding=padding)) == expected


def test_the_words_before_each_word_of_its_text() -> None:
    got = values(before=preceding([7, 8, 0, 8, 5], OFFSETS, 2))["before"]
    assert got.tolist() == [[-1, -1], [7, -1], [8, 7], [0, 8], [-1, -1]]
    assert values(before=preceding(np.zeros(0, np.int64), [0, 0], 3))["before"].shape == (0, 3)


def test_an_even_kernel_has_one_more_zero_row_behind() -> None:
    assert found(window_places([0, 3], 3, 2, padding="same")) == [[[0, 1], [1, 2], [2, -1]]]
    assert found(window_places([0, 3], 3, 4, padding="same")) == [[[-1, 0, 1, 2], [0, 1, 2, -1], [1, 2, -1, -1]]]


def test_what_is_behind_the_windows_of_a_text_is_in_none() -> None:
    over = window_places(OFFSETS, 5, 3)
    assert values(places=over.places)["places"][[2, 3]].tolist() == [[-1] * 3] * 2


@pytest.mark.parametrize(("stride", "expected"), [(1, [1, 3, 5, 7]), (2, [1, 5])])
def test_the_kernel_of_the_lectures(stride: int, expected: list[int]) -> None:
    """A kernel of 2 × 5 over "I love waking up early", with strides 1 and 2: the feature map."""
    x = np.eye(5) * np.arange(5)[:, None]  # word i is i times the unit vector i
    over = window_places([0, 5], 5, 2, stride=stride)
    answers = values(answers=convolve(x, np.ones((2, 1, 5)), over.places))["answers"]
    assert answers[: len(expected), 0].tolist() == expected


def test_windows_are_rows_side_by_side() -> None:
    x = np.arange(10.0).reshape(5, 2)
    over = window_places(OFFSETS, 5, 2, padding="full")
    rows = values(rows=windows(x, over.places))["rows"]
    assert rows[:2].tolist() == [[0, 0, 0, 1], [0, 1, 2, 3]]
    kernel = np.random.default_rng(0).normal(size=(2, 3, 2))
    answers = values(answers=convolve(x, kernel, over.places))["answers"]
    np.testing.assert_allclose(answers, rows @ kernel.transpose(0, 2, 1).reshape(4, 3))


@pytest.mark.parametrize(("pool", "best", "pairs"), [("max", 4.0, [4.0, 3.0]), ("mean", 2.5, [2.5, 2.5])])
def test_pooling_of_the_lectures(pool: str, best: float, pairs: list[float]) -> None:
    """{1, 4, 2, 3}: the largest is 4, the mean 2.5."""
    x = np.array([[1.0], [4.0], [2.0], [3.0]])
    assert values(p=pool_texts(x, [0, 4], pool))["p"].tolist() == [[best]]
    over = window_places([0, 4], 4, 2, stride=2)
    assert values(p=pool_windows(x, over, pool))["p"][:2, 0].tolist() == pairs


@pytest.mark.parametrize(("pool", "expected"), [("max", [5.0, 0.0, -1.0]), ("mean", [3.0, 0.0, -1.0])])
def test_pooling_stops_at_the_length_of_a_text(pool: str, expected: list[float]) -> None:
    x = np.array([[1.0], [5.0], [9.0], [9.0], [-1.0]])
    assert values(p=pool_texts(x, OFFSETS, pool, [2, 0, 1]))["p"][:, 0].tolist() == expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: window_places(OFFSETS, 5, 0), "a window has a size and a stride of at least 1; got 0 and 1"),
        (lambda: window_places(OFFSETS, 5, 2, stride=0), "at least 1; got 2 and 0"),
        (lambda: window_places(OFFSETS, 5, 2, padding="ful"), "padding is one of valid, same, full; got 'ful'.*full"),
        (lambda: pool_texts(np.ones((5, 1)), OFFSETS, "min"), "pool is one of max, mean; got 'min'"),
    ],
)
def test_mistakes_are_named(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_shapes_that_do_not_fit() -> None:
    places = window_places(OFFSETS, 5, 3).places
    with pytest.raises(ShapeError, match=r"convolve\(.*: needs rows \(rows, d\), a kernel \(size, filters, d\)"):
        convolve(np.ones((5, 2)), np.ones((2, 4, 2)), places)
    with pytest.raises(ShapeError, match=r"windows\(.*: needs rows \(rows, d\) and places"):
        windows(np.ones(5), places)
