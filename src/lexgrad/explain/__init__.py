"""Seeing through a graph: values, local derivatives, and the chain rule as numbers, symbols and pictures."""

from lexgrad.explain.checking import Check
from lexgrad.explain.derivation import Derivation, Factor, Path, explain
from lexgrad.explain.steps import Edge, Step

__all__ = ["Check", "Derivation", "Edge", "Factor", "Path", "Step", "explain"]
