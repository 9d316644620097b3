"""Rewrites of graphs before they are run or compiled: named rules as rows of data, and the pipeline of all of them.

``simplify`` is what most callers want. Rules live in one file a family, each beside an example of where it fires; most
are one line that reads as mathematics, ``pattern_rule("s * x + s * y → s * (x + y)")``, and whoever adds one has it
tested by adding it. ``LEXGRAD_DEBUG=passes`` shows what fires.
"""

from lexgrad.passes.simplify import (
    FAMILIES,
    LOOP_RULES,
    PIPELINE,
    RULES,
    Pass,
    apply_rules,
    common_subexpressions,
    dead_code,
    run,
    simplify,
    stabilise,
)

__all__ = [
    "FAMILIES",
    "LOOP_RULES",
    "PIPELINE",
    "RULES",
    "Pass",
    "apply_rules",
    "common_subexpressions",
    "dead_code",
    "run",
    "simplify",
    "stabilise",
]
