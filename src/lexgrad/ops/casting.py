"""Changes of dtype: asked for with ``cast``, or made so that operands agree."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.graph import CONSTANT, Node, Primitive, apply, register
from lexgrad.graph.types import DType
from lexgrad.ops.lifting import Operand, lift, operation
from lexgrad.ops.samples import real, sample, truth, whole

_ORDER: tuple[DType, ...] = ("bool", "int", "float")


def _numpy_cast(x: NDArray[Any], dtype: str) -> NDArray[Any]:
    # The reader decides how many bits a float has; here the number only changes its kind.
    return np.asarray(x).astype({"float": np.float64, "int": np.int64, "bool": np.bool_}[dtype])


CAST = register(
    Primitive(
        "cast",
        lambda x, *, dtype: x.with_dtype(dtype),
        _numpy_cast,
        (None,),
        notation="{dtype}({0})",
        samples=(
            sample(truth(3, 2), dtype="float"),
            sample(whole(4, low=-3, high=3), dtype="float"),
            sample(real(3), dtype="int"),
        ),
    )
)


@operation
def cast(x: Operand, dtype: DType) -> Node:
    """``x`` as ``"float"``, ``"int"`` (rounded towards zero) or ``"bool"``; only float to float has a derivative."""
    (node,) = lift(x)
    if node.type.dtype == dtype:
        return node
    if node.primitive is CONSTANT and dtype == "float" and not node.shape:
        return lift(float(node.attributes["value"]))[0]
    return apply(CAST, node, dtype=dtype)


def promote(*nodes: Node) -> tuple[Node, ...]:
    """Nodes brought to the widest dtype among them: bool < int < float."""
    dtype = max((node.type.dtype for node in nodes), key=_ORDER.index)
    return tuple(cast(node, dtype) for node in nodes)
