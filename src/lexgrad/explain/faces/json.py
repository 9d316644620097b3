"""A derivation as an object for JSON; docs/explain.md lists the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lexgrad.explain.faces.text import as_text
from lexgrad.explain.mathematics import Math

if TYPE_CHECKING:
    from lexgrad.explain.derivation import Derivation, Path

LARGEST = 10_000
"""Arrays of more entries are given by their shape alone."""


def derivation_json(derivation: Derivation) -> dict[str, Any]:
    """Python's own types only; numbers that are not finite are None."""
    target = derivation.target
    result: dict[str, Any] = {
        "target": target.name,
        "formula": as_text(target.formula),
        "value": json_value(target.value),
        "inputs": {step.name: json_value(step.value) for step in derivation.steps if step.kind == "input"},
        "gradients": {name: json_value(value) for name, value in derivation.gradients.items()},
        "steps": [
            {
                "name": step.name,
                "kind": step.kind,
                "formula": as_text(step.formula),
                "shape": list(step.value.shape),
                "value": json_value(step.value),
                "gradient": json_value(step.gradient),
            }
            for step in derivation.steps
        ],
        "edges": [
            {
                "of": edge.of.name,
                "with_respect_to": edge.wrt.name,
                "formula": _formula(edge.formula),
                "value": json_value(edge.value),
            }
            for edge in derivation.edges
            if edge.blame is not None
        ],
        "given": list(derivation.given),
    }
    if derivation.wrt is not None:
        result |= {
            "with_respect_to": as_text(derivation.symbol.parts[1]),
            "gradient": json_value(derivation.gradient),
            "layers": [step.name for step in derivation.layers],
            "paths": [_path(path) for path in derivation.paths],
            "number_of_paths": derivation.number_of_paths,
            "share": json_value(derivation.share),
            "sum": json_value(derivation.sum),
        }
    return result


def _path(path: Path) -> dict[str, Any]:
    factors = [
        {
            "of": as_text(factor.of),
            "with_respect_to": as_text(factor.wrt),
            "formula": _formula(factor.formula),
            "value": json_value(factor.value),
        }
        for factor in path.factors
    ]
    return {"factors": factors, "product": json_value(path.product)}


def _formula(formula: Math | None) -> str | None:
    return None if formula is None else as_text(formula)


def json_value(value: Any) -> Any:
    """A number or nested lists; None for what there is none of, for an array too large, and for NaN and infinity."""
    if value is None:
        return None
    array = np.asarray(value)
    if array.size > LARGEST:
        return None
    return _finite(array.tolist())


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
