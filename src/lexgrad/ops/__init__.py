"""The primitives, one family a file, and the compositions that are plain functions of them."""

from lexgrad.ops import operators as _operators
from lexgrad.ops import packed_scan as _packed_scan  # noqa: F401 (as scan)
from lexgrad.ops import scan as _scan  # noqa: F401 (a primitive; lexgrad.trace has the function)
from lexgrad.ops.casting import cast
from lexgrad.ops.comparison import (
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    not_equal,
)
from lexgrad.ops.composed import (
    binary_cross_entropy,
    cross_entropy,
    gru_cell,
    linear,
    log_sigmoid,
    log_softmax,
    lstm_cell,
    one_hot,
    rnn_cell,
    softmax,
    square,
)
from lexgrad.ops.elementwise import (
    absolute,
    add,
    cos,
    divide,
    exp,
    log,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    relu,
    sigmoid,
    sign,
    sin,
    softplus,
    sqrt,
    stop_gradient,
    subtract,
    tanh,
    where,
)
from lexgrad.ops.indexing import add_along, put_along, scatter_add, take, take_along
from lexgrad.ops.lifting import Operand, constant, lift, type_of
from lexgrad.ops.movement import (
    broadcast_to,
    concatenate,
    expand_dims,
    reshape,
    squeeze,
    stack,
    transpose,
)
from lexgrad.ops.product import matmul
from lexgrad.ops.random import arange, dropout, random_uniform
from lexgrad.ops.reduction import argmax, logsumexp, max, mean, min, size, sum
from lexgrad.ops.rows import add_rows, combine_rows, distinct, order_met, set_rows
from lexgrad.ops.segment import (
    segment_argmax,
    segment_lengths,
    segment_max,
    segment_mean,
    segment_repeat,
    segment_sum,
)
from lexgrad.ops.slicing import pad, reverse, take_slice

index = _operators.index
abs = absolute

__all__ = [
    "Operand", "abs", "absolute", "add", "add_along", "add_rows", "arange", "argmax", "binary_cross_entropy",
    "broadcast_to", "cast", "combine_rows", "concatenate", "constant", "cos", "cross_entropy", "distinct", "divide",
    "dropout", "equal", "exp", "expand_dims", "greater", "greater_equal", "gru_cell", "index", "less", "less_equal",
    "lift", "linear", "log", "log_sigmoid", "log_softmax", "logical_and", "logical_not", "logical_or", "logsumexp",
    "lstm_cell", "matmul", "max", "maximum", "mean", "min", "minimum", "multiply", "negative", "not_equal", "one_hot",
    "order_met", "pad", "power", "put_along", "random_uniform", "relu", "reshape", "reverse", "rnn_cell",
    "scatter_add", "segment_argmax", "segment_lengths", "segment_max", "segment_mean", "segment_repeat",
    "segment_sum", "set_rows", "sigmoid", "sign", "sin", "size", "softmax", "softplus", "sqrt", "square", "squeeze",
    "stack", "stop_gradient", "subtract", "sum", "take", "take_along", "take_slice", "tanh", "transpose", "type_of",
    "where",
]  # fmt: skip
