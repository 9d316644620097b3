"""Equal nodes become one, unequal ones do not, and names stay."""

from __future__ import annotations

import math

from lexgrad import ops
from lexgrad.graph import Dim, Graph, Node, Type, input_node, parse
from lexgrad.passes import common_subexpressions, dead_code

X = Type("float", (Dim("n"), 3))


def graph_of(*outputs: Node) -> Graph:
    found: dict[str, Node] = {}
    for output in outputs:
        stack = [output]
        while stack:
            node = stack.pop()
            stack.extend(node.inputs)
            if node.primitive.name == "input":
                found[node.name] = node
    return Graph(found, {f"out{i}": node for i, node in enumerate(outputs)})


def test_equal_nodes_become_one_and_what_is_built_on_them_too() -> None:
    x = input_node("x", X)
    after = common_subexpressions(graph_of(ops.exp(ops.tanh(x)), ops.exp(ops.tanh(x)) + 1.0))
    assert [node.primitive.name for node in after.nodes].count("tanh") == 1
    assert [node.primitive.name for node in after.nodes].count("exp") == 1


def test_operands_of_sums_and_products_may_stand_in_either_order() -> None:
    x, y = input_node("x", X), input_node("y", X)
    assert len(common_subexpressions(graph_of(x + y, y + x, x * y, y * x))) == 4
    assert len(common_subexpressions(graph_of(x - y, y - x))) == 4


def test_attributes_tell_nodes_apart() -> None:
    x = input_node("x", Type("float", (3, 3)))
    assert len(common_subexpressions(graph_of(ops.sum(x, 0), ops.sum(x, 1), ops.sum(x, 0)))) == 3


def test_constants_are_one_if_type_and_every_bit_are() -> None:
    x = input_node("x", Type("float"))
    numbers = [0.0, -0.0, math.nan, math.nan, 1.0, 1.0]
    after = common_subexpressions(graph_of(*(x + ops.constant(number) for number in numbers)))
    assert [node.primitive.name for node in after.nodes].count("constant") == 4
    assert math.copysign(1.0, after.outputs["out1"].inputs[1].attributes["value"]) == -1.0
    whole, real = ops.constant(1), ops.constant(1.0)
    assert len(common_subexpressions(Graph({}, {"a": whole, "b": real, "c": ops.constant(True)}))) == 3


def test_constant_arrays_are_compared_entry_by_entry() -> None:
    same, other = [1.0, 2.0], [1.0, -2.0]
    outputs = {"a": ops.constant(same), "b": ops.constant(same), "c": ops.constant(other)}
    assert len(common_subexpressions(Graph({}, outputs))) == 2


def test_random_numbers_are_one_for_one_key_and_step() -> None:
    key, step = input_node("key", Type("int")), input_node("step", Type("int"))
    drawn = [ops.random_uniform(k, step, (2,)) for k in (key, key, key + 1)]
    after = common_subexpressions(graph_of(*drawn))
    assert after.outputs["out0"] is after.outputs["out1"] is not after.outputs["out2"]


def test_outputs_keep_their_names_and_nodes_the_first_name_given() -> None:
    x = input_node("x", X)
    first, second, third = ops.tanh(x), ops.tanh(x).named("hidden"), ops.tanh(x).named("other")
    after = common_subexpressions(Graph({"x": x}, {"a": first, "b": second, "c": third}))
    assert list(after.outputs) == ["a", "b", "c"]
    assert after.outputs["a"] is after.outputs["b"] is after.outputs["c"]
    assert after.outputs["a"].name == "hidden"
    assert first.name == ""  # the graph that was given stays as it is


def test_dead_code_is_in_no_graph() -> None:
    x = input_node("x", X)
    unused = ops.exp(x)
    graph = Graph({"x": x, "y": input_node("y", X)}, {"out": ops.tanh(x)})
    assert unused not in graph.nodes
    assert str(dead_code(graph)) == str(graph)
    assert list(dead_code(graph).inputs) == ["x", "y"]


def test_dead_statements_of_a_text_are_gone() -> None:
    graph = parse("graph g(x: float[3]) {\n a: float[3] = exp(x)\n b: float[3] = tanh(x)\n return out=b\n}")
    assert [node.primitive.name for node in graph.nodes] == ["input", "tanh"]
