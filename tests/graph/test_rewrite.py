"""The rewrite driver."""

from __future__ import annotations

import pytest

import lexgrad as lg
from lexgrad.errors import LexgradError
from lexgrad.evaluate import evaluate
from lexgrad.graph import Graph, Node, RewriteRule, Type, check, formula, input_node, rewrite
from lexgrad.ops.lifting import scalar_constant

X = input_node("x", Type("float"))
Y = input_node("y", Type("float"))


def of(node: Node) -> Graph:
    return Graph({"x": X, "y": Y}, {"out": node})


def times_one(node: Node) -> Node | None:
    x, y = node.inputs
    return x if scalar_constant(y) == 1.0 else None


def double_negative(node: Node) -> Node | None:
    (x,) = node.inputs
    return x.inputs[0] if x.primitive.name == "negative" else None


def minus(node: Node) -> Node:
    x, y = node.inputs
    return x + (-y)


ONE = RewriteRule("x*1 → x", "multiply", times_one)
NEGATIVE = RewriteRule("--x → x", "negative", double_negative)
MINUS = RewriteRule("x-y → x+(-y)", "subtract", minus)


def test_a_rule_fires_everywhere_and_says_so() -> None:
    graph = of((X * 1.0) * 1.0 + Y)
    result, firings = rewrite(check(graph), [ONE])
    assert formula(check(result).outputs["out"]) == "x + y"
    assert [firing.rule for firing in firings] == ["x*1 → x", "x*1 → x"]
    assert firings[0].after is X
    assert formula(graph.outputs["out"]) == "x * 1 * 1 + y"


def test_nodes_that_a_rule_makes_are_rewritten_too() -> None:
    result, firings = rewrite(of(X - (-Y)), [MINUS, NEGATIVE])
    assert formula(check(result).outputs["out"]) == "x + y"
    assert [firing.rule for firing in firings] == ["x-y → x+(-y)", "--x → x"]
    assert evaluate(result, {"x": 1.0, "y": 2.0})["out"] == 3.0


def test_names_carry_over() -> None:
    result, _ = rewrite(of(lg.tanh((X - Y).named("difference"))), [MINUS])
    assert formula(result.outputs["out"]) == "tanh(difference)"
    assert formula(result.outputs["out"].inputs[0]) == "x + -y"


def test_an_output_can_become_an_input() -> None:
    result, _ = rewrite(of(X * 1.0), [ONE])
    assert check(result).outputs["out"] is X


def test_rules_that_undo_each_other_are_found() -> None:
    there = RewriteRule("x+y → y+x", "add", lambda node: node.inputs[1] + node.inputs[0])
    with pytest.raises(LexgradError, match=r"rewriting does not end: 100 rules fired in a row, the last 'x\+y → y\+x'"):
        rewrite(of(X + Y), [there])


def test_rules_that_grow_for_ever_are_found() -> None:
    grow = RewriteRule("sin x → tanh sin x", "sin", lambda node: lg.tanh(lg.sin(node.inputs[0])))
    with pytest.raises(LexgradError, match="rewriting does not end: still firing after 5 rounds"):
        rewrite(of(lg.sin(X)), [grow], limit=5)


def test_what_moves_a_node_a_round_comes_to_its_end_in_deep_graphs() -> None:
    def outwards(node: Node) -> Node | None:
        """-f(x) → f(-x), behind what the round has done already."""
        (inner,) = node.inputs
        return lg.tanh(Node.__neg__(inner.inputs[0])) if inner.primitive.name == "tanh" else None

    deep: Node = X
    for _ in range(30):
        deep = lg.tanh(deep)
    after, firings = rewrite(of(-deep), [RewriteRule("-tanh x → tanh -x", "negative", outwards)], limit=5)
    assert len(firings) == 30
    assert [node.inputs for node in after.nodes if node.primitive.name == "negative"] == [(X,)]


def test_a_rule_must_keep_the_type() -> None:
    wrong = RewriteRule("wrong", "sin", lambda node: lg.broadcast_to(node.inputs[0], (2,)))
    with pytest.raises(LexgradError, match=r"rule 'wrong' makes broadcast: float\[2\] of sin: float\[\]"):
        rewrite(of(lg.sin(X)), [wrong])


def test_a_deep_chain_needs_no_recursion() -> None:
    node = X
    for _ in range(20_000):
        node = node * 1.0
    result, firings = rewrite(of(node), [ONE])
    assert result.outputs["out"] is X
    assert len(firings) == 20_000
