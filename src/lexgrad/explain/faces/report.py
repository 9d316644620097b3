"""What a derivation says, in the order in which every face says it: values, local derivatives, layers, paths, sum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.explain import mathematics
from lexgrad.explain.mathematics import ELLIPSIS, Math, partial

if TYPE_CHECKING:
    from lexgrad.explain.derivation import Derivation, Path
    from lexgrad.explain.steps import Edge, Step

Array = NDArray[Any]
INLINE = 6
"""Arrays of at most so many entries are written out; of larger ones, shape and norm are given."""


@dataclass(frozen=True)
class Equation:
    """left = formula = value; a formula or a value may be missing."""

    left: Math
    formula: Math | None
    value: Array | None
    given: bool = False


@dataclass(frozen=True)
class Section:
    """Equations under a heading."""

    title: str
    equations: tuple[Equation, ...]


def sections(derivation: Derivation) -> Iterator[Section]:
    """The tables of a derivation; what is not asked for is left out."""
    given = set(derivation.given)
    forward = [
        Equation(
            step.label,
            None if step.formula == step.label else step.formula,
            None if not_given(step) else step.value,
            step.name in given,
        )
        for step in derivation.steps
        if step.kind != "data" or step.label.kind == "name"
    ]
    yield Section("Forward: values", tuple(forward))
    layers = set(derivation.layers)
    wanted = [edge for edge in reversed(derivation.edges) if edge.blame is not None]
    if derivation.wrt is not None:
        wanted = [edge for edge in wanted if {edge.of, edge.wrt} <= layers]
    local = tuple(
        Equation(edge.symbol, edge.formula, None if _says_all(edge) else edge.value)
        for edge in wanted
        if edge.value is not None
    )
    if local:
        yield Section("Local derivatives", local)
    steps = derivation.layers if derivation.wrt is not None else tuple(reversed(derivation.steps))
    backward = tuple(
        Equation(partial(derivation.target.label, step.label), blame_formula(derivation, step), step.gradient)
        for step in steps
        if step is not derivation.target and step.gradient is not None and step.kind != "data"
    )
    if backward:
        yield Section("Backward: blame, step by step", backward)


def not_given(step: Step) -> bool:
    """Whether an input has no value, as one that only given steps need."""
    return step.kind == "input" and bool(np.isnan(step.value).all()) and step.value.size > 0


def _says_all(edge: Edge) -> bool:
    """Whether the formula of a local derivative is its number."""
    return edge.formula is not None and edge.formula.kind == "number" and edge.of.value.ndim == 0


def blame_formula(derivation: Derivation, step: Step) -> Math | None:
    """The derivative of the target in a step: what comes from each step above, times the local derivative."""
    total: Math | None = None
    for edge in derivation.edges_into(step):
        part = edge.formula
        if part is None:
            return None
        if edge.value is not None and edge.of is not derivation.target:
            part = mathematics.multiply(edge.cotangent, part)
        total = part if total is None else mathematics.add(total, part)
    return total


def product_of(path: Path) -> tuple[tuple[Math, ...], tuple[Math, ...], tuple[float, ...]]:
    """A path as three rows of factors: symbols, formulas and numbers."""
    symbols = tuple(factor.symbol for factor in path.factors)
    formulas = tuple(factor.formula or ELLIPSIS for factor in path.factors)
    return symbols, formulas, tuple(factor.value for factor in path.factors)


def remarks(derivation: Derivation) -> Iterator[str]:
    """What a reader has to know besides, in sentences."""
    if derivation.given:
        are = "is" if len(derivation.given) == 1 else "are"
        yield (
            f"{_listed(derivation.given)} {are} given here, not computed: the factors are right for these values, "
            "whether or not any input leads to them."
        )
    missing = [step.name for step in derivation.steps if not_given(step)]
    if missing:
        yield f"No value is given for {_listed(missing)}; none is needed."
    undefined = [step for step in derivation.steps if not np.isfinite(step.value).all() and not not_given(step)]
    if undefined:
        yield f"No finite value here: {_listed(step.name for step in undefined)}."
    count = derivation.number_of_paths
    if derivation.wrt is None:
        return
    if derivation.entry is None:
        yield "Ask for one entry, as W[0, 1], to see its paths."
    elif count is None:
        yield "There are too many entries on the way to follow single paths."
    elif count > len(derivation.paths):
        share = derivation.share
        carry = "" if share is None else f"; they carry {100 * share:.3g} % of the sum"
        shown = "the largest is" if len(derivation.paths) == 1 else f"the {len(derivation.paths)} largest are"
        yield f"There are {count_text(count)} paths; {shown} shown{carry}."


def _listed(names: Any) -> str:
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def count_text(count: int) -> str:
    """A number of paths; very large ones are counted as floats, and are near."""
    return f"{count:,}" if count <= 2**53 else f"about {count:.3g}"


def number_text(value: float, digits: int = 6) -> str:
    """A number for people: six significant digits, a proper minus sign left to the face."""
    if np.isnan(value):
        return "undefined"
    text = f"{value:.{digits}g}"
    return "0" if text == "-0" else text


def summary(value: Array) -> str:
    """A large array in words: kind, shape and norm."""
    shape = " × ".join(map(str, value.shape))
    kind = "numbers" if value.dtype.kind == "f" else "integers" if value.dtype.kind in "iu" else "booleans"
    norm = f", norm {number_text(float(np.linalg.norm(value.ravel())), 4)}" if value.dtype.kind == "f" else ""
    return f"{shape} {kind}{norm}"


def fits_inline(value: Array) -> bool:
    """Whether an array is written out."""
    return bool(value.ndim <= 2 and 0 < value.size <= INLINE)
