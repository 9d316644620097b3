"""lexgrad: neural text models that train fast on ordinary machines, and that people can see through.

Public names load when they are first used, so that ``import lexgrad`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_ROOMS = {
    "graph": ("Dim", "Graph", "Node", "Type", "check", "formula", "parse"),
    "ops": (
        "abs", "argmax", "arange", "binary_cross_entropy", "broadcast_to", "cast", "concatenate", "cos",
        "cross_entropy", "dropout", "equal", "exp", "expand_dims", "linear", "log", "log_sigmoid", "log_softmax",
        "logical_and", "logical_not", "logical_or", "logsumexp", "matmul", "max", "maximum", "mean", "min", "minimum",
        "not_equal", "one_hot", "pad", "put_along", "random_uniform", "relu", "reshape", "reverse", "scatter_add",
        "segment_max", "segment_mean", "segment_sum", "sigmoid", "sign", "sin", "softmax", "softplus", "sqrt",
        "square", "squeeze", "stack", "stop_gradient", "sum", "take", "take_along", "tanh", "transpose", "where",
    ),
    "trace": ("trace",),
    "grad": ("differentiate",),
    "evaluate": ("Interpreter", "evaluate"),
    "eager": ("Variable", "check_gradients", "grad", "value_and_grad", "variable", "variables"),
    "models": ("FeedForward", "LogisticRegression", "SoftmaxRegression", "load"),
    "errors": ("InputError", "LexgradError", "NonFiniteError", "ShapeError"),
}  # fmt: skip
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lexgrad' has no attribute {name!r}")
    return getattr(importlib.import_module(f"lexgrad.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
