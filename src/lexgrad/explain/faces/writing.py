"""What the writers of formulas share: one method for each kind of formula, and brackets where they are needed."""

from __future__ import annotations

from collections.abc import Callable

from lexgrad.explain.mathematics import Math

# How strongly operations bind; what is not here needs no brackets.
BINDING = {
    "relation": 1,
    "add": 2,
    "subtract": 2,
    "multiply": 3,
    "divide": 3,
    "matmul": 3,
    "outer": 3,
    "negative": 4,
    "power": 5,
}
SUM, PRODUCT, SIGN, POWER, ATOM = 2, 3, 4, 5, 9


class Writer:
    """Writes formulas; a method for each kind of them, called as the kind is."""

    binding = BINDING

    def write(self, formula: Math) -> str:
        """The formula in this notation."""
        rule: Callable[[Math], str] = getattr(self, formula.kind)
        return rule(formula)

    def bracketed(self, formula: Math, wanted: int) -> str:
        """The formula, in brackets where it binds less strongly than ``wanted``."""
        text = self.write(formula)
        return self.brackets(text) if self.binding.get(formula.kind, ATOM) < wanted else text

    def brackets(self, text: str) -> str:
        """The text in round brackets."""
        return f"({text})"

    def operands(self, formula: Math) -> tuple[str, str]:
        """Both operands of a sign: of one strength they group from the left, a - (b - c) keeps its brackets."""
        own = self.binding[formula.kind]
        first, second = formula.parts
        # Sums and products do not mind how they are grouped.
        loose = formula.kind == second.kind and formula.kind in ("add", "multiply")
        return self.bracketed(first, own), self.bracketed(second, own + (not loose))
