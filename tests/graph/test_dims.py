"""Sizes: the algebra of named dimensions."""

from __future__ import annotations

import operator
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import Dim, Size, holds_dim, product, quotient, resolve, shape_text, solve

NAMES = st.sampled_from(["a", "b", "c"])
ENVIRONMENTS = st.fixed_dictionaries({name: st.integers(0, 7) for name in "abc"})
SIZES: st.SearchStrategy[Size] = st.recursive(
    st.one_of(st.integers(-4, 4), NAMES.map(Dim)),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] - pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
    ),
    max_leaves=6,
)


@given(SIZES, SIZES)
def test_sum_and_product_commute(x: Size, y: Size) -> None:
    assert x + y == y + x
    assert x * y == y * x


@given(SIZES, SIZES, SIZES)
def test_sum_and_product_associate_and_distribute(x: Size, y: Size, z: Size) -> None:
    assert (x + y) + z == x + (y + z)
    assert (x * y) * z == x * (y * z)
    assert x * (y + z) == x * y + x * z


@given(SIZES)
def test_neutral_and_inverse_elements(x: Size) -> None:
    assert x + 0 == x
    assert x * 1 == x
    assert x * 0 == 0
    assert x - x == 0
    assert 0 - (0 - x) == x


@given(SIZES, SIZES, ENVIRONMENTS)
def test_resolving_goes_with_arithmetic(x: Size, y: Size, sizes: dict[str, int]) -> None:
    assert resolve(x + y, sizes) == resolve(x, sizes) + resolve(y, sizes)
    assert resolve(x - y, sizes) == resolve(x, sizes) - resolve(y, sizes)
    assert resolve(x * y, sizes) == resolve(x, sizes) * resolve(y, sizes)


@given(SIZES, SIZES)
def test_equal_sizes_have_one_form(x: Size, y: Size) -> None:
    same = x * x - y * y
    factored = (x - y) * (x + y)
    assert same == factored
    assert hash(same) == hash(factored)
    assert str(same) == str(factored)


@given(SIZES)
def test_what_is_constant_is_an_int(x: Size) -> None:
    assert isinstance(x, int) or (isinstance(x, Dim) and x.names)


@given(SIZES, st.one_of(NAMES.map(Dim), st.integers(1, 5), st.just(2 * Dim("a") * Dim("b"))))
def test_a_quotient_undoes_a_product(x: Size, part: Size) -> None:
    assert quotient(x * part, part) == x


@given(SIZES)
def test_a_size_can_be_pickled(x: Size) -> None:
    assert pickle.loads(pickle.dumps(x)) == x


@given(st.integers(1, 4), st.integers(-5, 5), st.integers(0, 9))
def test_solving_finds_the_size_that_was_put_in(slope: int, constant: int, number: int) -> None:
    size = slope * Dim("batch") + constant
    assert solve(size, slope * number + constant, {}) == {"batch": number}


def test_solving_uses_what_is_known() -> None:
    assert solve(Dim("batch") * Dim("time") + 1, 13, {"time": 4}) == {"batch": 3}


@pytest.mark.parametrize("size", [5, Dim("a") * Dim("b"), Dim("a") * Dim("a")])
def test_what_is_not_one_linear_unknown_stays_open(size: Size) -> None:
    assert solve(size, 4, {}) == {}


def test_any_size_fits_where_its_factor_is_0() -> None:
    assert solve(Dim("batch") * Dim("time"), 0, {"batch": 0}) == {}


@pytest.mark.parametrize(("size", "number"), [(Dim("a") * 2, 5), (Dim("a") + 3, 1), (Dim("a") * 0 + 3, 3)])
def test_what_cannot_be_solved(size: Size, number: int) -> None:
    if isinstance(size, int):
        assert solve(size, number, {}) == {}
    else:
        with pytest.raises(ShapeError, match="no size 'a' makes"):
            solve(size, number, {})


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (Dim("batch") + 1, "batch+1"),
        (1 - Dim("batch"), "-batch+1"),
        (2 * Dim("time") * Dim("batch") - Dim("batch"), "2*batch*time-batch"),
        (Dim("n") * Dim("n"), "n*n"),
        (3 - Dim("n") * 2, "-2*n+3"),
    ],
)
def test_how_sizes_are_written(size: Size, text: str) -> None:
    assert str(size) == text
    assert repr(size) == f"Dim({text!r})"


def test_how_shapes_are_written() -> None:
    assert shape_text(()) == "()"
    assert shape_text((Dim("batch"),)) == "(batch,)"
    assert shape_text((Dim("batch"), 3)) == "(batch, 3)"


@pytest.mark.parametrize("name", ["", "2d", "a b", "a-b", "a*b"])
def test_a_name_is_an_identifier(name: str) -> None:
    with pytest.raises(InputError, match="a named dimension is an identifier"):
        Dim(name)


def test_a_size_never_changes() -> None:
    with pytest.raises(AttributeError, match="never changes"):
        Dim("a").terms = ()


@pytest.mark.parametrize("other", [1.5, "3", None, (1,)])
def test_sizes_are_whole(other: Any) -> None:
    for operate in (operator.add, operator.sub, operator.mul):
        with pytest.raises(TypeError):
            operate(Dim("a"), other)


@pytest.mark.parametrize("part", [0, Dim("b"), 2, Dim("a") + 1])
def test_a_quotient_that_is_not_exact(part: Size) -> None:
    with pytest.raises(ShapeError, match=r"does not divide|cannot infer"):
        quotient(3 * Dim("a"), part)


def test_the_product_of_nothing_is_1() -> None:
    assert product(()) == 1
    assert product((2, Dim("a"), 3)) == 6 * Dim("a")


def test_a_missing_name_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="a"):
        resolve(Dim("a"), {})


def test_finding_dims_in_attributes() -> None:
    assert holds_dim(((1, Dim("a")),))
    assert not holds_dim(((1, 2), "a", None))
