"""Formulas and derivations as LaTeX, in the lectures' notation; needs the package amsmath."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from lexgrad.explain.faces.names import GREEK, Name, bare, parsed
from lexgrad.explain.faces.report import Equation, fits_inline, number_text, product_of, remarks, sections
from lexgrad.explain.faces.writing import ATOM, BINDING, POWER, PRODUCT, SUM, Writer
from lexgrad.explain.mathematics import Math

if TYPE_CHECKING:
    from lexgrad.explain.derivation import Derivation, Path

_KNOWN = {"tanh", "log", "sin", "cos", "max", "min", "exp"}
_RELATIONS = {"<": "<", "≤": r"\le", ">": ">", "≥": r"\ge", "=": "=", "≠": r"\ne"}
_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "…": r"\ldots{}", "×": r"$\times$", "∂": r"$\partial$",
    "σ": r"$\sigma$", "ᵀ": r"$^{\mathsf{T}}$", "≥": r"$\ge$", "≤": r"$\le$", "·": r"$\cdot$",
}  # fmt: skip


def escaped(text: str) -> str:
    """Plain text for LaTeX's text mode."""
    return "".join(_ESCAPES.get(character, character) for character in text)


class Latex(Writer):
    """Mathematics for LaTeX's math mode."""

    binding = BINDING | {"sum": SUM}

    def brackets(self, text: str) -> str:  # noqa: D102
        return rf"\left({text}\right)"

    def number(self, formula: Math) -> str:  # noqa: D102
        return latex_number(formula.value)

    def name(self, formula: Math) -> str:  # noqa: D102
        return r"\ldots" if formula.text == "…" else _name(parsed(formula.text))

    def entry(self, formula: Math) -> str:  # noqa: D102
        (of,) = formula.parts
        if of.kind == "name":
            return _name(parsed(of.text).at(formula.value))
        return f"{self.brackets(self.write(of))}_{{{Name('').at(formula.value).below}}}"

    def index(self, formula: Math) -> str:  # noqa: D102
        of, at = formula.parts
        inside = rf"\text{{{escaped(at.text)}}}" if at.kind == "name" and ":" in at.text else self.write(at)
        return f"{self.bracketed(of, ATOM)}[{inside}]"

    def partial(self, formula: Math) -> str:  # noqa: D102
        of, wrt = (self.bracketed(part, ATOM) for part in formula.parts)
        return rf"\frac{{\partial {of}}}{{\partial {wrt}}}"

    def add(self, formula: Math) -> str:  # noqa: D102
        return " + ".join(self.operands(formula))

    def subtract(self, formula: Math) -> str:  # noqa: D102
        return " - ".join(self.operands(formula))

    def multiply(self, formula: Math) -> str:  # noqa: D102
        first, second = formula.parts
        left, right = self.bracketed(first, PRODUCT), self.bracketed(second, PRODUCT)
        beside = first.kind == "number" and second.kind in ("name", "entry")  # 2b
        return f"{left} {right}" if beside else rf"{left} \cdot {right}"

    def matmul(self, formula: Math) -> str:  # noqa: D102
        first, second = formula.parts
        return rf"{self.bracketed(first, PRODUCT)} \, {self.bracketed(second, POWER)}"

    def outer(self, formula: Math) -> str:  # noqa: D102
        return r" \otimes ".join(self.operands(formula))

    def divide(self, formula: Math) -> str:  # noqa: D102
        return rf"\frac{{{self.write(formula.parts[0])}}}{{{self.write(formula.parts[1])}}}"

    def relation(self, formula: Math) -> str:  # noqa: D102
        return f" {_RELATIONS[formula.text]} ".join(self.operands(formula))

    def power(self, formula: Math) -> str:  # noqa: D102
        base, exponent = formula.parts
        written = self.write(base) if base.kind == "number" or bare(base) else self.brackets(self.write(base))
        return f"{written}^{{{self.write(exponent)}}}"

    def negative(self, formula: Math) -> str:  # noqa: D102
        return f"-{self.bracketed(formula.parts[0], PRODUCT)}"

    def transpose(self, formula: Math) -> str:  # noqa: D102
        (of,) = formula.parts
        raised = of.kind == "name" and parsed(of.text).above
        return (
            rf"{{{self.bracketed(of, ATOM)}}}^{{\mathsf{{T}}}}"
            if raised or of.kind == "name"
            else (rf"{self.brackets(self.write(of))}^{{\mathsf{{T}}}}")
        )

    def absolute(self, formula: Math) -> str:  # noqa: D102
        return rf"\left|{self.write(formula.parts[0])}\right|"

    def list(self, formula: Math) -> str:  # noqa: D102
        return rf"\left[{', '.join(map(self.write, formula.parts))}\right]"

    def call(self, formula: Math) -> str:  # noqa: D102
        inside = ", ".join(map(self.write, formula.parts))
        if formula.text == "where":
            condition, then, otherwise = map(self.write, formula.parts)
            return rf"\begin{{cases}} {then} & {condition} \\ {otherwise} & \text{{otherwise}} \end{{cases}}"
        if formula.text == "σ":
            return rf"\sigma\left({inside}\right)"
        command = rf"\{formula.text}" if formula.text in _KNOWN else rf"\operatorname{{{escaped(formula.text)}}}"
        return rf"{command}\left({inside}\right)"

    def sqrt(self, formula: Math) -> str:  # noqa: D102
        return rf"\sqrt{{{self.write(formula.parts[0])}}}"

    def exp(self, formula: Math) -> str:  # noqa: D102
        return rf"e^{{{self.write(formula.parts[0])}}}"

    def sum(self, formula: Math) -> str:  # noqa: D102
        (of,) = formula.parts
        return rf"\sum {self.bracketed(of, POWER if of.kind == 'negative' else PRODUCT)}"


