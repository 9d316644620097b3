"""Primitives: the operations of the mathematics, each said once, and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from lexgrad.graph.types import Type

if TYPE_CHECKING:
    from lexgrad.graph.node import Node

Rule: TypeAlias = Callable[..., "Node | None"]


@dataclass(frozen=True, eq=False)
class Primitive:
    """One operation of the mathematics, said once: its name, typing, meaning, derivative and notation.

    A primitive has one result, and so has a node. What computes several at once, such as a loop, makes a *group*: nodes
    with the same inputs and attributes but for ``output``, which says the how-manieth of the results a node is.

    Attributes:
        name: how the text form and the error messages call it.
        typing: ``typing(*types, **attributes) -> Type``; raises ShapeError with the reason.
        evaluate: its meaning, ``evaluate(*arrays, **attributes) -> array`` in NumPy.
        vjp: vector-Jacobian products, one rule an input, ``rule(cotangent, out, *inputs, **attributes)``, each
            returning a Node of the input's type, built of primitives. None stands for "no derivative": the
            function is constant almost everywhere, or the input is not a real number.
        vjp_of: for primitives of any number of inputs, in place of ``vjp``: ``vjp_of(i, cotangent, out, *inputs,
            **attributes)`` is the rule of input ``i``.
        notation: how people write it, with ``{0}``, ``{1}`` for the operands and ``{name}`` for attributes.
        precedence: how strongly the notation binds: 1 comparison, 2 sum, 3 product, 4 sign, 5 power, 9 function.
        samples: example calls that the table tests run, see :mod:`lexgrad.ops.samples`.
        evaluate_all: for groups: all results at once, ``evaluate_all(*arrays, call=call, **attributes)`` without
            ``output``. Where an attribute is a graph, ``call(graph, arrays)`` is how the one who evaluates runs it.
        vjp_all: for groups: from the cotangents of results to those of inputs, each by number, all at once,
            ``vjp_all(cotangents, *inputs, wanted=wanted, pull=pull, **attributes)`` without ``output``. Results that
            nothing depends on have no cotangent; ``wanted`` are the inputs that are asked for. Where an attribute is a
            graph, ``pull(cotangents, wrt)`` is how the one who differentiates goes backwards in it, from cotangents of
            outputs, by node, to those of the nodes ``wrt``.
    """

    name: str
    typing: Callable[..., Type]
    evaluate: Callable[..., Any]
    vjp: tuple[Rule | None, ...] = ()
    vjp_of: Rule | None = None
    notation: str = ""
    precedence: int = 9
    samples: tuple[Any, ...] = ()
    evaluate_all: Callable[..., Sequence[Any]] | None = None
    vjp_all: Callable[..., Mapping[int, Node]] | None = None

    def rule(self, i: int) -> Rule | None:
        """The vector-Jacobian product for input ``i``, or None where there is no derivative."""
        if self.vjp_of is not None:
            general = self.vjp_of
            return lambda cotangent, out, *inputs, **attributes: general(i, cotangent, out, *inputs, **attributes)
        return self.vjp[i] if i < len(self.vjp) else None

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


PRIMITIVES: dict[str, Primitive] = {}
"""Every primitive by name: ``ops`` fills it, the parser of the text form reads it."""


def register(primitive: Primitive) -> Primitive:
    """Add a primitive to the table of all primitives.

    Raises:
        ValueError: another primitive has this name already.
    """
    if primitive.name in PRIMITIVES:
        raise ValueError(f"there are two primitives called {primitive.name!r}")
    PRIMITIVES[primitive.name] = primitive
    return primitive
