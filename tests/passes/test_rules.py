"""Every rule fires on the example beside it, and what it makes of it has the same type and the same value."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lexgrad.evaluate import evaluate
from lexgrad.graph import PRIMITIVES, Graph, RewriteRule, check, parse, rewrite
from lexgrad.passes import FAMILIES, RULES
from lexgrad.passes.folding import KEPT
from tests.comparing import assert_same_values

CASES = [pytest.param(rule, id=f"{family}: {rule.name}") for family, rules in FAMILIES.items() for rule in rules]


def values_for(graph: Graph, seed: int) -> dict[str, NDArray[Any]]:
    """Random values; ints are ids of three rows or -1, or offsets of three rows where the graph has segments."""
    generator = np.random.default_rng(seed)
    segments = any(node.primitive.name.startswith("segment") for node in graph.nodes)
    values: dict[str, NDArray[Any]] = {}
    for name, type in graph.input_types.items():
        shape = [size for size in type.shape if isinstance(size, int)]
        values[name] = {
            "float": generator.normal(size=shape),
            "int": np.array([0, seed % 3, 3]) if segments else generator.integers(-1, 3, shape),
            "bool": generator.uniform(size=shape) < 0.5,
        }[type.dtype]
    return values


@pytest.mark.parametrize("rule", CASES)
def test_it_fires_on_its_example_and_keeps_type_and_value(rule: RewriteRule) -> None:
    assert rule.example is not None
    graph = check(rule.example())
    after, firings = rewrite(graph, [rule])
    assert [firing.rule for firing in firings], "the rule fires on nothing"
    check(after)
    assert after.output_types == graph.output_types
    assert str(parse(str(after))) == str(after)
    for seed in range(4):
        values = values_for(graph, seed)
        assert_same_values(evaluate(after, values), evaluate(graph, values), 1e-12)


def test_no_two_rules_have_one_name() -> None:
    counted = Counter(rule.name for rule in RULES)
    assert [name for name, count in counted.items() if count > 1] == []


def test_every_rule_is_for_a_primitive_that_there_is() -> None:
    assert {rule.primitive for rule in RULES} <= set(PRIMITIVES)


def test_nothing_that_makes_much_of_little_is_folded() -> None:
    assert {"broadcast", "iota", "random_uniform"} <= KEPT
