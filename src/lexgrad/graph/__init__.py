"""The ground floor: types, nodes and graphs, their checker, their text form and the rewrite driver. No arrays."""

from lexgrad.graph.check import IllegalGraphError, check
from lexgrad.graph.dims import Dim, Shape, Size, holds_dim, product, quotient, resolve, shape_text, solve
from lexgrad.graph.formula import formula
from lexgrad.graph.graph import Graph, rebuild, topological
from lexgrad.graph.node import (
    CONSTANT,
    INPUT,
    OPERATORS,
    PRIMITIVES,
    Location,
    Node,
    Origin,
    Primitive,
    apply,
    constant_node,
    input_node,
    located,
    originating,
    register,
    user_location,
)
from lexgrad.graph.rewrite import Firing, RewriteRule, count_users, rewrite
from lexgrad.graph.text import node_names, parse, print_graph
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
    "Primitive",
    "RewriteRule",
    "Shape",
    "Size",
    "Type",
    "apply",
    "check",
    "constant_node",
    "count_users",
    "formula",
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
    "topological",
    "user_location",
]
