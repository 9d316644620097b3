"""How accurate the compiled functions of one number are, against NumPy's in float64, over all that fp32 can hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program
from lexgrad.compile.machine import limited
from lexgrad.graph import Dim
from tests.compile.running import PROCESSORS, Array, graph_of, reals, whole

ACCURACY = 1e-6
"""The relative error that is promised; below the smallest normal number, an absolute one of the smallest there is."""


def _sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


def _softplus(x: Array) -> Array:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[[Array], Array]]] = {
    "exp": (ops.exp, np.exp),
    "log": (ops.log, np.log),
    "tanh": (ops.tanh, np.tanh),
    "sigmoid": (ops.sigmoid, _sigmoid),
    "softplus": (ops.softplus, _softplus),
    "sqrt": (ops.sqrt, np.sqrt),
    "sin": (ops.sin, np.sin),
    "cos": (ops.cos, np.cos),
}
NAN, INF = np.nan, np.inf
TINY = 2.0**-149  # the smallest number of fp32
AT = np.array([INF, -INF, NAN, 0.0, -0.0, -TINY])
SPECIAL: dict[str, list[float]] = {
    "exp": [INF, 0.0, NAN, 1.0, 1.0, 1.0],
    "log": [INF, NAN, NAN, -INF, -INF, NAN],
    "tanh": [1.0, -1.0, NAN, 0.0, -0.0, -TINY],
    "sigmoid": [1.0, 0.0, NAN, 0.5, 0.5, 0.5],
    "softplus": [INF, 0.0, NAN, np.log(2.0), np.log(2.0), np.log(2.0)],
    "sqrt": [INF, NAN, NAN, 0.0, -0.0, NAN],
    "sin": [NAN, NAN, NAN, 0.0, -0.0, -TINY],
    "cos": [NAN, NAN, NAN, 1.0, 1.0, 1.0],
}
"""What each function is at the numbers ``AT``."""


def all_sizes_of_numbers() -> Array:
    """Numbers of every size and both signs, dense where functions bend, and around where they overflow."""
    wide = np.geomspace(TINY, 3.4e38, 40_001)
    edges = [88.72283, 88.72284, -87.33655, -87.33654, -103.27893, -103.97208, 0.625, -0.625, 2**-126, 3.4028235e38]
    near_one = 1.0 + np.linspace(-1e-3, 1e-3, 10_001)
    parts: list[Any] = [wide, -wide, np.linspace(-110, 110, 100_001), np.linspace(-2, 2, 40_001), near_one, edges]
    return np.concatenate(parts).astype(np.float32)


def program_of_all(limit: str) -> Program:
    """Every function of one input."""
    graph = graph_of(lambda x: {name: own(x) for name, (own, _) in FUNCTIONS.items()}, x=reals(Dim("n")))
    return Program(graph, "fp32", processor=limited(limit))


@pytest.mark.parametrize("limit", PROCESSORS)
def test_the_error_is_within_what_is_promised(limit: str) -> None:
    x = all_sizes_of_numbers()
    found = program_of_all(limit).run({"x": x})
    with np.errstate(all="ignore"):
        for name, (_, exactly) in FUNCTIONS.items():
            exact = exactly(x.astype(np.float64))
            nearest = exact.astype(np.float32)
            finite = np.isfinite(nearest)
            np.testing.assert_array_equal(found[name][~finite], nearest[~finite], err_msg=name)
            error = np.abs(found[name][finite] - exact[finite])
            allowed = np.maximum(ACCURACY * np.abs(exact[finite]), 1.5 * TINY)
            worst = np.argmax(error - allowed)
            assert error[worst] <= allowed[worst], (name, x[finite][worst], found[name][finite][worst])


@pytest.mark.parametrize("precision", ["fp32", "fp64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_numbers(name: str, precision: Any) -> None:
    graph = graph_of(FUNCTIONS[name][0], x=reals(Dim("n")))
    found = Program(graph, precision).run({"x": np.tile(AT, 5)})["out"].reshape(5, -1)
    np.testing.assert_allclose(found, np.tile(SPECIAL[name], (5, 1)), rtol=1e-6)


def test_vectors_and_what_is_left_over_are_computed_alike() -> None:
    program = program_of_all("")
    x = np.random.default_rng(0).normal(size=200).astype(np.float32) * 5
    together = program.run({"x": x})
    for length in (1, 3, 7, 17, 33, 100):
        for name, value in program.run({"x": x[:length]}).items():
            assert value.tobytes() == together[name][:length].tobytes(), (name, length)


def test_whole_numbers_wrap_around_and_casts_stop_at_the_ends() -> None:
    def outputs(i: Any, x: Any) -> dict[str, Any]:
        return {"sum": i + i, "product": i * i, "minus": -i, "size": ops.absolute(i), "cast": ops.cast(x, "int")}

    graph = graph_of(outputs, i=whole(6), x=reals(6))
    i = np.array([2**62, -(2**63), 2**63 - 1, 3, -3, 0])
    x = np.array([1.9, -1.9, 1e30, -1e30, NAN, INF])
    found = Program(graph, "fp64").run({"i": i, "x": x})
    with np.errstate(over="ignore"):
        for name, value in {"sum": i + i, "product": i * i, "minus": -i, "size": np.abs(i)}.items():
            np.testing.assert_array_equal(found[name], value)
    assert found["cast"].tolist() == [1, -1, 2**63 - 1, -(2**63), 0, 2**63 - 1]


def test_constants_beyond_fp32_are_infinite() -> None:
    graph = graph_of(lambda x: {"up": x * 1e300, "down": x * -1e39, "most": x * 3.4028235e38}, x=reals(2))
    found = Program(graph, "fp32").run({"x": np.ones(2)})
    assert found["up"].tolist() == [INF, INF]
    assert found["down"].tolist() == [-INF, -INF]
    assert np.isfinite(found["most"]).all()
