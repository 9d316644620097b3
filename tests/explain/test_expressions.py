"""Typed expressions: what they mean, and that nothing hostile gets anywhere."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lexgrad as lg
from lexgrad.errors import InputError
from lexgrad.explain.expressions import FUNCTIONS, parse_expression, parse_value

AT: dict[str, Any] = {
    "a": np.array(3.0),
    "b": np.array(1.0),
    "c": np.array(-2.0),
    "x": np.array([0.5, -1.0]),
    "W": np.array([[1.0, 2.0], [3.0, 4.0]]),
}


def value(text: str, **more: Any) -> float:
    at = AT | {name: np.asarray(number, float) for name, number in more.items()}
    node = parse_expression(text, at)
    used = {n.name for n in lg.Graph({n.name: n for n in _inputs(node)}, {"out": node}).inputs.values()}
    return float(lg.explain(node, at={name: at[name] for name in used}).target.value)


def _inputs(node: Any) -> list[Any]:
    found, stack, seen = [], [node], set()
    while stack:
        part = stack.pop()
        if part not in seen:
            seen.add(part)
            stack.extend(part.inputs)
            found += [part] if part.primitive.name == "input" else []
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L = c*(a + 2*b)", -10.0),
        ("d = 2*b; e = a + d; L = c*e", -10.0),
        ("d = 2*b\ne = a + d\nc*e", -10.0),
        ("a - b - c", 4.0),
        ("a - (b - c)", 0.0),
        ("-a**2", -9.0),
        ("2**-1 * a", 1.5),
        ("2**3**2 * b", 512.0),
        ("a / 2 / 3", 0.5),
        ("+a", 3.0),
        ("exp(0*a) + log(b) + sqrt(4*b) + abs(c)", 5.0),
        ("sigmoid(0*a) + σ(0*a) + tanh(0*a) + relu(c) + ReLU(a)", 4.0),
        ("sin(pi*b/2) + cos(0*a)", 2.0),
        ("max(a, b) + min(a, b) + max(x) + min(x)", 3.5),
        ("sum(x @ W) + mean(W) + sum(W.T @ x)", -8.5),
        ("x @ x", 1.25),
        ("W[1, 0] + W[0][1] + sum(W[:, 1]) + x[-1]", 10.0),
        ("sum([a, b, c] * [1, 2, 3])", -1.0),
        ("sum([[a, b], [b, c]] @ [1, 1])", 3.0),
        ("where(a > b, a, b) + where(a <= b, a, b)", 4.0),
        ("sum(softmax(x)) + exp(sum(log_softmax(x) * [1, 0]) - log_softmax(x)[0])", 2.0),
        ("logsumexp(x) - x[1] - cross_entropy(x, 1)", 0.0),
        ("binary_cross_entropy(a, 1) - softplus(a) + a", 0.0),
        ("square(a) + transpose(W)[0, 1]", 12.0),
        ("y = a; y + a", 6.0),
    ],
)
def test_what_it_means(text: str, expected: float) -> None:
    assert value(text) == pytest.approx(expected, abs=1e-12)


def test_names_are_kept_and_unknown_ones_are_inputs() -> None:
    node = parse_expression("d = 2*b; L = a + d", {})
    assert node.name == "L"
    assert {n.name for n in _inputs(node)} == {"a", "b"}
    assert node.inputs[1].name == "d"


def test_the_first_example_with_the_documented_numbers() -> None:
    found = lg.explain(parse_expression("L = c*(a + 2*b)", {}), "b", at={"a": 3.0, "b": 1.0, "c": -2.0})
    assert found.gradients == {"a": -2.0, "b": -4.0, "c": 5.0}
    assert found.sum == -4.0


HOSTILE = [
    "__import__('os').system('true')",
    "L = __import__",
    "().__class__.__bases__",
    "a.__class__",
    "a.shape",
    "(lambda: 1)()",
    "[x for x in [1]]",
    "{'a': 1}",
    "{1, 2}",
    "(1, 2)",
    "f'{a}'",
    "'text'",
    "b'bytes'",
    "1j * a",
    "True",
    "None",
    "...",
    "open('x')",
    "eval('1')",
    "exec('1')",
    "print(a)",
    "a if b else c",
    "a and b",
    "not a",
    "~a",
    "a % b",
    "a // b",
    "a << b",
    "a | b",
    "a == b",
    "a < b < c",
    "a in b",
    "(y := 3)",
    "import os",
    "from os import path",
    "def f(): pass",
    "class A: pass",
    "while True: pass",
    "for x in a: pass",
    "del a",
    "assert a",
    "a = b = 3",
    "a, b = 3",
    "a[0] = 3",
    "a.b = 3",
    "a += 3",
    "L: int = 3",
    "await a",
    "yield a",
    "*a",
    "sum(*a)",
    "sum(a, axis=0)",
    "sum()",
    "exp(a, b)",
    "exp",
    "exp = 3",
    "a(3)",
    "a.T()",
    "W['0']",
    "W[a]",
    "W[0.5]",
    "W[1, 2, 3]",
    "x[5]",
    "[]",
    "[[1, 2], [3]]",
    "x @ [1, 2, 3]",
    "9**9**9",
    "9**9**9**9 * a",
    "a**1e9",
    "a**(10*1000)",
    "(0-8)**0.5",
    "0**-1",
    "10**400",
    "1e999",
    "1/0",
    "9" * 1000,
    "9" * 3999,
    "(" * 101 + "a" + ")" * 101,
    "(" * 1000,
    "-" * 1000 + "a",
    "- " * 1000 + "a",
    "[" * 101 + "1" + "]" * 101,
    "a" + "+a" * 1500,
    "sin(" * 99 + "a" + ")" * 99 + "+" + "-(" * 99,
    "a" * 1_000_000,
    "(" * 1_000_000,
    "1+" * 500_000 + "1",
    "",
    "   ",
    "L =",
    "a b",
    "\x00",
    "a\x00b",
    "_hidden",
    "n" * 51,
    "a = 1; a = 2",
    "a; b",
    "# only a comment",
    "a = a + 1",
    "ａ.__class__",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:30])
def test_hostile_expressions_are_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        value(text)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "text", ["a", "[1, x]", "__import__('os')", "[[1, 2], [3]]", "1+1", "'3'", "1e999", "nan", "", "x=3"]
)
def test_values_are_numbers_and_lists(text: str) -> None:
    with pytest.raises(InputError):
        parse_value(text, "a")


def test_a_matrix_of_numbers_is_one_constant() -> None:
    node = parse_expression("sum([[1, 2], [3, 4]] @ W)", AT)
    product = node.inputs[0]
    assert product.inputs[0].attributes["value"] == ((1.0, 2.0), (3.0, 4.0))


def test_values() -> None:
    assert parse_value(" -2 ", "a") == -2.0
    assert parse_value("[[1, -2.5], [+3, 4e1]]", "W").tolist() == [[1.0, -2.5], [3.0, 40.0]]


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        parse_expression(text, AT)


@given(st.text("abcxWL0123456789+-*/@()[],.=;: <>TsinexpQ_'\"\n", max_size=40))
def test_what_looks_like_an_expression_is_one_or_refused(text: str) -> None:
    try:
        node = parse_expression(text, AT)
    except InputError:
        return
    assert {part.name for part in _inputs(node)} <= set("abcxWLTsinexpQ") | {
        part.name for part in _inputs(node) if part.name.isidentifier()
    }


def test_every_function_is_tried() -> None:
    tried = " ".join(parameter for parameter in _expressions())
    assert all(f"{name}(" in tried for name in FUNCTIONS)


def _expressions() -> list[str]:
    (mark,) = [mark for mark in test_what_it_means.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]
    return [text for text, _ in mark.args[1]]
