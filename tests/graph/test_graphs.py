"""Graphs: what is in them, their checker, inlining and formulas."""

from __future__ import annotations

from typing import Any

import pytest

import lexgrad as lg
from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import (
    PRIMITIVES,
    Dim,
    Graph,
    IllegalGraphError,
    Node,
    Primitive,
    Type,
    apply,
    check,
    constant_node,
    formula,
    input_node,
    topological,
)

FLOAT = Type("float")
MATRIX = Type("float", (2, 3))


def named(**types: Type) -> list[Node]:
    return [input_node(name, type) for name, type in types.items()]


def test_nodes_come_after_what_they_need() -> None:
    a, b = named(a=FLOAT, b=FLOAT)
    c = a * b
    graph = Graph({"a": a, "b": b}, {"out": c + c})
    assert graph.nodes == (a, b, c, graph.outputs["out"])
    assert list(graph) == list(graph.nodes)
    assert len(graph) == 4
    assert repr(graph) == "<graph graph: 2 inputs, 4 nodes>"
    assert graph.input_types == {"a": FLOAT, "b": FLOAT}
    assert graph.output_types == {"out": FLOAT}


def test_an_input_that_nobody_needs_is_still_an_input() -> None:
    a, b = named(a=FLOAT, b=FLOAT)
    assert b in Graph({"a": a, "b": b}, {"out": a}).nodes


def test_a_missing_input_is_named() -> None:
    a, b = named(a=FLOAT, b=FLOAT)
    with pytest.raises(InputError, match=r"needs the value of b: float\[\], which is not one of its inputs \(a\)"):
        Graph({"a": a}, {"out": a + b})


@pytest.mark.parametrize("name", ["", "%1", "a`b", "a\nb"])
def test_names_that_the_text_form_cannot_hold(name: str) -> None:
    (a,) = named(a=FLOAT)
    for inputs, outputs, own in [(name, "out", "g"), ("a", name, "g"), ("a", "out", name)]:
        with pytest.raises(InputError, match="a name in a graph"):
            Graph({inputs: a}, {outputs: a}, own)


def test_order_of_a_deep_chain_needs_no_recursion() -> None:
    (x,) = named(x=FLOAT)
    node = x
    for _ in range(20_000):
        node = node + x
    assert len(topological([node])) == 20_001
    assert len(Graph({"x": x}, {"out": node})) == 20_001


def test_inlining_puts_nodes_in_place_of_inputs() -> None:
    a, b = named(a=FLOAT, b=FLOAT)
    graph = Graph({"a": a, "b": b}, {"sum": a + b, "product": (a * b).named("p")})
    x, y = named(x=FLOAT, y=FLOAT)
    copies = graph.inline(x, y)
    assert formula(copies["sum"]) == "x + y"
    assert copies["product"].name == "p"
    with pytest.raises(InputError, match=r"has 2 inputs \(a, b\); got 1 arguments"):
        graph.inline(x)


def test_inlining_checks_types_again() -> None:
    a, b = named(a=MATRIX, b=MATRIX)
    graph = Graph({"a": a, "b": b}, {"out": a + b})
    (x,) = named(x=Type("float", (4,)))
    with pytest.raises(ShapeError, match=r"add\(x float\[4\], b float\[2, 3\]\): needs equal shapes"):
        graph.inline(x, b)


# --- the checker


def graph_of(node: Node, *inputs: Node) -> Graph:
    return Graph({node.name: node for node in inputs}, {"out": node}, "g")


def broken(graph: Graph, **changes: Any) -> Graph:
    for name, value in changes.items():
        setattr(graph, name, value)
    return graph


def test_the_checker_accepts_and_returns_a_graph() -> None:
    a, b = named(a=FLOAT, b=FLOAT)
    graph = graph_of(a + b, a, b)
    assert check(graph) is graph


def test_the_checker_sees_a_wrong_order() -> None:
    a, b = named(a=FLOAT, b=FLOAT)
    graph = graph_of(a + b, a, b)
    with pytest.raises(IllegalGraphError, match=r"node 0 \(add: float\[\]\): comes before its input a"):
        check(broken(graph, nodes=graph.nodes[::-1]))


def test_the_checker_sees_a_node_twice() -> None:
    (a,) = named(a=FLOAT)
    with pytest.raises(IllegalGraphError, match="appears twice"):
        check(broken(graph_of(a + a, a), nodes=(a, a)))


def test_the_checker_sees_a_wrong_type() -> None:
    (a,) = named(a=FLOAT)
    wrong = Node(PRIMITIVES["tanh"], (a,), {}, MATRIX)
    with pytest.raises(IllegalGraphError, match=r"tanh: float\[2, 3\]\): its inputs make it float\[\]"):
        check(graph_of(wrong, a))


def test_the_checker_sees_types_that_a_primitive_is_not_defined_for() -> None:
    a, b = named(a=FLOAT, b=MATRIX)
    with pytest.raises(IllegalGraphError, match="needs equal shapes"):
        check(graph_of(Node(PRIMITIVES["add"], (a, b), {}, FLOAT), a, b))
    with pytest.raises(IllegalGraphError, match="axes"):
        check(graph_of(Node(PRIMITIVES["sum"], (b,), {}, FLOAT), b))


