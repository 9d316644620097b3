"""How much room a line of text takes: an estimate for any sans-serif font, on the safe side."""

from __future__ import annotations

import math
import re
import unicodedata
from html import escape

_NARROW = frozenset("iIjlftr.,:;'|!()[]{} ·′")
_WIDE = frozenset("mwMWQO@%−=+<>×÷≤≥≠→Σ—…")
LINE_HEIGHT = 1.35  # times the size of the letters
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', Verdana, sans-serif"


BOLD = 1.12  # how much wider bold letters are


def text_width(text: str, size: float, bold: bool = False) -> float:
    """An upper estimate of the width of a line, in pixels, for letters of ``size`` pixels.

    The widths are those of the widest sans-serif fonts in common use (DejaVu Sans, Verdana).
    """
    return size * math.fsum(map(_advance, text)) * (BOLD if bold else 1.0)


def _advance(letter: str) -> float:
    if letter in _NARROW:
        return 0.42
    if letter in _WIDE:
        return 0.99 if letter.isalpha() or letter in "@%…—" else 0.84
    if unicodedata.combining(letter):
        return 0.0
    if ord(letter) < 0x250 or 0x370 <= ord(letter) < 0x530:  # Latin, Greek and Cyrillic
        return 0.78 if letter.isupper() else 0.65
    return 1.05 if unicodedata.east_asian_width(letter) in "WFA" else 0.9


def shortened(text: str, most: int) -> str:
    """The text, or its beginning with an ellipsis, in at most ``most`` characters."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def markup(text: str) -> str:
    """The text as XML and HTML can hold it: signs escaped, what no XML may contain replaced."""
    return escape(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "�", text))
