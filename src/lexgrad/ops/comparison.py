"""Comparisons and logic: results are booleans and carry no derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lexgrad.errors import ShapeError
from lexgrad.graph import Node, Primitive, Type, apply, register
from lexgrad.ops.elementwise import agree, same_types
from lexgrad.ops.lifting import Operand, lift, operation
from lexgrad.ops.samples import exactly, real, sample, truth, whole


def _truth_of(x: Type, y: Type) -> Type:
    return same_types(x, y).with_dtype("bool")


def _logic(x: Type, y: Type) -> Type:
    common = same_types(x, y)
    if common.dtype != "bool":
        raise ShapeError(f"needs bool, got {common.dtype}")
    return common


def _comparison(name: str, evaluate: Callable[..., Any], sign: str) -> Primitive:
    samples = (
        sample(real(3, 2), real(3, 2)),
        sample(whole(5, low=0, high=3), whole(5, low=0, high=3)),
        sample(exactly(1), exactly(1)),
    )
    return register(Primitive(name, _truth_of, evaluate, (None, None), None, f"{{0}} {sign} {{1}}", 1, samples))


EQUAL = _comparison("equal", np.equal, "=")
NOT_EQUAL = _comparison("not_equal", np.not_equal, "≠")
LESS = _comparison("less", np.less, "<")
LESS_EQUAL = _comparison("less_equal", np.less_equal, "≤")
GREATER = _comparison("greater", np.greater, ">")
GREATER_EQUAL = _comparison("greater_equal", np.greater_equal, "≥")

LOGICAL_AND = register(
    Primitive(
        "logical_and",
        _logic,
        np.logical_and,
        (None, None),
        notation="{0} ∧ {1}",
        precedence=1,
        samples=(sample(truth(4), truth(4)),),
    )
)
LOGICAL_OR = register(
    Primitive(
        "logical_or",
        _logic,
        np.logical_or,
        (None, None),
        notation="{0} ∨ {1}",
        precedence=1,
        samples=(sample(truth(4), truth(4)),),
    )
)
LOGICAL_NOT = register(
    Primitive(
        "logical_not",
        lambda x: _logic(x, x),
        np.logical_not,
        (None,),
        notation="¬{0}",
        precedence=4,
        samples=(sample(truth(4)),),
    )
)


@operation
def equal(x: Operand, y: Operand) -> Node:
    """Where x = y. (``x == y`` asks whether two nodes are the same one, and refuses numbers.)"""
    return apply(EQUAL, *agree(x, y))


@operation
def not_equal(x: Operand, y: Operand) -> Node:
    """Where x ≠ y."""
    return apply(NOT_EQUAL, *agree(x, y))


@operation
def less(x: Operand, y: Operand) -> Node:
    """Where x < y."""
    return apply(LESS, *agree(x, y))


@operation
def less_equal(x: Operand, y: Operand) -> Node:
    """Where x ≤ y."""
    return apply(LESS_EQUAL, *agree(x, y))


@operation
def greater(x: Operand, y: Operand) -> Node:
    """Where x > y."""
    return apply(GREATER, *agree(x, y))


@operation
def greater_equal(x: Operand, y: Operand) -> Node:
    """Where x ≥ y."""
    return apply(GREATER_EQUAL, *agree(x, y))


@operation
def logical_and(x: Operand, y: Operand) -> Node:
    """Where both hold."""
    return apply(LOGICAL_AND, *agree(x, y))


@operation
def logical_or(x: Operand, y: Operand) -> Node:
    """Where one or both hold."""
    return apply(LOGICAL_OR, *agree(x, y))


@operation
def logical_not(x: Operand) -> Node:
    """Where x does not hold."""
    return apply(LOGICAL_NOT, *lift(x))
