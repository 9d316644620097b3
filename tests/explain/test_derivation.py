"""``explain``: values, local derivatives, factors, paths and their sum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.errors import InputError
from lexgrad.explain.faces.text import as_text
from tests.explain.nets import SLIDE, first_example, small_net, two_layers, wide_net


def factors(path: Any) -> list[tuple[str, str, str, float]]:
    return [(as_text(factor.of), as_text(factor.wrt), as_text(factor.formula), factor.value) for factor in path.factors]


def test_the_first_example() -> None:
    L, _, b, _ = first_example()
    found = lg.explain(L, wrt=b)
    shown: list[Any] = [(step.name, as_text(step.formula), step.value, step.gradient) for step in found.steps]
    assert shown == [
        ("c", "c", -2.0, 5.0),
        ("a", "a", 3.0, -2.0),
        ("b", "b", 1.0, -4.0),
        ("d", "2 * b", 2.0, -2.0),
        ("e", "a + d", 5.0, -2.0),
        ("L", "c * e", -10.0, 1.0),
    ]
    assert found.gradients == {"a": -2.0, "b": -4.0, "c": 5.0}
    (path,) = found.paths
    assert factors(path) == [("L", "e", "c", -2.0), ("e", "d", "1", 1.0), ("d", "b", "2", 2.0)]
    assert (path.product, found.sum, found.share, found.number_of_paths) == (-4.0, -4.0, 1.0, 1)


def test_without_names_a_short_formula_is_the_label() -> None:
    a, b, c = lg.variables(a=3.0, b=1.0, c=-2.0)
    (path,) = lg.explain(c * (a + 2 * b), wrt=b).paths
    assert factors(path) == [
        ("c * (a + 2 * b)", "a + 2 * b", "c", -2.0),
        ("a + 2 * b", "2 * b", "1", 1.0),
        ("2 * b", "b", "2", 2.0),
    ]


def test_a_long_formula_is_numbered() -> None:
    names = [lg.variable(1.0, f"a_rather_long_name_{i}") for i in range(3)]
    found = lg.explain((names[0] * names[1] + names[2]) * names[2], wrt=names[0])
    assert [step.name for step in found.steps if step.kind in ("step", "target")] == ["v1", "v2", "v3"]
    assert as_text(found.target.formula) == "v2 * a_rather_long_name_2"


def test_the_five_factors_of_the_slide() -> None:
    # Erratum 1: the slide says -22.125. With a² and z¹ given, as there, the factors multiply to 9.45.
    found = lg.explain(two_layers(), wrt="W1", at=SLIDE)
    (path,) = found.paths
    assert factors(path) == [
        ("L", "a2", "(1 - y) / (1 - a2) - y / a2", pytest.approx(-0.4)),
        ("a2", "z2", "a2 * (1 - a2)", pytest.approx(-3.75)),
        ("z2", "a1", "W2", 1.5),
        ("a1", "z1", "where(z1 ≥ 0, 1, 0)", 1.0),
        ("z1", "W1", "x1", 4.2),
    ]
    assert path.product == pytest.approx(9.45)
    assert found.sum == pytest.approx(9.45)
    assert found.given == ("z1", "a2")


def test_given_values_are_not_checked_by_finite_differences() -> None:
    with pytest.raises(InputError, match=r"a2.* given"):
        lg.explain(two_layers(), wrt="W1", at=SLIDE).check()


def test_named_steps_only_or_every_operation() -> None:
    at = {"y": 0.0, "W1": 0.5, "W2": 1.5, "x1": 4.2}
    named = lg.explain(two_layers(), wrt="W1", at=at)
    every = lg.explain(two_layers(), wrt="W1", at=at, steps="all")
    assert [step.name for step in named.layers] == ["L", "a2", "z2", "a1", "z1", "W1"]
    assert {step.name for step in named.steps} < {step.name for step in every.steps}
    assert every.number_of_paths == 2  # through log(a²) and through log(1 - a²)
    assert every.sum == pytest.approx(named.sum, rel=1e-13)
    assert named.sum == pytest.approx(named.gradient, rel=1e-13)


def test_an_entry_of_an_array() -> None:
    L, parameters = small_net()
    W1 = parameters["W1"]
    found = lg.explain(L, wrt=W1[1, 2])
    assert found.entry == (1, 2)
    (path,) = found.paths
    assert [factor[:3] for factor in factors(path)] == [
        ("L", "z2", "-1 + σ(z2)"),
        ("z2", "h[2]", "W2[2]"),
        ("h[2]", "z1[2]", "1 - h[2] ** 2"),
        ("z1[2]", "W1[1, 2]", "x[1]"),
    ]
    L.backward()
    assert found.sum == pytest.approx(W1.grad[1, 2], rel=1e-13)
    assert found.check().difference < 1e-9
    assert lg.explain(L, wrt="W1[1,2]").sum == found.sum
    assert lg.explain(L, wrt=W1.T[2, 1]).entry == (1, 2)


def test_a_whole_array() -> None:
    L, parameters = small_net()
    found = lg.explain(L, wrt=parameters["W1"])
    L.backward()
    np.testing.assert_allclose(found.gradient, parameters["W1"].grad, rtol=1e-13)
    assert (found.paths, found.number_of_paths) == ((), None)
    assert [step.name for step in found.layers] == ["L", "z2", "h", "z1", "W1"]
    formulas = {as_text(edge.symbol): as_text(edge.formula) for edge in found.edges if edge.formula}
    assert formulas["∂h/∂z1"] == "1 - h ** 2"
    assert formulas["∂z2/∂h"] == "W2"
    assert formulas["∂z1/∂W1"] == "x ⊗ ∂L/∂z1"
    assert found.check().difference < 1e-9


def test_any_pair_of_nodes() -> None:
    L, _ = small_net()
    found = lg.explain(L, wrt="h[1]")
    assert found.sum == pytest.approx(lg.explain(L, wrt="h").gradient[1])
    assert lg.explain(L, wrt=L).paths[0].product == 1.0
    assert lg.explain(L, wrt="b2").sum == pytest.approx(float(lg.explain(L, wrt="z2").gradient))


def test_paths_that_meet_again() -> None:
    x = lg.variable(2.0, "x")
    found = lg.explain(lg.tanh(x) * x + x, wrt=x)
    t = np.tanh(2.0)
    assert found.number_of_paths == 3
    assert sorted(path.product for path in found.paths) == pytest.approx(sorted([1.0, t, 2 * (1 - t * t)]))
    assert found.sum == pytest.approx(found.gradient)


def test_an_operation_on_one_node_twice_is_one_factor() -> None:
    x = lg.variable(3.0, "x")
    (path,) = lg.explain((x * x).named("L"), wrt=x).paths
    assert factors(path) == [("L", "x", "2 * x", 6.0)]


def test_very_many_paths_are_counted_and_the_largest_found() -> None:
    x = lg.variable(1.0, "x")
    y: Any = x
    for _ in range(60):
        y = 0.25 * lg.sin(y) + 0.5 * y
    found = lg.explain(y, wrt=x, paths=3)
    assert found.number_of_paths == 2**60
    assert found.sum == pytest.approx(found.gradient, rel=1e-12)
    assert len(found.paths) == 3
    assert found.paths[0].product >= found.paths[1].product >= found.paths[2].product > 0


def test_a_wide_net_is_explained_by_its_layers_and_largest_paths() -> None:
    L, W1 = wide_net()
    found = lg.explain(L, wrt=W1[0, 0])
    assert [step.name for step in found.layers] == ["L", "z3", "a2", "z2", "a1", "z1", "W1"]
    assert found.number_of_paths == 200 * 10
    assert len(found.paths) == 8
    magnitudes = [abs(path.product) for path in found.paths]
    assert magnitudes == sorted(magnitudes, reverse=True)
    L.backward()
    assert found.sum == pytest.approx(W1.grad[0, 0], rel=1e-10)
    assert found.share == pytest.approx(sum(path.product for path in found.paths) / found.sum)
    # The largest of all, found by going through all of them.
    steps: dict[str, Any] = {step.name: step for step in found.steps}
    through = steps["z3"].gradient[None, :] * steps["W3"].value  # (200, 10)
    through *= ((1 - steps["a2"].value ** 2) * steps["W2"].value[0])[:, None]
    through *= (1 - steps["a1"].value[0] ** 2) * steps["x"].value[0]
    expected = np.sort(np.abs(through).ravel())[::-1][:8]
    assert magnitudes == pytest.approx(expected.tolist(), rel=1e-10)


def test_what_cannot_be_written_down_is_aggregated() -> None:
    x = lg.variable(np.linspace(0, 1, 2000), "x")
    found = lg.explain(lg.sum(lg.tanh(lg.softmax(lg.softmax(x)))), wrt=x[0], steps="all")
    assert found.sum == pytest.approx(found.gradient)
    assert found.number_of_paths is None or found.number_of_paths > 1


def test_a_dead_unit_is_a_factor_of_zero() -> None:
    W, x = lg.variables(W=-1.0, x=2.0)
    (path,) = lg.explain((3.0 * lg.relu((W * x).named("z")).named("a")).named("L"), wrt=W).paths
    assert [factor.value for factor in path.factors] == [3.0, 0.0, 2.0]
    assert path.product == 0.0


def test_what_the_target_does_not_depend_on_has_no_gradient() -> None:
    a, b, c = lg.variables(a=1.0, b=2.0, c=3.0)
    with pytest.raises(InputError, match="does not depend on"):
        lg.explain(a * b, wrt=c)
    assert lg.explain(a * b + lg.stop_gradient(c)).gradients == {"a": 2.0, "b": 1.0, "c": 0.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"wrt": "d"}, r"nothing called 'd'.*a, b, c"),
        ({"wrt": "a[0]"}, "a has 0 axes"),
        ({"steps": "some"}, "steps is"),
        ({"paths": 0}, "at least 1"),
        ({"at": {"q": 1.0}}, "nothing called 'q'"),
    ],
)
def test_mistakes(arguments: dict[str, Any], message: str) -> None:
    a, b, c = lg.variables(a=1.0, b=2.0, c=3.0)
    with pytest.raises(InputError, match=message):
        lg.explain((a * b * c).named("L"), **arguments)


def test_a_graph_needs_values() -> None:
    target = two_layers()
    with pytest.raises(InputError, match="has no value yet"):
        lg.explain(target, at={"y": 1.0})
    with pytest.raises(InputError, match=r"W1\[9\]|axes"):
        lg.explain(target, wrt="W1[9]", at={"y": 1.0, "W1": 1.0, "W2": 1.0, "x1": 1.0})


def test_named_sizes_are_numbers_in_a_derivation() -> None:
    batch = lg.Dim("batch")
    graph = lg.trace(lambda x, w: lg.mean(lg.square(x @ w)), lg.Type("float", (batch, 3)), lg.Type("float", (3,)))
    x = np.arange(6.0).reshape(2, 3)
    found = lg.explain(graph.outputs["out"], wrt="w[1]", at={"x": x, "w": [1.0, -1.0, 0.5]})
    assert found.sum == pytest.approx(float((x.T @ (x @ [1.0, -1.0, 0.5]))[1]))
    assert found.check().difference < 1e-8


def test_a_target_that_is_no_number() -> None:
    x = lg.variable([1.0, 2.0], "x")
    with pytest.raises(InputError, match="scalar"):
        lg.explain(x * 2.0, wrt=x)


def recurrent(length: int) -> tuple[Any, dict[str, Any]]:
    generator = np.random.default_rng(0)
    W_h, W_e = (lg.variable(generator.normal(size=size), name) for name, size in (("W_h", (3, 3)), ("W_e", (2, 3))))
    h_0, x = lg.variable(np.zeros(3), "h_0"), lg.variable(generator.normal(size=(length, 2)), "x")

    def step(h: Any, e: Any) -> Any:
        h = lg.tanh(e @ W_e + h @ W_h)
        return h, h

    last, states = lg.scan(step, h_0, x)
    return (lg.sum(lg.square(states)) + lg.sum(last)).named("J"), {"W_h": W_h, "x": x}


def test_a_loop_is_written_out() -> None:
    J, parameters = recurrent(4)
    found = lg.explain(J, wrt=parameters["W_h"][0, 1], paths=40)
    assert [step.name for step in found.layers] == ["J", "h_4", "h_3", "h_2", "h_1", "W_h"]
    assert found.number_of_paths is not None
    assert sum(path.product for path in found.paths) == pytest.approx(found.gradient, rel=1e-12)
    assert found.check().difference < 1e-8
    J.backward()
    assert found.gradient == pytest.approx(parameters["W_h"].grad[0, 1], rel=1e-12)


def test_a_loop_without_steps_and_one_too_long() -> None:
    J, parameters = recurrent(0)
    assert lg.explain(J, wrt=parameters["W_h"][0, 1]).sum == 0.0
    J, parameters = recurrent(600)
    with pytest.raises(InputError, match="600 steps is too long"):
        lg.explain(J, wrt=parameters["W_h"][0, 1])
