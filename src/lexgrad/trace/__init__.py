"""From Python functions to graphs, and trees of parameters."""

from lexgrad.trace.tracing import Traced, trace, trace_with_trees
from lexgrad.trace.trees import TreeShape, tree_flatten, tree_map, tree_unflatten

__all__ = ["Traced", "TreeShape", "trace", "trace_with_trees", "tree_flatten", "tree_map", "tree_unflatten"]