def test_the_checker_sees_an_unregistered_primitive() -> None:
    (a,) = named(a=FLOAT)
    own = Primitive("own", lambda x: x, lambda x: x)
    with pytest.raises(IllegalGraphError, match="not registered"):
        check(graph_of(apply(own, a), a))


def test_the_checker_sees_an_input_that_is_none() -> None:
    (a,) = named(a=FLOAT)
    with pytest.raises(IllegalGraphError, match="input 'b' is tanh"):
        check(broken(graph_of(a, a), inputs={"b": lg.tanh(a)}))


def test_the_checker_sees_an_output_that_is_not_there() -> None:
    (a,) = named(a=FLOAT)
    with pytest.raises(IllegalGraphError, match="output 'out' is not in the graph"):
        check(broken(graph_of(a, a), outputs={"out": lg.tanh(a)}))


@pytest.mark.parametrize(
    ("value", "type"),
    [
        (1.0, Type("float", (1,))),
        ((1.0, 2.0), Type("float", (3,))),
        (((1.0,), (2.0, 3.0)), Type("float", (2, 1))),
        ((1.0,), FLOAT),
        (1.5, Type("int")),
        (True, Type("int")),
        (1, Type("bool")),
        ("a", FLOAT),
        ((), Type("float", (Dim("n"),))),
    ],
)
def test_the_checker_sees_a_constant_of_another_kind(value: Any, type: Type) -> None:
    with pytest.raises(IllegalGraphError, match="its value has other entries or another shape"):
        check(graph_of(constant_node(value, type)))


@pytest.mark.parametrize(
    ("value", "type"),
    [(1.0, FLOAT), ((), Type("float", (0,))), (((), ()), Type("int", (2, 0))), ((True,), Type("bool", (1,)))],
)
def test_the_checker_accepts_constants(value: Any, type: Type) -> None:
    check(graph_of(constant_node(value, type)))


# --- nodes


def test_a_node_of_a_graph_has_no_truth() -> None:
    (a,) = named(a=FLOAT)
    with pytest.raises(TypeError, match=r"the value of less: bool\[\] is not known .* use lexgrad.where"):
        bool(a < 1.0)


def test_iterating_needs_a_size_that_is_known() -> None:
    x, y, z = named(x=Type("float", (3,)), y=Type("float", (Dim("n"),)), z=FLOAT)
    assert len(x) == len(list(x)) == 3
    for node in (y, z):
        with pytest.raises(TypeError, match="cannot iterate over"):
            iter(node)
        with pytest.raises(TypeError, match="no length that is known"):
            len(node)


def test_a_node_describes_itself() -> None:
    (a,) = named(a=MATRIX)
    assert repr(a) == "<a: float[2, 3]>"
    assert repr(lg.tanh(a).named("h")) == "<h = tanh: float[2, 3]>"
    assert +a is a
    assert a.ndim == 2
    assert a.T.shape == (3, 2)


# --- formulas


def test_formulas_read_like_mathematics() -> None:
    a, b, c = named(a=FLOAT, b=FLOAT, c=FLOAT)
    assert formula(c * (a + 2 * b)) == "c * (a + 2 * b)"
    assert formula(a - (b - c)) == "a - (b - c)"
    assert formula((a - b) - c) == "a - b - c"
    assert formula(a / (b * c)) == "a / (b * c)"
    assert formula(-(a + b)) == "-(a + b)"
    assert formula((-a) ** 2) == "(-a) ** 2"
    assert formula(-(a**2)) == "-a ** 2"
    assert formula((a**b) ** c) == "(a ** b) ** c"
    assert formula(a ** (b**c)) == "a ** b ** c"
    assert formula(lg.sigmoid(a * b)) == "σ(a * b)"
    assert formula(abs(a)) == "|a|"
    assert formula(a < b) == "a < b"
    assert formula((-2.0) ** a) == "(-2) ** a"
    assert formula(2.0 - a) == "2 - a"


def test_a_named_part_stands_as_its_name() -> None:
    x, w = named(x=Type("float", (3,)), w=Type("float", (2, 3)))
    z = (w @ x).named("z")
    assert formula(lg.tanh(z) + 1.0) == "tanh(z) + 1"
    assert formula(z) == "w x"


def test_a_long_formula_is_cut_to_its_outermost_operation() -> None:
    (a,) = named(a=FLOAT)
    node = a
    for _ in range(100):
        node = node + a
    assert formula(lg.tanh(node)) == "tanh(…)"
    assert formula(2 * lg.tanh(node)) == "2 * …"
    assert formula(node, limit=10_000).count("a") == 101


def test_the_formula_of_a_deep_or_shared_expression_is_made_at_once() -> None:
    (a,) = named(a=FLOAT)
    deep = shared = a
    for _ in range(20_000):
        deep = lg.sin(deep)
    for _ in range(200):
        shared = shared * shared
    assert formula(deep) == "sin(…)"
    assert formula(shared) == "… * …"
