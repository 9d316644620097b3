"""A kernel while it is being written: scopes of statements, values already computed, buffers read so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from lexgrad.compile.loops import (
    ZERO,
    Access,
    Apply,
    Expression,
    Local,
    Loop,
    Number,
    Statement,
    add,
    extent,
    multiply,
)
from lexgrad.graph import DType, Node, Shape, Size, product

Index: TypeAlias = tuple[Expression, ...]


@dataclass
class Body:
    """A kernel that is being written: the innermost scope, and which buffers were read and how.

    Attributes:
        row: the share that is being written.
        extent: how many shares there are.
        scopes: statements, the innermost scope last.
        known: values that are computed, by scope.
        reads: buffers that were read, and how.
        entry: the entry that is being written: who reads the same one reads entry by entry.
        only: the one buffer that this goes for, if not for all.
        count: names that were given.
    """

    row: Expression | None = None
    extent: Size = 1
    scopes: list[list[Statement]] = field(default_factory=lambda: [[]])
    known: list[dict[tuple[Node, Index], Expression]] = field(default_factory=lambda: [{}])
    reads: dict[str, Access] = field(default_factory=dict)
    entry: Index | None = None
    only: str | None = None
    count: int = 0

    def fresh(self, prefix: str) -> str:
        """A name that nothing in this kernel has yet."""
        self.count += 1
        return f"{prefix}{self.count}"

    def put(self, statement: Statement) -> None:
        """Write a statement into the innermost scope."""
        self.scopes[-1].append(statement)

    def loop(
        self, start: Expression, stop: Expression, write: Callable[[Local], None], prefix: str = "i", terms: int = 0
    ) -> None:
        """A loop whose body ``write`` fills, given the loop's variable; ``terms`` as in :class:`Loop`."""
        name = self.fresh(prefix)
        self.scopes.append([])
        self.known.append({})
        write(Local(name, "int"))
        self.known.pop()
        self.put(Loop(name, start, stop, tuple(self.scopes.pop()), terms))

    def nest(self, sizes: Sequence[Size], write: Callable[[Index], None], terms: int = 0) -> None:
        """Loops over all of ``sizes``, the last innermost; ``terms`` as in :class:`Loop`."""

        def inside(outer: Index, rest: Sequence[Size]) -> None:
            if not rest:
                write(outer)
            else:
                self.loop(ZERO, extent(rest[0]), lambda i: inside((*outer, i), rest[1:]), terms=terms)

        inside((), sizes)

    def read(self, buffer: str, aligned: bool, exact: bool = False) -> None:
        """Note that a buffer is read, and how."""
        before = self.reads.get(buffer, Access(buffer, True, True))
        self.reads[buffer] = Access(buffer, before.aligned and aligned, before.exact and exact)

    def lookup(self, key: tuple[Node, Index]) -> Expression | None:
        """The entry of a node that has been computed in this scope or one around it."""
        for scope in reversed(self.known):
            if key in scope:
                return scope[key]
        return None


def offset(shape: Shape, index: Index) -> Expression:
    """The place of an entry in row-major order."""
    total: Expression = ZERO
    for size, i in zip(shape, index, strict=True):
        total = add(multiply(total, extent(size)), i)
    return total


FEW = 16


def adding(sizes: Sequence[Size]) -> tuple[str, int]:
    """How to add up entries over axes of these sizes: the operation, and the ``terms`` of its loops.

    A few terms are added one behind the other, whatever LLVM makes of the loop; more of them in any order that is
    fast, as long as the loop stays one. What is too long to be unrolled, or not known, needs no such care.
    """
    count = product(sizes)
    if not isinstance(count, int):
        return "fold_add", 0
    return ("add", 0) if count <= FEW else ("fold_add", count)


def zero(dtype: DType) -> Number:
    """Nothing, as a number of a dtype."""
    values: dict[DType, Number] = {
        "float": Number(0.0, "float"),
        "int": Number(0, "int"),
        "bool": Number(False, "bool"),
    }
    return values[dtype]


def in_range(number: Expression, size: Size) -> Expression:
    """Whether ``number`` is an index into ``size`` rows."""
    at_least = Apply("less_equal", (ZERO, number), "bool")
    return Apply("logical_and", (at_least, Apply("less", (number, extent(size)), "bool")), "bool")


def between(number: Expression, most: Size) -> Expression:
    """``number``, or the nearest one from 0 up to ``most``."""
    return Apply("maximum", (ZERO, Apply("minimum", (number, extent(most)), "int")), "int")


def clamped(number: Expression, size: Size) -> Expression:
    """``number``, or the nearest index that exists; only for reading what a select then throws away."""
    return between(number, size - 1)
