"""Sizes: a plain integer, or a Dim, which is a polynomial of named sizes that are known only at run time."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import SupportsIndex, TypeAlias

from lexgrad.errors import InputError, ShapeError

Monomial: TypeAlias = tuple[str, ...]


class Dim:
    """A size that varies from run to run, such as ``batch``, ``tokens`` or ``batch*time + 1``.

    A Dim is a polynomial with integer coefficients in named sizes, kept in one normal form, so that two
    equal sizes compare equal however they were written. Arithmetic that ends in a constant gives an ``int``.

    Args:
        name: an identifier; the same name is the same size everywhere in a graph.

    Raises:
        InputError: ``name`` is not an identifier.
    """

    __slots__ = ("terms",)
    terms: tuple[tuple[Monomial, int], ...]

    def __init__(self, name: str) -> None:
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise InputError(f"a named dimension is an identifier such as 'batch'; got {name!r}")
        object.__setattr__(self, "terms", (((name,), 1),))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Dim never changes")

    @property
    def names(self) -> frozenset[str]:
        """The named sizes in this polynomial."""
        return frozenset(name for monomial, _ in self.terms for name in monomial)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(self.terms)

    def __add__(self, other: Size) -> Size:
        if not isinstance(other, int | Dim | SupportsIndex):
            return NotImplemented
        return _from_terms([*self.terms, *_terms(other)])

    def __neg__(self) -> Size:
        return _from_terms((monomial, -coefficient) for monomial, coefficient in self.terms)

    def __sub__(self, other: Size) -> Size:
        if not isinstance(other, int | Dim | SupportsIndex):
            return NotImplemented
        return self + (-other)

    def __rsub__(self, other: int) -> Size:
        return -self + other

    def __mul__(self, other: Size) -> Size:
        if not isinstance(other, int | Dim | SupportsIndex):
            return NotImplemented
        products = [(tuple(sorted(left + right)), a * b) for left, a in self.terms for right, b in _terms(other)]
        return _from_terms(products)

    __radd__ = __add__
    __rmul__ = __mul__

    def __str__(self) -> str:
        parts: list[str] = []
        for monomial, coefficient in self.terms:
            factors = [*([str(abs(coefficient))] if abs(coefficient) != 1 or not monomial else []), *monomial]
            sign = "-" if coefficient < 0 else "+"
            parts.append(f"{sign}{'*'.join(factors)}")
        return "".join(parts).removeprefix("+")

    def __repr__(self) -> str:
        return f"Dim({str(self)!r})"

    def __reduce__(self) -> tuple[object, tuple[object]]:
        return _from_terms, (self.terms,)


Size: TypeAlias = int | Dim
Shape: TypeAlias = tuple[Size, ...]


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    return size.terms if isinstance(size, Dim) else (((), operator.index(size)),)


def _from_terms(terms: Iterable[tuple[Monomial, int]]) -> Size:
    total: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, 0) + coefficient
    kept = {monomial: coefficient for monomial, coefficient in total.items() if coefficient}
    if not kept:
        return 0
    if set(kept) == {()}:
        return kept[()]
    dim: Dim = object.__new__(Dim)
    # Highest degree first, then by name; a constant comes last: batch*time+tokens-1
    ordered = tuple(sorted(kept.items(), key=lambda term: (-len(term[0]), term[0])))
    object.__setattr__(dim, "terms", ordered)
    return dim


def product(sizes: Sequence[Size]) -> Size:
    """The product of sizes; 1 for none."""
    result: Size = 1
    for size in sizes:
        result = size * result if isinstance(size, Dim) else result * size
    return result


def quotient(total: Size, part: Size) -> Size:
    """``total / part`` where that is exact, as for the ``-1`` of a reshape.

    Raises:
        ShapeError: the division leaves a remainder, or it is not clear that it does not.
    """
    if part == 0:
        raise ShapeError("cannot infer a size from a shape that has a 0 in it")
    if total == part:
        return 1
    if total == 0:
        return 0
    divisor = _terms(part)
    if len(divisor) == 1:
        (monomial, coefficient) = divisor[0]
        result = []
        for names, factor in _terms(total):
            rest = list(names)
            if factor % coefficient or any(names.count(name) < monomial.count(name) for name in monomial):
                break
            for name in monomial:
                rest.remove(name)
            result.append((tuple(rest), factor // coefficient))
        else:
            return _from_terms(result)
    raise ShapeError(f"{part} does not divide {total}")


def holds_dim(value: object) -> bool:
    """Whether ``value`` is a Dim, or a tuple with one somewhere inside, or says that it holds one, as graphs do."""
    if isinstance(value, tuple):
        return any(map(holds_dim, value))
    return isinstance(value, Dim) or getattr(value, "holds_dim", False)


def resolve(size: Size, sizes: Mapping[str, int]) -> int:
    """The number that ``size`` is when each named size has the value in ``sizes``.

    Raises:
        KeyError: a named size is missing.
    """
    if isinstance(size, int):
        return size
    total = 0
    for monomial, coefficient in size.terms:
        total += coefficient * math.prod(sizes[name] for name in monomial)
    return total


def solve(size: Size, number: int, sizes: Mapping[str, int]) -> dict[str, int]:
    """The named size that makes ``size`` equal ``number``, where exactly one is unknown and linear.

    Returns an empty dict when nothing is unknown, more than one name is, or any size fits; a batch of texts has
    offsets of shape ``(batch+1,)``, and so ``solve(batch+1, 9, {})`` is ``{"batch": 8}``.

    Raises:
        ShapeError: no whole, non-negative size makes them equal.
    """
    if isinstance(size, int):
        return {}
    unknown = size.names - set(sizes)
    if len(unknown) != 1:
        return {}
    (name,) = unknown
    slope, constant = 0, 0
    for monomial, coefficient in size.terms:
        if monomial.count(name) > 1:
            return {}
        number_of_it = coefficient * math.prod(sizes[factor] for factor in monomial if factor != name)
        if name in monomial:
            slope += number_of_it
        else:
            constant += number_of_it
    if slope == 0 and number == constant:  # batch*time where batch is 0: every time fits
        return {}
    if slope == 0 or (number - constant) % slope or (number - constant) // slope < 0:
        raise ShapeError(f"no size {name!r} makes {size} equal {number}")
    return {name: (number - constant) // slope}


def shape_text(shape: Shape) -> str:
    """A shape as people write it: ``(batch, 100)``, ``(3,)``, ``()``."""
    inside = ", ".join(map(str, shape))
    return f"({inside},)" if len(shape) == 1 else f"({inside})"
