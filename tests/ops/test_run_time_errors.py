"""What only the values can show to be wrong: indices and offsets, named by operation and line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lexgrad as lg
from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.graph import Node
from tests.running import run

TABLE = np.ones((4, 2))
ROWS = np.ones((3, 2))

WRONG: list[tuple[Callable[..., Any], tuple[Any, ...], str]] = [
    (ops.take, (TABLE, np.array([0, 4])), "index 4 is out of range for 4 rows (-1 stands for nothing)"),
    (ops.take, (TABLE, np.array([-2])), "index -2 is out of range"),
    (ops.take, (np.ones((0, 2)), np.array([0])), "index 0 is out of range for 0 rows"),
    (lambda rows, ids: ops.scatter_add(rows, ids, 2), (ROWS, np.array([0, 1, 2])), "index 2 is out of range for 2"),
    (lambda x, i: ops.take_along(x, i, 0), (ROWS, np.array([[3, 0]])), "index 3 is out of range for 3 rows"),
    (lambda x, i: ops.put_along(x, i, 1, 2), (ROWS, np.full((3, 2), 5)), "index 5 is out of range for 2 rows"),
    (ops.cross_entropy, (np.ones((2, 3)), np.array([1, 3])), "index 3 is out of range for 3 rows"),
    (ops.segment_sum, (ROWS, np.array([0, 2])), "offsets must rise from 0 to the number of rows, 3; got 0 … 2"),
    (ops.segment_max, (ROWS, np.array([1, 3])), "offsets must rise from 0"),
    (ops.segment_sum, (ROWS, np.array([0, 2, 1, 3])), "offsets must rise from 0"),
    (lambda x, o: ops.segment_repeat(x, o, 9), (ROWS, np.array([0, 1, 2, 3])), "the number of rows, 9"),
]


@pytest.mark.parametrize(("function", "arguments", "reason"), WRONG)
def test_the_interpreter_names_operation_and_line(function: Any, arguments: tuple[Any, ...], reason: str) -> None:
    def from_here(*nodes: Node) -> Node:
        result: Node = function(*nodes)
        return result

    with pytest.raises(InputError) as caught:
        run(from_here, *arguments)
    assert reason in str(caught.value)
    assert __file__ in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("function", "arguments", "reason"), WRONG)
def test_variables_name_operation_and_line(function: Any, arguments: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(InputError) as caught:
        function(*map(lg.variable, arguments))
    assert reason in str(caught.value)
    assert __file__ in str(caught.value)
