"""The NumPy interpreter of graphs: fp64 is what a graph means, fp32 and bf16 on request."""

from lexgrad.evaluate.interpreter import (
    Interpreter,
    Precision,
    as_type,
    bind_sizes,
    constant_value,
    evaluate,
    evaluate_node,
    round_to_bf16,
)

__all__ = [
    "Interpreter",
    "Precision",
    "as_type",
    "bind_sizes",
    "constant_value",
    "evaluate",
    "evaluate_node",
    "round_to_bf16",
]
