"""Reverse-mode differentiation: a graph in, a graph with its backward pass out."""

from lexgrad.grad.reverse import backward, differentiate, gradient

__all__ = ["backward", "differentiate", "gradient"]
