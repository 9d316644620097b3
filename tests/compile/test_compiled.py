"""``lexgrad.compile`` for people: a function in, a function of the same arguments out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.compile import Program
from lexgrad.errors import InputError

N = lg.Dim("n")


def layer(parameters: dict[str, Any], x: Any) -> dict[str, Any]:
    """A layer, and a few things in a tree."""
    return {"y": lg.tanh(x @ parameters["W"] + parameters["b"]), "rest": [lg.sum(x), None, (x, 2.0)]}


PARAMETERS = {"W": np.ones((3, 2)), "b": np.array([0.0, 1.0])}
TYPES = {"W": lg.Type("float", (3, 2)), "b": lg.Type("float", (2,))}


def check(result: dict[str, Any], x: Any) -> None:
    """The tree that ``layer`` returns, by NumPy."""
    np.testing.assert_allclose(result["y"], np.tanh(x @ PARAMETERS["W"] + PARAMETERS["b"]), rtol=1e-6)
    total, nothing, (same, number) = result["rest"]
    assert total == x.sum()
    assert nothing is None
    np.testing.assert_array_equal(same, x)
    assert number == 2.0


def test_the_first_call_compiles_and_trees_go_in_and_come_out() -> None:
    compiled = lg.compile(layer)
    x = np.arange(6.0).reshape(2, 3)
    check(compiled(PARAMETERS, x), x)
    program = compiled.program
    check(compiled(PARAMETERS, x + 1.0), x + 1.0)
    assert compiled.program is program
    check(compiled(PARAMETERS, x[:1]), x[:1])  # another shape, another program
    assert compiled.program is not program
    check(compiled(PARAMETERS, x), x)
    assert compiled.program is program


def test_named_sizes_vary_freely() -> None:
    compiled = lg.compile(layer, TYPES, lg.Type("float", (N, 3)), threads=2)
    program = compiled.program
    for rows in (0, 1, 7):
        x = np.ones((rows, 3))
        check(compiled(PARAMETERS, x), x)
    assert compiled.program is program
    assert compiled.graph.input_types["x"] == lg.Type("float", (N, 3))


def test_precision_and_results() -> None:
    x = np.linspace(0, 1, 5)
    for precision, dtype in ("fp32", np.float32), ("fp64", np.float64):
        found = lg.compile(lg.exp, precision=precision)(x)  # type: ignore[arg-type]
        assert found.dtype == dtype
        np.testing.assert_allclose(found, np.exp(x), rtol=float(np.finfo(dtype).eps) * 4)
    assert lg.compile(lambda x, k: x * k)(2.0, 3) == 6.0
    assert lg.compile(lambda i: i > 2)(3).dtype == np.bool_


def test_gradients_dataclasses_and_variables() -> None:
    @dataclass
    class Point:
        x: Any
        y: Any

    compiled = lg.compile(lambda p: Point(p.y, lg.grad(lambda x: lg.sum(x**2.0))(p.x)), precision="fp64")
    found = compiled(Point(np.arange(3.0), lg.variable(np.ones(2))))
    assert isinstance(found, Point)
    np.testing.assert_array_equal(found.x, [1.0, 1.0])
    np.testing.assert_array_equal(found.y, [0.0, 2.0, 4.0])


def test_it_can_be_looked_at() -> None:
    @lg.compile
    def twice(x: Any) -> Any:
        """Two times x."""
        return x * 2.0

    assert (twice.__name__, twice.__doc__) == ("twice", "Two times x.")  # type: ignore[attr-defined]
    assert repr(twice) == "<compiled twice: not called yet>"
    twice(np.ones(3))
    assert repr(twice).startswith("<compiled twice: <graph twice: 1 inputs")
    assert isinstance(twice.program, Program)
    assert "* 2)" in twice.pseudocode
    assert "define void @program" in twice.llvm
    assert "program:" in twice.assembly
    assert twice.memory_plan().startswith("0 bytes of scratch memory")


def test_a_memory_plan_needs_the_named_sizes() -> None:
    def spread(x: Any) -> Any:
        return lg.softmax(lg.exp(x) @ x.T)

    compiled = lg.compile(spread, lg.Type("float", (N, 3)))
    with pytest.raises(InputError, match=r"depends on n: memory_plan.n=…"):
        compiled.memory_plan()
    sizes = [int(compiled.memory_plan(n=n).split()[0]) for n in (0, 10, 100)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("name", ["pseudocode", "llvm", "assembly", "graph", "program"])
def test_before_the_first_call_there_is_nothing_to_see(name: str) -> None:
    with pytest.raises(InputError, match="nothing is compiled yet: call it once"):
        getattr(lg.compile(layer), name)


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="precision is one of fp32, fp64, bf16; got 'fp16'"):
        lg.compile(layer, precision="fp16")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="at least 1 thread; got 0"):
        lg.compile(layer, threads=0)
    compiled = lg.compile(layer, TYPES, lg.Type("float", (N, 3)))
    x = np.ones((2, 3))
    message = (
        r"layer was compiled for the arguments parameters.W, parameters.b, x; got \d arrays in another arrangement"
    )
    for arguments in ([PARAMETERS], [[1, 2], x], [{"W": x, "c": x}, x], [PARAMETERS, x, x]):
        with pytest.raises(InputError, match=message):
            compiled(*arguments)
    with pytest.raises(InputError, match=r"input 'x' should be float\[n, 3\]; got shape \(2, 4\)"):
        compiled(PARAMETERS, np.ones((2, 4)))
    with pytest.raises(InputError, match="a traced function returns nodes, numbers or arrays"):
        lg.compile(lambda x: "x")(1.0)
