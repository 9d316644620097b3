"""From Python functions to graphs, and trees of parameters."""

from lexgrad.trace.scanning import packed_scan, scan
from lexgrad.trace.tracing import Called, Traced, call_on_inputs, settle_variables, trace, trace_with_trees
from lexgrad.trace.trees import TreeShape, tree_flatten, tree_map, tree_unflatten

__all__ = [
    "Called",
    "Traced",
    "TreeShape",
    "call_on_inputs",
    "packed_scan",
    "scan",
    "settle_variables",
    "trace",
    "trace_with_trees",
    "tree_flatten",
    "tree_map",
    "tree_unflatten",
]
