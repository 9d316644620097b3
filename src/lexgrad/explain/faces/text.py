"""Formulas as plain text, as a person would type them: ``c * (a + 2 * b)``, ``∂L/∂W1[0, 0]``."""

from __future__ import annotations

from collections.abc import Callable

from lexgrad.explain.faces.writing import ATOM, BINDING, POWER, Writer
from lexgrad.explain.mathematics import Math


def _sign(sign: str) -> Callable[[Writer, Math], str]:
    return lambda self, formula: sign.join(self.operands(formula))


class Text(Writer):
    """One line of text."""

    binding = BINDING | {"partial": POWER}

    def number(self, formula: Math) -> str:  # noqa: D102
        return f"{formula.value:.6g}"

    def name(self, formula: Math) -> str:  # noqa: D102
        return formula.text

    def entry(self, formula: Math) -> str:  # noqa: D102
        return f"{self.bracketed(formula.parts[0], ATOM)}[{', '.join(map(str, formula.value))}]"

    def index(self, formula: Math) -> str:  # noqa: D102
        return f"{self.bracketed(formula.parts[0], ATOM)}[{self.write(formula.parts[1])}]"

    def partial(self, formula: Math) -> str:  # noqa: D102
        of, wrt = (self.bracketed(part, ATOM) for part in formula.parts)
        return f"∂{of}/∂{wrt}"

    add, subtract, multiply, divide, matmul, outer = map(_sign, (" + ", " - ", " * ", " / ", " @ ", " ⊗ "))

    def relation(self, formula: Math) -> str:  # noqa: D102
        return f" {formula.text} ".join(self.operands(formula))

    def power(self, formula: Math) -> str:  # noqa: D102
        return f"{self.bracketed(formula.parts[0], ATOM)} ** {self.bracketed(formula.parts[1], POWER)}"

    def negative(self, formula: Math) -> str:  # noqa: D102
        return f"-{self.bracketed(formula.parts[0], POWER)}"

    def transpose(self, formula: Math) -> str:  # noqa: D102
        return f"{self.bracketed(formula.parts[0], ATOM)}ᵀ"

    def absolute(self, formula: Math) -> str:  # noqa: D102
        return f"|{self.write(formula.parts[0])}|"

    def list(self, formula: Math) -> str:  # noqa: D102
        return f"[{', '.join(map(self.write, formula.parts))}]"

    def call(self, formula: Math) -> str:  # noqa: D102
        return f"{formula.text}({', '.join(map(self.write, formula.parts))})"

    def sqrt(self, formula: Math) -> str:  # noqa: D102
        return f"sqrt({self.write(formula.parts[0])})"

    def exp(self, formula: Math) -> str:  # noqa: D102
        return f"exp({self.write(formula.parts[0])})"

    def sum(self, formula: Math) -> str:  # noqa: D102
        return f"sum({self.write(formula.parts[0])})"


as_text = Text().write
"""The formula in one line."""
