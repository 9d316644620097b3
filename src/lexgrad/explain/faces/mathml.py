"""Formulas as MathML Core, which browsers draw without any script."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from lexgrad.explain.faces.names import GREEK, Name, bare, parsed
from lexgrad.explain.faces.report import fits_inline, number_text
from lexgrad.explain.faces.writing import ATOM, BINDING, POWER, PRODUCT, SUM, Writer
from lexgrad.explain.mathematics import Math

_ACCENTS = {"hat": "^", "bar": "¯", "tilde": "~"}


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _operator(sign: str) -> str:
    return f"<mo>{escape(sign)}</mo>"


class MathML(Writer):
    """Mathematics as MathML elements."""

    binding = BINDING | {"sum": SUM}

    def brackets(self, text: str) -> str:  # noqa: D102
        return _row(_operator("("), text, _operator(")"))

    def number(self, formula: Math) -> str:  # noqa: D102
        return mathml_number(formula.value)

    def name(self, formula: Math) -> str:  # noqa: D102
        return _operator("…") if formula.text == "…" else _name(parsed(formula.text))

    def entry(self, formula: Math) -> str:  # noqa: D102
        (of,) = formula.parts
        if of.kind == "name":
            return _name(parsed(of.text).at(formula.value))
        below = Name("").at(formula.value).below
        return f"<msub>{self.brackets(self.write(of))}<mn>{below}</mn></msub>"

    def index(self, formula: Math) -> str:  # noqa: D102
        of, at = formula.parts
        return _row(self.bracketed(of, ATOM), _operator("["), self.write(at), _operator("]"))

    def partial(self, formula: Math) -> str:  # noqa: D102
        of, wrt = (_row(_operator("∂"), self.bracketed(part, ATOM)) for part in formula.parts)
        return f"<mfrac>{of}{wrt}</mfrac>"

    def add(self, formula: Math) -> str:  # noqa: D102
        return _row(_operator("+").join(self.operands(formula)))

    def subtract(self, formula: Math) -> str:  # noqa: D102
        return _row(_operator("−").join(self.operands(formula)))

    def multiply(self, formula: Math) -> str:  # noqa: D102
        first, second = formula.parts
        beside = first.kind == "number" and second.kind in ("name", "entry")
        sign = _operator("\u2062" if beside else "·")
        return _row(self.bracketed(first, PRODUCT), sign, self.bracketed(second, PRODUCT))

    def matmul(self, formula: Math) -> str:  # noqa: D102
        first, second = formula.parts
        return _row(self.bracketed(first, PRODUCT), _operator("\u2062"), self.bracketed(second, POWER))

    def outer(self, formula: Math) -> str:  # noqa: D102
        return _row(_operator("⊗").join(self.operands(formula)))

    def divide(self, formula: Math) -> str:  # noqa: D102
        return f"<mfrac>{self.write(formula.parts[0])}{self.write(formula.parts[1])}</mfrac>"

    def relation(self, formula: Math) -> str:  # noqa: D102
        return _row(_operator(formula.text).join(self.operands(formula)))

    def power(self, formula: Math) -> str:  # noqa: D102
        base, exponent = formula.parts
        plain = base.kind == "number" or bare(base)
        written = self.write(base) if plain else self.brackets(self.write(base))
        return f"<msup>{written}{self.write(exponent)}</msup>"

    def negative(self, formula: Math) -> str:  # noqa: D102
        return _row(_operator("−"), self.bracketed(formula.parts[0], PRODUCT))

    def transpose(self, formula: Math) -> str:  # noqa: D102
        return f"<msup>{self.bracketed(formula.parts[0], ATOM)}<mi mathvariant='normal'>T</mi></msup>"

    def absolute(self, formula: Math) -> str:  # noqa: D102
        return _row(_operator("|"), self.write(formula.parts[0]), _operator("|"))

    def list(self, formula: Math) -> str:  # noqa: D102
        return _row(_operator("["), _operator(",").join(map(self.write, formula.parts)), _operator("]"))

    def call(self, formula: Math) -> str:  # noqa: D102
        if formula.text == "where":
            condition, then, otherwise = map(self.write, formula.parts)
            rows = ((then, condition), (otherwise, "<mtext>otherwise</mtext>"))
            table = "".join(f"<mtr><mtd>{value}</mtd><mtd>{case}</mtd></mtr>" for value, case in rows)
            return _row(_operator("{"), f"<mtable columnalign='left left'>{table}</mtable>")
        inside = _operator(",").join(map(self.write, formula.parts))
        return _row(f"<mi>{escape(formula.text)}</mi>", _operator("\u2061"), self.brackets(inside))

    def sqrt(self, formula: Math) -> str:  # noqa: D102
        return f"<msqrt>{self.write(formula.parts[0])}</msqrt>"

    def exp(self, formula: Math) -> str:  # noqa: D102
        return f"<msup><mi>e</mi>{self.write(formula.parts[0])}</msup>"

    def sum(self, formula: Math) -> str:  # noqa: D102
        (of,) = formula.parts
        return _row(_operator("∑"), self.bracketed(of, POWER if of.kind == "negative" else PRODUCT))


def _name(name: Name) -> str:
    base = f"<mi>{escape(GREEK.get(name.base, name.base) + '′' * name.primes)}</mi>"
    if name.accent:
        base = f"<mover accent='true'>{base}<mo>{_ACCENTS[name.accent]}</mo></mover>"
    above, below = (f"<mtext>{escape(text)}</mtext>" for text in (name.above, name.below))
    if name.above and name.below:
        return f"<msubsup>{base}{below}{above}</msubsup>"
    if name.above:
        return f"<msup>{base}{above}</msup>"
    return f"<msub>{base}{below}</msub>" if name.below else base


def mathml_number(value: float) -> str:
    """A number as MathML; a power of ten where it is very large or small."""
    if not np.isfinite(value):
        return f"<mtext>{number_text(value)}</mtext>"
    digits, _, exponent = number_text(abs(value)).partition("e")
    written = f"<mn>{digits}</mn>"
    if exponent:
        written = _row(written, _operator("×"), f"<msup><mn>10</mn><mn>{int(exponent)}</mn></msup>")
    return _row(_operator("−"), written) if value < 0 else written


def mathml_value(value: Any) -> str:
    """A number, a small array as a matrix, or the space that a large one lies in."""
    array = np.asarray(value)
    if array.ndim == 0:
        return mathml_number(float(array))
    if fits_inline(array):
        rows = [array] if array.ndim == 1 else list(array)
        cells = ("".join(f"<mtd>{mathml_number(float(number))}</mtd>" for number in row) for row in rows)
        table = "".join(f"<mtr>{row}</mtr>" for row in cells)
        return _row(_operator("("), f"<mtable>{table}</mtable>", _operator(")"))
    size = _operator("×").join(f"<mn>{size}</mn>" for size in array.shape)
    return _row(
        _operator("…"), _operator("∈"), f"<msup><mi>{'ℝ' if array.dtype.kind == 'f' else 'ℤ'}</mi>{_row(size)}</msup>"
    )


_write = MathML().write


def as_mathml(formula: Math) -> str:
    """A formula as MathML, without the element ``math`` around it."""
    return _write(formula)


def math_element(*parts: str, block: bool = False) -> str:
    """Elements in one ``math`` element."""
    display = ' display="block"' if block else ""
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML"{display}>{"".join(parts)}</math>'
