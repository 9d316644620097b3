"""lexgrad: the whole step as one program, many steps a launch; a file a family of workloads."""

from __future__ import annotations

from bench.systems.lexgrad_compiled import convolution, generation, language, linear, pooled, recurrent, tagging, toy

_FAMILIES = (language, generation, pooled, convolution, recurrent, linear, tagging, toy)
PREPARE = {name: prepare for family in _FAMILIES for name, prepare in family.PREPARE.items()}