def _name(name: Name) -> str:
    if name.base in GREEK:
        base = rf"\{name.base}"
    else:
        base = rf"\text{{{escaped(name.base)}}}" if name.word or not name.base.isascii() else escaped(name.base)
    if name.accent:
        base = rf"\{name.accent}{{{base}}}"
    base += "'" * name.primes
    above = f"^{{{_script(name.above)}}}" if name.above else ""
    below = f"_{{{_script(name.below)}}}" if name.below else ""
    return base + above + below


def _script(text: str) -> str:
    plain = all(part.isdecimal() or len(part) <= 1 for part in text.strip("[]").split(","))
    return escaped(text) if plain else rf"\mathrm{{{escaped(text)}}}"


as_latex = Latex().write
"""A formula for LaTeX's math mode."""


def latex_number(value: float) -> str:
    r"""A number: ``1.5``, ``2 \times 10^{-9}``; what is none, as text."""
    if not np.isfinite(value):
        return rf"\text{{{number_text(value)}}}"
    digits, _, exponent = number_text(value).partition("e")
    return rf"{digits} \times 10^{{{int(exponent)}}}" if exponent else digits


def latex_value(value: Any) -> str:
    """A number, a small array as a matrix, or the space that a large one lies in."""
    array = np.asarray(value)
    if array.ndim == 0:
        return latex_number(float(array))
    if fits_inline(array):
        rows = [array] if array.ndim == 1 else list(array)
        inside = r" \\ ".join(" & ".join(latex_number(float(number)) for number in row) for row in rows)
        return rf"\begin{{pmatrix}} {inside} \end{{pmatrix}}"
    size = r" \times ".join(map(str, array.shape))
    space = "R" if array.dtype.kind == "f" else "Z"
    return rf"\ldots \in \mathbb{{{space}}}^{{{size}}}"


def derivation_latex(derivation: Derivation, document: bool = False) -> str:
    """A derivation: values, local derivatives and paths in ``align*``; as a whole document, where that is asked for."""
    body = "\n".join(_lines(derivation))
    if not document:
        return body
    return (
        "\\documentclass{article}\n\\usepackage[utf8]{inputenc}\n\\usepackage[T1]{fontenc}\n"
        "\\usepackage{amsmath,amssymb}\n\\usepackage[margin=2cm]{geometry}\n\\allowdisplaybreaks\n"
        f"\\begin{{document}}\n{body}\n\\end{{document}}\n"
    )


def _lines(derivation: Derivation) -> Iterator[str]:
    for section in sections(derivation):
        yield rf"\paragraph{{{escaped(section.title)}}}"
        yield r"\begin{align*}"
        yield " \\\\\n".join(_equation(equation) for equation in section.equations)
        yield r"\end{align*}"
    if derivation.paths:
        yield r"\paragraph{The chain rule, path by path}"
        yield r"\begin{align*}"
        rows = [row for path in derivation.paths for row in _path(path)]
        if len(derivation.paths) > 1:
            rows.append(rf"{as_latex(derivation.symbol)} &= {latex_value(derivation.sum)}")
        yield " \\\\\n".join(rows)
        yield r"\end{align*}"
    for remark in remarks(derivation):
        yield escaped(remark) + "\n"


def _equation(equation: Equation) -> str:
    parts = [] if equation.formula is None else [as_latex(equation.formula)]
    if equation.value is not None:
        parts.append(latex_value(equation.value))
    left = as_latex(equation.left)
    given = r" \quad\text{(given)}" if equation.given else ""
    return f"{left} &= {' = '.join(parts)}{given}" if parts else left


def _path(path: Path) -> Iterator[str]:
    symbols, formulas, values = product_of(path)
    if not symbols:
        yield f"1 &= {latex_number(path.product)}"
        return
    yield rf"& \phantom{{={{}}}} {' '.join(map(as_latex, symbols))}"
    written = r" \cdot ".join(_factor(formula) for formula in formulas)
    yield f"&= {written}"
    numbers = r" \cdot ".join(latex_number(v) if v >= 0 else rf"\left({latex_number(v)}\right)" for v in values)
    yield f"&= {numbers}" + (f" = {latex_number(path.product)}" if len(values) > 1 else "")


def _factor(formula: Math) -> str:
    return Latex().bracketed(formula, POWER)
