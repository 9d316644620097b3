"""How well a language model predicts a text: perplexity, bits, and what they are counted in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.models.language.lines import Lines


def measures(lines: Lines, logarithms: NDArray[np.float64], unknown: NDArray[np.bool_]) -> dict[str, Any]:
    """Return what ``lexgrad perplexity`` reports.

    The end of each line is predicted as well, and counts as a word and as a character. Perplexity is per word, however
    words are cut into tokens, so that models of words, pieces and characters can be compared on the same text:
    exp(−Σ log P / words).

    Args:
        lines: the text.
        logarithms: float64 (tokens,), the natural logarithm of the probability of every token, ends of lines included.
        unknown: bool (tokens,), which of them are the unknown token.

    Returns:
        perplexity and bits_per_word; words, and unknown: how many of the tokens are the unknown one;
        perplexity_known: per token, of all that are not; loss: nats per token, of tokens; bits_per_character;
        characters; lines.
    """
    words, characters = lines.words + len(lines), lines.characters + len(lines)
    total = -float(logarithms.sum())
    known = logarithms[~unknown]
    return {
        "perplexity": _exp(total / words),
        "words": words,
        "unknown": int(unknown.sum()),
        "bits_per_word": total / words / math.log(2),
        "perplexity_known": _exp(-float(known.mean())) if len(known) else None,
        "loss": total / len(logarithms),
        "tokens": len(logarithms),
        "bits_per_character": total / characters / math.log(2),
        "characters": characters,
        "lines": len(lines),
    }


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
