"""A derivation as Markdown with LaTeX between dollar signs, as GitHub, notebooks and Pandoc read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lexgrad.explain.faces.latex import Latex, as_latex, latex_number, latex_value
from lexgrad.explain.faces.report import Equation, product_of, remarks, sections
from lexgrad.explain.faces.writing import POWER

if TYPE_CHECKING:
    from lexgrad.explain.derivation import Derivation, Path


def derivation_markdown(derivation: Derivation) -> str:
    """Tables of values and local derivatives, then the paths."""
    return "\n".join(_lines(derivation)).rstrip() + "\n"


def _lines(derivation: Derivation) -> Iterator[str]:
    for section in sections(derivation):
        yield f"**{section.title}**\n"
        yield "| | | |\n| --- | --- | --- |"
        yield from map(_row, section.equations)
        yield ""
    if derivation.paths:
        yield "**The chain rule, path by path**\n"
        for path in derivation.paths:
            yield f"{_path(path)}\n"
        if len(derivation.paths) > 1:
            yield f"$${as_latex(derivation.symbol)} = {latex_value(derivation.sum)}$$\n"
    for remark in remarks(derivation):
        yield f"{remark}\n"


def _row(equation: Equation) -> str:
    cells = [as_latex(equation.left)]
    cells.append("" if equation.formula is None else as_latex(equation.formula))
    cells.append("" if equation.value is None else latex_value(equation.value))
    # A bar would end the cell.
    written = ["" if not cell else f"${cell.replace('|', chr(92) + 'vert ')}$" for cell in cells]
    written[2] += " (given)" if equation.given else ""
    return f"| {' | '.join(written)} |"


def _path(path: Path) -> str:
    symbols, formulas, values = product_of(path)
    if not symbols:
        return f"$${latex_number(path.product)}$$"
    left = r" \cdot ".join(map(as_latex, symbols))
    middle = r" \cdot ".join(Latex().bracketed(formula, POWER) for formula in formulas)
    numbers = r" \cdot ".join(latex_number(v) if v >= 0 else f"({latex_number(v)})" for v in values)
    product = f" = {latex_number(path.product)}" if len(values) > 1 else ""
    return f"$${left} = {middle} = {numbers}{product}$$"
