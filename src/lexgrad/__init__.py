"""lexgrad: neural text models that train fast on ordinary machines, and that people can see through."""

from __future__ import annotations

__version__ = "0.1.0"
