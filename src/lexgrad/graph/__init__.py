"""The ground floor: types, nodes and graphs, their checker, their text form and the rewrite driver. No arrays."""

from lexgrad.graph.check import IllegalGraphError, check
from lexgrad.graph.dims import Dim, Shape, Size, holds_dim, product, quotient, resolve, shape_text, solve
from lexgrad.graph.formula import formula
from lexgrad.graph.graph import Graph, Partly, again_on, depending_on, distinct, filled, group_key, rebuild, topological
from lexgrad.graph.node import (
    CONSTANT,
    INPUT,
    OPERATORS,
    Location,
    Node,
    Origin,
    apply,
    constant_node,
    input_node,
    located,
    originating,
    user_location,
)
from lexgrad.graph.parser import parse
from lexgrad.graph.primitive import PRIMITIVES, Primitive, Rule, register
from lexgrad.graph.rewrite import Firing, RewriteRule, count_users, rewrite
from lexgrad.graph.text import node_names, print_graph, statements
from lexgrad.graph.types import DType, Type

__all__ = [
    "CONSTANT",
    "INPUT",
    "OPERATORS",
    "PRIMITIVES",
    "DType",
    "Dim",
    "Firing",
    "Graph",
    "IllegalGraphError",
    "Location",
    "Node",
    "Origin",
    "Partly",
    "Primitive",
    "RewriteRule",
    "Rule",
    "Shape",
    "Size",
    "Type",
    "again_on",
    "apply",
    "check",
    "constant_node",
    "count_users",
    "depending_on",
    "distinct",
    "filled",
    "formula",
    "group_key",
    "holds_dim",
    "input_node",
    "located",
    "node_names",
    "originating",
    "parse",
    "print_graph",
    "product",
    "quotient",
    "rebuild",
    "register",
    "resolve",
    "rewrite",
    "shape_text",
    "solve",
    "statements",
    "topological",
    "user_location",
]
