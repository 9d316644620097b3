"""A derivation as a piece of HTML with MathML, for notebooks and pages."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from lexgrad.explain.faces.mathml import as_mathml, math_element, mathml_number, mathml_value
from lexgrad.explain.faces.report import Equation, product_of, remarks, sections
from lexgrad.explain.faces.writing import POWER

if TYPE_CHECKING:
    from lexgrad.explain.derivation import Derivation, Path

_EQUALS, _TIMES = "<mo>=</mo>", "<mo>·</mo>"
_STYLE = (
    "<style>.lexgrad-derivation table{border-collapse:collapse;margin:.3em 0 1em}"
    ".lexgrad-derivation td{padding:.2em .6em;text-align:left;vertical-align:middle;background:none}"
    ".lexgrad-derivation h4{margin:.6em 0 .2em;font-weight:600}"
    ".lexgrad-derivation .path{overflow-x:auto;margin:.4em 0}</style>"
)


def derivation_html(derivation: Derivation, picture: str = "") -> str:
    """A piece of HTML: the picture, if there is one, then values, local derivatives and paths as MathML."""
    drawn = f'<div class="path">{picture}</div>' if picture else ""
    return f'{_STYLE}<div class="lexgrad-derivation">{drawn}{"".join(_blocks(derivation))}</div>'


def _blocks(derivation: Derivation) -> Iterator[str]:
    for section in sections(derivation):
        rows = "".join(_row(equation) for equation in section.equations)
        yield f"<h4>{escape(section.title)}</h4><table><tbody>{rows}</tbody></table>"
    if derivation.paths:
        yield "<h4>The chain rule, path by path</h4>"
        yield from map(_path, derivation.paths)
        if len(derivation.paths) > 1:
            total = math_element(as_mathml(derivation.symbol), _EQUALS, mathml_value(derivation.sum), block=True)
            yield f'<div class="path">{total}</div>'
    for remark in remarks(derivation):
        yield f"<p>{escape(remark)}</p>"


def _row(equation: Equation) -> str:
    cells = [as_mathml(equation.left)]
    cells.append("" if equation.formula is None else as_mathml(equation.formula))
    cells.append("" if equation.value is None else mathml_value(equation.value))
    written = [math_element(cells[0])]
    written += [math_element(_EQUALS, cell) if cell else "" for cell in cells[1:]]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in written)}<td>{'given' if equation.given else ''}</td></tr>"


def _path(path: Path) -> str:
    from lexgrad.explain.faces.mathml import MathML

    symbols, formulas, values = product_of(path)
    if not symbols:
        return f'<div class="path">{math_element(mathml_number(path.product), block=True)}</div>'
    numbers = [mathml_number(value) if value >= 0 else MathML().brackets(mathml_number(value)) for value in values]
    parts = [
        _TIMES.join(map(as_mathml, symbols)),
        _TIMES.join(MathML().bracketed(formula, POWER) for formula in formulas),
        _TIMES.join(numbers),
        *([mathml_number(path.product)] if len(values) > 1 else []),
    ]
    return f'<div class="path">{math_element(_EQUALS.join(parts), block=True)}</div>'
