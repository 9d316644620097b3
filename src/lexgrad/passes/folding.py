"""Constant folding: what follows from small constants alone is worked out once, when the graph is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.graph import CONSTANT, PRIMITIVES, Graph, Node, Primitive, RewriteRule, apply
from lexgrad.ops import constant, lift

MOST = 256
"""Entries of the largest constant that folding makes or reads."""

KEPT = frozenset({"broadcast", "constant", "iota", "packed_scan", "random_uniform", "scan"})
"""What is never folded: arrays that are large and made of little, random numbers, and loops."""

_KINDS = {"float": np.float64, "int": np.int64, "bool": np.bool_}


def folded(node: Node) -> Node | None:
    """The constant that a node of constants is; None where it is none, or would be large.

    Floats are worked out in fp64, whatever the graph will be run in.
    """
    if not node.closed or node.primitive.name in KEPT or not all(map(_constant, node.inputs)):
        return None
    if node.inputs and not any(operand.primitive is CONSTANT for operand in node.inputs):
        return None  # it is as well done before repeating
    if any(not isinstance(size, int) or size > MOST for size in (part.type.size for part in (node, *node.inputs))):
        return None
    try:
        with np.errstate(all="ignore"):
            value = node.primitive.evaluate(*map(_value, node.inputs), **node.attributes)
    except InputError:  # an index out of range, say: whoever runs the graph is told, with the line
        return None
    result = constant(np.asarray(value, _KINDS[node.type.dtype]))
    return result if result.type == node.type else None


def _constant(node: Node) -> bool:
    return node.primitive is CONSTANT or (node.primitive.name == "broadcast" and _constant(node.inputs[0]))


def _value(node: Node) -> NDArray[Any]:
    if node.primitive is CONSTANT:
        sizes = [size for size in node.shape if isinstance(size, int)]
        return np.array(node.attributes["value"], _KINDS[node.type.dtype]).reshape(sizes)
    repeated: NDArray[Any] = node.primitive.evaluate(_value(node.inputs[0]), **node.attributes)
    return repeated


def _example(primitive: Primitive) -> Callable[[], Graph]:
    """The primitive's first sample, with constants for inputs."""

    def made() -> Graph:
        sample = primitive.samples[0]
        node = apply(primitive, *lift(*sample.draw()), **sample.attributes)
        return Graph({}, {"out": node}, "example")

    return made


RULES = [
    RewriteRule(f"{name} of constants → constant", name, folded, example=_example(primitive))
    for name, primitive in PRIMITIVES.items()
    if name not in KEPT
]
