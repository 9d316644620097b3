"""The first weighted sum of a model, over dense or sparse inputs."""

from __future__ import annotations

from collections.abc import Mapping

from lexgrad import ops
from lexgrad.graph import Node
from lexgrad.nn.layers import linear, sparse_linear


def feature_product(inputs: Mapping[str, Node], W: Node, b: Node | None) -> Node:
    """z = x W + b, where the inputs say whether x is dense (``x``) or sparse (``ids``, ``values``, ``offsets``).

    With an input ``shift`` (means / deviations of standardised sparse columns) the row shift W is subtracted, which
    centres the columns without making them dense. With ``b`` None the last row of W is the weight of x0 = 1.
    """
    if "x" in inputs:
        return linear(inputs["x"], W, b)
    z = sparse_linear(inputs["ids"], inputs["values"], inputs["offsets"], W, b)
    if "shift" in inputs:
        weights = W if b is not None else W[:-1]
        z = z - ops.matmul(inputs["shift"], weights)
    return z
