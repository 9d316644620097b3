"""Law: the typing rule says what the value is: its kind of number and its shape, in every precision."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from lexgrad.evaluate import Interpreter, Precision
from lexgrad.ops import type_of
from tests.laws.cases import ALL, Case

WIDTHS = {"fp64": np.float64, "fp32": np.float32, "bf16": np.float32}


@pytest.mark.parametrize("case", ALL)
@pytest.mark.parametrize("precision", get_args(Precision))
def test_the_type_is_the_type_of_the_value(case: Case, precision: Precision) -> None:
    graph = case.graph()
    value = Interpreter(graph, precision)(**case.values)["out"]
    declared = graph.outputs["out"].type
    assert type_of(value) == declared
    assert value.dtype == {"float": WIDTHS[precision], "int": np.int64, "bool": np.bool_}[declared.dtype]


@pytest.mark.parametrize("case", ALL)
def test_the_meaning_itself_has_that_type(case: Case) -> None:
    value = case.primitive.evaluate(*case.arrays, **case.sample.attributes)
    assert type_of(value) == case.graph().outputs["out"].type


@pytest.mark.parametrize("case", ALL)
def test_the_meaning_keeps_fp32(case: Case) -> None:
    arrays = [array.astype(np.float32) if array.dtype.kind == "f" else array for array in case.arrays]
    if not any(array.dtype == np.float32 for array in arrays) or case.primitive.name == "cast":
        pytest.skip("takes no floats, or changes the kind of number")
    value = np.asarray(case.primitive.evaluate(*arrays, **case.sample.attributes))
    assert value.dtype != np.float64


@pytest.mark.parametrize("case", ALL)
def test_the_meaning_leaves_its_inputs_alone(case: Case) -> None:
    arrays = case.arrays
    case.primitive.evaluate(*arrays, **case.sample.attributes)
    for before, after in zip(case.arrays, arrays, strict=True):
        np.testing.assert_array_equal(before, after)
