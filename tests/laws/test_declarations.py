"""Law: a primitive is declared whole: samples, notation, and for every input a derivative or a stated None."""

from __future__ import annotations

import pytest

from lexgrad.errors import ShapeError
from lexgrad.graph import PRIMITIVES, Primitive, Type, formula, register
from tests.laws.cases import ALL, WITHOUT_SAMPLES, Case

BY_NAME = [pytest.param(primitive, id=name) for name, primitive in PRIMITIVES.items()]

FLAT = {
    "sign": "constant almost everywhere",
    "stop_gradient": "a constant to whoever differentiates: that is what it is for",
}
"""Primitives of floats that give floats and yet have no derivative, and why."""


@pytest.mark.parametrize("primitive", BY_NAME)
def test_every_primitive_has_samples(primitive: Primitive) -> None:
    assert bool(primitive.samples) != (primitive.name in WITHOUT_SAMPLES)


@pytest.mark.parametrize("primitive", BY_NAME)
def test_every_primitive_has_a_notation(primitive: Primitive) -> None:
    assert primitive.notation
    assert 1 <= primitive.precedence <= 9


@pytest.mark.parametrize("case", ALL)
def test_every_input_has_a_rule_or_a_stated_none(case: Case) -> None:
    inputs = len(case.sample.inputs)
    many = case.primitive.vjp_of is not None or case.primitive.vjp_all is not None
    assert many or len(case.primitive.vjp) == inputs


@pytest.mark.parametrize("case", ALL)
def test_only_floats_have_rules_and_all_floats_have_them(case: Case) -> None:
    graph = case.graph()
    for i, node in enumerate(graph.inputs.values()):
        real = node.type.dtype == "float" and graph.outputs["out"].type.dtype == "float"
        ruled = case.primitive.rule(i) is not None or case.primitive.vjp_all is not None
        if case.primitive.name in FLAT:
            assert not ruled
        elif case.primitive.vjp_of is None and case.primitive.vjp_all is None and node.type.dtype != "float":
            assert not (ruled and graph.outputs["out"].type.dtype == "float")
        elif real:
            assert ruled


@pytest.mark.parametrize("case", ALL)
def test_the_notation_fits_the_inputs_and_attributes(case: Case) -> None:
    text = formula(case.graph().outputs["out"])
    assert "{" not in text
    for name in case.float_inputs:  # offsets go without saying in "the sum of each text"
        assert name in text or "…" in text


@pytest.mark.parametrize("case", ALL)
def test_one_input_more_or_less_is_refused(case: Case) -> None:
    types = list(case.graph().input_types.values())
    wrong = [types[:-1]] if types else []
    if case.primitive.vjp_of is None:
        wrong.append([*types, *(types[-1:] or [Type("float")])])
    elif len(types) > 1:
        wrong = []  # as many inputs as one likes
    for inputs in wrong:
        with pytest.raises((TypeError, ShapeError)):
            case.primitive.typing(*inputs, **case.sample.attributes)


def test_two_primitives_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two primitives called 'add'"):
        register(Primitive("add", lambda x: x, lambda x: x))
