"""Trees of parameters: flattened to named leaves, and put together again."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexgrad.errors import InputError
from lexgrad.graph import Type
from lexgrad.trace import tree_flatten, tree_map, tree_unflatten

Pair = namedtuple("Pair", "left right")


@dataclass
class Layer:
    W: Any
    b: Any


TREES = st.recursive(
    st.one_of(st.integers(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
        st.tuples(inner, inner).map(lambda pair: Pair(*pair)),
        st.tuples(inner, inner).map(lambda pair: Layer(*pair)),
    ),
    max_leaves=8,
)


@given(TREES)
def test_what_was_flattened_is_put_together_again(tree: Any) -> None:
    leaves, shape = tree_flatten(tree)
    assert shape.leaves == len(leaves)
    again = tree_unflatten(shape, leaves.values())
    assert again == tree
    assert type(again) is type(tree)


def test_leaves_are_named_by_their_paths() -> None:
    tree = {"layers": [Layer(1, 2), Layer(3, None)], "pair": Pair(4, (5,))}
    leaves, _ = tree_flatten(tree)
    assert leaves == {"layers.0.W": 1, "layers.0.b": 2, "layers.1.W": 3, "pair.left": 4, "pair.right.0": 5}
    assert list(tree_flatten([7], "out")[0]) == ["out.0"]
    assert tree_flatten(7, "x")[0] == {"x": 7}


def test_a_type_is_a_leaf() -> None:
    assert tree_flatten([Type("float")])[0] == {"0": Type("float")}


def test_mapping_keeps_the_shape() -> None:
    assert tree_map(lambda x: x + 1, {"a": [1, 2], "b": None}) == {"a": [2, 3], "b": None}


def test_two_leaves_of_one_path_are_refused() -> None:
    with pytest.raises(InputError, match=r"two leaves of a tree are called 'a\.b'"):
        tree_flatten({"a.b": 1, "a": {"b": 2}})


@pytest.mark.parametrize("leaves", [[], [1], [1, 2, 3]])
def test_as_many_leaves_as_places(leaves: list[int]) -> None:
    _, shape = tree_flatten({"a": 1, "b": 2})
    with pytest.raises(InputError, match=f"a tree with 2 leaves cannot be made of {len(leaves)}"):
        tree_unflatten(shape, leaves)
