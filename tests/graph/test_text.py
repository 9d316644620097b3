"""The text form: what it looks like, and how the parser says what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lexgrad as lg
from lexgrad.errors import InputError
from lexgrad.evaluate import evaluate
from lexgrad.grad import differentiate
from lexgrad.graph import Dim, Graph, Node, Type, check, constant_node, input_node, parse, print_graph
from lexgrad.ops import constant

EXAMPLE = """\
graph example(a: float[], b: float[batch, 3]) {
  two: float[] = constant(value=2.0)
  %3: float[] = multiply(a, two)
  total: float[] = sum(b, axes=(0, 1))
  %5: float[] = add(%3, total)
  return out=%5, `the total`=total
}"""


def test_what_it_looks_like() -> None:
    a, b = input_node("a", Type("float")), input_node("b", Type("float", (Dim("batch"), 3)))
    two = constant(2.0).named("two")
    total = lg.sum(b).named("total")
    graph = Graph({"a": a, "b": b}, {"out": a * two + total, "the total": total}, "example")
    assert str(graph) == EXAMPLE


def test_reading_it_back() -> None:
    graph = check(parse(EXAMPLE))
    assert str(graph) == EXAMPLE
    assert graph.outputs["out"].inputs[1].name == "total"
    assert evaluate(graph, {"a": 3.0, "b": [[1.0, 2.0, 3.0]]})["out"] == 12.0


def test_comments_and_white_space_do_not_matter() -> None:
    text = "# a graph\ngraph\tg ( a : float [ n , 2 * n + 1 ] ) { # nothing\r\n return out = a , }"
    with pytest.raises(InputError, match="expected a name, found '}'"):
        parse(text)
    assert str(parse(text.replace(", }", "}"))) == "graph g(a: float[n, 2*n+1]) {\n  return out=a\n}"


def test_origins_are_comments() -> None:
    a = input_node("a", Type("float"))
    graph = differentiate(Graph({"a": a}, {"out": lg.tanh(a)}))
    text = print_graph(graph, origins=True)
    assert "# from tanh out" in text or "# from tanh %1, input 0" in text
    assert str(parse(text)) == str(graph)


NAMES = st.text(st.characters(exclude_characters="`\n", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: not name.startswith("%")
)


@given(st.lists(NAMES, min_size=2, max_size=5, unique=True), NAMES)
def test_any_name_reads_back(names: list[str], own: str) -> None:
    inputs = {name: input_node(name, Type("float")) for name in names}
    total: Node = constant(0.0)
    for node in inputs.values():
        total = (total + node).named(own)
    graph = Graph(inputs, dict.fromkeys(names, total), own)
    again = parse(str(graph))
    assert str(again) == str(graph)
    assert list(again.inputs) == names
    assert list(again.outputs) == names
    assert again.name == own


@pytest.mark.parametrize("name", ["%1", "%2", "a`", "a\nb", "return", "graph", "float", "inf", "a"])
def test_a_name_that_a_person_gives_a_node_never_breaks_the_text(name: str) -> None:
    a = input_node("a", Type("float"))
    graph = Graph({"a": a}, {"out": lg.tanh(lg.sin(a).named(name))})
    assert str(parse(str(graph))) == str(graph)


@given(st.floats(), st.integers(-(2**63), 2**63 - 1), st.booleans())
def test_any_constant_reads_back(real: float, whole: int, truth: bool) -> None:
    nodes = {"real": constant_node((real, -real), Type("float", (2,)))}
    nodes |= {"whole": constant(whole), "truth": constant(truth)}
    graph = Graph({}, nodes)
    again = check(parse(str(graph)))
    assert str(again) == str(graph)
    for name, node in nodes.items():
        assert repr(again.outputs[name].attributes["value"]) == repr(node.attributes["value"])


FAULTS = [
    ("", "line 1, column 1", "expected 'graph', found 'the end'"),
    ("grph g() { return out=a }", "line 1, column 1", "expected 'graph', found 'grph'"),
    ("graph g(", "line 1, column 9", "the text ends in the middle"),
    ("graph g(a: float[]", "line 1, column 19", "expected ')'"),
    ("graph g(a float[]) {\n  return out=a\n}", "line 1, column 11", "expected ':', found 'float'"),
    ("graph g(a: flaot[]) {\n  return out=a\n}", "line 1, column 12", "expected a dtype (float, int, bool)"),
    ("graph g(a: float[-1]) {\n  return out=a\n}", "line 1, column 18", "a whole number from 0 up; found -1"),
    ("graph g(a: float[1.5]) {\n  return out=a\n}", "line 1, column 18", "a whole number from 0 up"),
    ("graph g(a: float[n*1.5]) {\n  return out=a\n}", "line 1, column 18", "named sizes go with whole numbers"),
    ("graph g(a: float[inf*n]) {\n  return out=a\n}", "line 1, column 18", "named sizes go with whole numbers"),
    ("graph g(a: float[n n]) {\n  return out=a\n}", "line 1, column 20", "expected ']', found 'n'"),
    ("graph g(a: float[], a: float[]) {\n  return out=a\n}", "line 1, column 21", "input 'a' is there twice"),
    ("graph g(a: float[]) {\n  a: float[] = sin(a)\n  return out=a\n}", "line 2, column 3", "'a' is there twice"),
    ("graph g(a: float[]) {\n  b: float[] = sine(a)\n  return out=b\n}", "line 2, column 16", "(did you mean 'sin"),
    ("graph g(a: float[]) {\n  b: float[] = sin(aa)\n  return out=b\n}", "line 2, column 20", "(did you mean 'a'?)"),
    ("graph g(a: float[]) {\n  b: float[] = sin(a, a)\n  return out=b\n}", "line 2, column 16", "wrong arguments"),
    ("graph g(a: float[]) {\n  b: float[] = sum(a)\n  return out=b\n}", "line 2, column 16", "wrong arguments for sum"),
    ("graph g(a: float[]) {\n  b: int[] = sin(a)\n  return out=b\n}", "line 2, column 3", "but sin gives float[]"),
    ("graph g(a: int[]) {\n  b: float[] = sin(a)\n  return out=b\n}", "line 2, column 16", "needs float, got int"),
    ("graph g() {\n  b: float[2] = constant(value=1.0)\n  return out=b\n}", "line 2, column 17", "another shape"),
    ("graph g() {\n  b: int[] = constant(value='x')\n  return out=b\n}", "line 2, column 14", "other entries"),
    ("graph g() {\n  b: int[] = constant()\n  return out=b\n}", "line 2, column 14", "a constant has one argument"),
    ("graph g(a: float[]) {\n  b: float[] = sin(a\n", "line 3, column 1", "expected ')'"),
    ("graph g(a: float[]) {\n  b: float[] = add(", "line 2, column 20", "the text ends in the middle"),
    ("graph g(a: float[]) {\n  b: float[] = sum(a, axes=(0", "line 2, column 30", "expected ')'"),
    ("graph g(a: float[]) {\n  b: float[] = sum(a, axes=)", "line 2, column 28", "expected a number or a named size"),
    ("graph g(a: float[]) {\n  return out=b\n}", "line 2, column 14", "used before it is defined"),
    ("graph g(a: float[]) {\n  return out\n}", "line 3, column 1", "expected '='"),
    ("graph g(a: float[]) {\n  return out=a\n} graph", "line 3, column 3", "expected nothing after the graph"),
    ("graph g(a: float[]) {\n  return out=a ; }", "line 2, column 16", "unexpected ';'"),
    ("graph g(a: float[]) {\n  return out=`a }", "line 2, column 14", "unexpected '`'"),
    ("graph g(a: float[]) {\n  return out=a, out=a\n}", "line 2, column 17", "output 'out' is there twice"),
]


@pytest.mark.parametrize(("text", "place", "reason"), FAULTS)
def test_the_parser_says_where_and_what(text: str, place: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"graph text, {place}: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


WHOLE = str(
    differentiate(
        lg.trace(
            lambda x, w: lg.sum(lg.relu(x @ w)[1:, ::2] ** 2.5) + lg.max(w),
            Type("float", (Dim("n"), 4)),
            Type("float", (4, 3)),
        )
    )
)


@given(st.data())
def test_no_text_makes_the_parser_fail_otherwise(data: Any) -> None:
    start = data.draw(st.integers(0, len(WHOLE)))
    stop = data.draw(st.integers(start, min(start + 12, len(WHOLE))))
    pieces = [
        "",
        *["(", ")", ",", "=", "n", "-1", "1.5", "%3", "sum", "axes", "'x'", "True", "None", "inf", "(0,9)", "float[7]"],
    ]
    text = WHOLE[:start] + data.draw(st.sampled_from(pieces)) + WHOLE[stop:]
    try:
        graph = parse(text)
    except InputError:
        return
    assert str(parse(str(graph))) == str(graph)
