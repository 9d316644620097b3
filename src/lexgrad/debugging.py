"""What the environment variable ``LEXGRAD_DEBUG`` asks to see."""

from __future__ import annotations

import os
import re


def asked(*words: str) -> bool:
    """Whether one of these words is in it: ``nonfinite``, ``passes``, ``profile``, ``traceback``."""
    return not {*words}.isdisjoint(re.split(r"\W+", os.environ.get("LEXGRAD_DEBUG", "")))
