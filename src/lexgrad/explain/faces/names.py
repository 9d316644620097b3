"""Names in the lectures' notation: ``W1`` is W^{[1]}, ``x2`` is x_2, ``y_hat`` is ŷ; ``W^{[1]}_{11}`` is itself."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from lexgrad.explain.mathematics import Math

LAYERED = set("WUbzahgAZH")
"""Letters whose number counts layers, and stands above in square brackets; other numbers stand below."""

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "theta": "θ", "lambda": "λ",
    "mu": "μ", "nu": "ν", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "psi": "ψ", "omega": "ω", "Delta": "Δ",
    "Theta": "Θ", "Sigma": "Σ", "Phi": "Φ", "Omega": "Ω", "ell": "ℓ",
}  # fmt: skip
_LETTERS = {letter: name for name, letter in GREEK.items()}
_ACCENTS = {"hat": "hat", "bar": "bar", "tilde": "tilde"}
_ACCENTED = {"ŷ": ("y", "hat")}
_SCRIPT = r"(?:\{(?P<%s>[^{}]*)\}|(?P<%s1>[A-Za-z0-9]))"
_TEX = re.compile(
    r"^\\?(?P<base>[A-Za-z]+)(?:\^" + _SCRIPT % ("up", "up") + r")?(?:_" + _SCRIPT % ("down", "down") + r")?$"
)
_TEX_DOWN_FIRST = re.compile(
    r"^\\?(?P<base>[A-Za-z]+)_" + _SCRIPT % ("down", "down") + r"\^" + _SCRIPT % ("up", "up") + r"$"
)
_PYTHON = re.compile(
    r"^(?P<base>[^\W\d_]+?)(?P<accent>_?(?:hat|bar|tilde))?(?P<number>\d+)?(?:_(?P<down>\w+))?(?P<prime>'*)$"
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")


@dataclass(frozen=True)
class Name:
    """A name taken apart.

    Attributes:
        base: a letter, the name of a Greek one ("eta"), or a word.
        above: superscript, or "".
        below: subscript, or "".
        accent: "hat", "bar", "tilde" or "".
        primes: how many.
    """

    base: str
    above: str = ""
    below: str = ""
    accent: str = ""
    primes: int = 0

    def at(self, index: tuple[int, ...]) -> Name:
        """An entry, counted from 1 as mathematics does: W^{[1]} at (0, 0) is W^{[1]}_{11}."""
        numbers = [str(i + 1) for i in index]
        joined = ("" if all(len(number) == 1 for number in numbers) else ",").join(numbers)
        below = f"{self.below},{joined}" if self.below else joined
        return Name(self.base, self.above, below, self.accent, self.primes)

    @property
    def word(self) -> bool:
        """Whether the base is a word, and no letter."""
        return len(self.base) > 1 and self.base not in GREEK


@functools.cache
def parsed(text: str) -> Name:
    """Take a name apart; what has no such form is a word as a whole."""
    match = _TEX.match(text) or _TEX_DOWN_FIRST.match(text) if "^" in text or "{" in text or "\\" in text else None
    if match:
        base, accent = _base(match["base"], "")
        above, below = match["up"] or match["up1"] or "", match["down"] or match["down1"] or ""
        return Name(base, above, below, accent)
    match = _PYTHON.match(text)
    if not match:
        return Name(text)
    base, accent = _base(match["base"], (match["accent"] or "").strip("_"))
    number, below = match["number"] or "", match["down"] or ""
    above = ""
    if number and (base in LAYERED):
        above = f"[{number}]"
    elif number:
        below = f"{number},{below}" if below else number
    return Name(base, above, below, accent, len(match["prime"]))


def bare(formula: Math) -> bool:
    """Whether a formula is a name, or an entry of one, above which there is room for an exponent."""
    of = formula.parts[0] if formula.kind == "entry" else formula
    return of.kind == "name" and not parsed(of.text).above and not parsed(of.text).primes


def _base(base: str, accent: str) -> tuple[str, str]:
    if base in _ACCENTED:
        return _ACCENTED[base]
    return _LETTERS.get(base, base), _ACCENTS.get(accent, "")
