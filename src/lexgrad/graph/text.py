"""The text form of graphs: its grammar, and printing it. ``parser`` reads it back.

Grammar (one statement a line; ``#`` begins a comment)::

    graph   := "graph" name "(" [input ("," input)*] ")" "{" statement* "return" result ("," result)* "}"
    input   := name ":" type
    statement := name ":" type "=" primitive "(" [name ("," name)*] ("," word "=" value)* ")" | graph
    result  := word "=" name
    type    := ("float" | "int" | "bool") "[" [size ("," size)*] "]"
    value   := number | string | "True" | "False" | "None" | "inf" | "nan" | size | "@" name
             | "(" [value ("," value)*] ")"
    size    := polynomial of identifiers with integer coefficients: batch*time+1
    name    := "%" digits | identifier | "`" anything but backquotes "`"

A graph among the statements is the body of a loop: the statements behind it speak of it as ``@name``, and its own names
are not seen outside of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lexgrad.graph.dims import Dim
from lexgrad.graph.graph import Graph, distinct
from lexgrad.graph.node import Node
from lexgrad.graph.types import DTYPES

KEYWORDS = {"graph", "return", "True", "False", "None", "inf", "nan", *DTYPES}


def print_graph(graph: Graph, origins: bool = False) -> str:
    """The text form of ``graph``; ``parse`` reads it back.

    Args:
        graph: what to print.
        origins: say behind every backward node which forward node and input its rule belongs to.
    """
    names = node_names(graph)
    return "\n".join(_graph_lines(graph, graph.name, names, statements(graph, names, origins)))


def statements(graph: Graph, names: Mapping[Node, str], origins: bool = False) -> list[str]:
    """The lines between the first and the ``return`` of a graph's text form, without indentation."""
    lines: list[str] = []
    bodies: dict[Graph, str] = {}
    for node in graph.nodes[len(graph.inputs) :]:
        for body in node.attributes.values():
            if isinstance(body, Graph) and body not in bodies:
                (bodies[body],) = distinct([body.name], bodies.values())
                own = node_names(body)
                lines += _graph_lines(body, bodies[body], own, statements(body, own, origins))
        arguments = [names[operand] for operand in node.inputs]
        arguments += [f"{key}={_value_text(value, bodies)}" for key, value in node.attributes.items() if key != "type"]
        line = f"{names[node]}: {node.type} = {node.primitive.name}({', '.join(arguments)})"
        if origins and node.origin is not None:
            line += f"  # from {node.origin.node.primitive.name}"
            line += f" {names[node.origin.node]}" if node.origin.node in names else ""
            line += f", input {node.origin.input}" if node.origin.input is not None else ""
        lines.append(line)
    return lines


def _graph_lines(graph: Graph, name: str, names: Mapping[Node, str], inside: Iterable[str]) -> list[str]:
    inputs = ", ".join(f"{names[node]}: {node.type}" for node in graph.inputs.values())
    results = ", ".join(f"{_quoted(label)}={names[node]}" for label, node in graph.outputs.items())
    return [f"graph {_quoted(name)}({inputs}) {{", *(f"  {line}" for line in inside), f"  return {results}", "}"]


def node_names(graph: Graph) -> dict[Node, str]:
    """A unique name for every node: its own where it has one that is free, else ``%`` and a number."""
    names: dict[Node, str] = {node: _quoted(name) for name, node in graph.inputs.items()}
    taken = set(names.values())
    for number, node in enumerate(graph.nodes):
        if node in names:
            continue
        own = _quoted(node.name) if node.name and not re.search(r"^%|[`\n]", node.name) else ""
        names[node] = own if own and own not in taken else f"%{number}"
        taken.add(names[node])
    return names


def _quoted(name: str) -> str:
    plain = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) and name not in KEYWORDS
    return name if plain else f"`{name}`"


def _value_text(value: Any, bodies: Mapping[Graph, str]) -> str:
    if isinstance(value, tuple):
        inside = ", ".join(_value_text(entry, bodies) for entry in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, Graph):
        return f"@{_quoted(bodies[value])}"
    if isinstance(value, Dim):
        return str(value)
    return repr(value)
