"""What the environment variable ``LEXGRAD_DEBUG`` asks to see of a compilation."""

from __future__ import annotations

import os


def asked(*words: str) -> bool:
    """Whether one of these words is in it: ``profile``, ``passes``."""
    return any(word in words for word in os.environ.get("LEXGRAD_DEBUG", "").split(","))
